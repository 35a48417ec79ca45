import { expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { constant } from "../../src/graph/tensor.ts";
import { hog } from "../../src/nn/hog.ts";
import reference from "../reference/baselines.json" with { type: "json" };
import { numbers } from "../reference/numbers.ts";

it.each(reference.hog)(
  "histograms of gradients of pictures $shape are those of scikit-image",
  ({ shape, cell, values }) => {
    const [h, w, c] = shape as [number, number, number];
    const pixels = Float32Array.from(numbers(h * w * c, h), (value) => Math.min(1, Math.floor(256 * value) / 255));
    const [found] = interpret(
      [hog(constant(ndarray("float32", [1, h, w, c], pixels)), { cell, block: 2, bins: 9 })],
      {},
    );
    expect(found!.data.length).toBe(values.length);
    // Differences of float32 pixels are rounded there, and so are lengths.
    for (const [i, value] of found!.data.entries()) expect(Math.abs(value - values[i]!)).toBeLessThan(1e-6);
  },
);
