// What training from few labels takes of a model, and the smoothing of its labels.
import { expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { SCALAR_PREFIX } from "../../src/graph/names.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant } from "../../src/graph/tensor.ts";
import { FEW_LABELS_BATCH, fewLabels } from "../../src/models/few-labels.ts";
import type { Head } from "../../src/models/heads.ts";
import type { Batch } from "../../src/models/model.ts";
import { momentNormalised } from "../../src/nn/moments.ts";
import { adam } from "../../src/nn/optim.ts";
import { orientations } from "../../src/nn/orientations.ts";
import { schedule } from "../../src/nn/schedule.ts";
import { Build } from "../../src/nn/scope.ts";

it("labels are spread over how edges run in normalised pictures, and without anything else to learn there is one stage", () => {
  const data = { height: 9, width: 9, channels: 1, mirror: false, classes: ["a", "b"] };
  const rule = { updates: [], optimizer: adam(), learningRate: 1e-3, schedule: schedule("constant") };
  const { stages, heads, streams } = fewLabels({
    ...{ data, rule, classify: (_, seen) => g.flatten(seen), generative: [], share: 0 },
  });
  expect(stages.map(({ name }) => name)).toEqual(["classifier"]);
  expect(stages[0]!.refresh!.heads).toEqual(["edges", "features", "classify"]);
  // Both batches together are as many pictures as rates go by, at the default size; what no guess is used of takes no place.
  expect(Object.keys(streams)).toEqual(["bank", "labelled"]);
  expect(streams.bank).toMatchObject({ only: "trust" });
  expect(128 * (streams.bank!.share! + streams.labelled!.share!)).toBe(FEW_LABELS_BATCH);
  // Twice and three times as large as what edges are looked for in: means of 2 x 3 pixels.
  const [height, width] = [40, 70];
  const picture = constant(
    ndarray(
      "float32",
      [1, height, width, 1],
      Float32Array.from({ length: height * width }, (_, i) => (i * i) % 7),
    ),
  );
  const edges = heads.edges!.build(new Build(false).root, { picture, n: 1 } as Parameters<Head["build"]>[1]);
  expect(interpret([edges])[0]!.data).toEqual(
    interpret([orientations(momentNormalised(g.avgPool(picture, [2, 3], { padding: 0 })))])[0]!.data,
  );
});

it("known labels are smoothed as the model asks", () => {
  const float = (shape: number[], ...values: number[]) => constant(ndarray("float32", shape, values));
  // One picture of the second class, whose pixels are its logits, and the same one guessed and not used.
  const x = float([1, 1, 2, 1], 3, 1);
  const rows = { labels: constant(ndarray("int32", [1], [1])), weights: float([1], 1), labelled: float([1], 1) };
  const batch: Batch = { ...rows, x, views: { x }, tables: { guess: float([1, 2], 0, 1), trust: float([1], 0) } };
  const losses = (smoothing?: number) => {
    const { stages } = fewLabels({
      data: { height: 1, width: 2, channels: 1, mirror: false, classes: ["a", "b"] },
      classify: (_, seen) => g.flatten(seen),
      ...{ generative: [], share: 0.5, smoothing },
      rule: { updates: [], optimizer: adam(), learningRate: 1e-3, schedule: schedule("constant") },
    });
    const build = new Build(true);
    const { log } = stages.at(-1)!.phases[0]!.loss(build.root, batch, { labelled: batch, bank: batch });
    const annealed = [...build.annealed.keys()].map((path) => [
      `${SCALAR_PREFIX}annealed/${path}`,
      ndarray("float32", [], [0]),
    ]);
    return interpret([log.class!, log.guessed!], Object.fromEntries(annealed)).map(({ data }) => data[0]!);
  };
  const [first, second] = [Math.log1p(Math.exp(-2)), Math.log1p(Math.exp(2))];
  expect(losses()[0]).toBeCloseTo(second, 12);
  // A share of the label is spread evenly over both classes.
  expect(losses(0.4)[0]).toBeCloseTo(0.2 * first + 0.8 * second, 12);
  expect(losses(0.4)[1]).toBe(0);
});
