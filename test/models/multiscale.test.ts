import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant } from "../../src/graph/tensor.ts";
import { fastBatch } from "../../src/models/fast-training.ts";
import { multiscale } from "../../src/models/multiscale.ts";
import { overViews } from "../../src/models/test-views.ts";
import { modelTests } from "./model-tests.ts";

const small = { widths: "4-6", scales: 2, summary: 8, code: 8 };
modelTests(multiscale, [
  { ...small, adversarial: "off" },
  { ...small, adversarial: "on", generatorWidth: 4 },
]);

describe("views of a picture at a test", () => {
  // 1 2 / 3 4, and logits that are the four pixels.
  const picture = constant(ndarray("float32", [1, 2, 2, 1], [1, 2, 3, 4]));
  const seen = (...[views, mirror]: [Parameters<typeof overViews>[0], boolean]) => [
    ...interpret([overViews(views, mirror, picture, g.flatten)])[0]!.data,
  ];

  it("are the picture alone, or with its mirror image where that is of its class", () => {
    expect(seen("one", true)).toEqual([1, 2, 3, 4]);
    expect(seen("mirror", true)).toEqual([1.5, 1.5, 3.5, 3.5]);
    expect(seen("mirror", false)).toEqual([1, 2, 3, 4]);
  });

  it("or also the picture moved by a pixel along the diagonal, either way, edges doubled", () => {
    // Down and to the right: 1 1 / 1 1; up and to the left: 4 4 / 4 4.
    expect(seen("six", false)).toEqual([1, 2, 3, 4].map((value) => value / 2 + 5 / 4));
    expect(seen("six", true)).toEqual([1.5, 1.5, 3.5, 3.5].map((value) => value / 2 + 5 / 4));
  });
});

describe("batches of a fast net", () => {
  it("are 512 pictures, or fewer where an epoch would be under sixteen steps, down to 64", () => {
    const batches = [60000, 8192, 8191, 1237, 100].map((labelled) => fastBatch({ labelled, unlabelled: 0 }));
    expect(batches).toEqual([512, 512, 256, 64, 64]);
  });
});
