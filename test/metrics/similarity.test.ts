// PSNR and SSIM against scikit-image, as plain functions and as the graph that evaluates a model.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ndarray, zeros } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { input } from "../../src/graph/tensor.ts";
import { meanSquaredError, psnr } from "../../src/metrics/psnr.ts";
import { ssim } from "../../src/metrics/ssim.ts";
import { similarity } from "../../src/predict/similarity.ts";
import { BACKENDS } from "../helpers.ts";
import { wave } from "../reference/wave.ts";

/** Written by test/reference/similarity.py with scikit-image 0.26. */
const reference = JSON.parse(readFileSync(new URL("../reference/similarity.json", import.meta.url), "utf8")) as {
  readonly shape: readonly [number, number, number];
  readonly psnr: number;
  readonly ssim: number;
}[];

const picture = (shape: readonly number[], phase: number) =>
  Float64Array.from(wave(shape, phase, 0.5).data, (value) => value + 0.5);

describe.each(reference)("pictures of $shape", ({ shape, ...expected }) => {
  const [height, width, channels] = shape;
  const [x, y] = [picture(shape, 0.2), picture(shape, 0.9)];

  it("have the PSNR and SSIM of scikit-image", () => {
    // Of the same float32 values, in float64.
    expect(psnr(meanSquaredError(x, y))).toBeCloseTo(expected.psnr, 9);
    expect(ssim(x, y, { height, width, channels })).toBeCloseTo(expected.ssim, 9);
  });

  it.each(BACKENDS)("have the same SSIM as a graph on $name", async (backend) => {
    const tensors = [input("x", [2, ...shape]), input("y", [2, ...shape])] as const;
    const output = similarity(...tensors);
    const both = (first: Float64Array, second: Float64Array) => [...first, ...second];
    const values = { x: both(x, y), y: both(y, y) };
    const exact = interpret([output], {
      x: ndarray("float32", tensors[0].shape, Float64Array.from(values.x)),
      y: ndarray("float32", tensors[1].shape, Float64Array.from(values.y)),
    })[0]!.data;
    expect(exact[0]).toBeCloseTo(expected.ssim, 6);
    expect(exact[1]).toBeCloseTo(1, 9);
    const executable = await backend.compile("similarity", { output }, { mode: "infer" });
    const result = zeros([2]);
    await executable.run(
      {
        x: ndarray("float32", tensors[0].shape, values.x),
        y: ndarray("float32", tensors[1].shape, values.y),
      },
      { output: result },
    );
    // Variances are differences of means of squares near 0.3: float32 leaves 1e-7 of that over c2 = 9e-4.
    expect(result.data[0]).toBeCloseTo(expected.ssim, 3);
    await executable.dispose();
  });
});

describe("the extremes", () => {
  it("of PSNR: equal pictures have that of the rounding of bytes, opposite ones 0 dB", () => {
    expect(psnr(0)).toBeCloseTo(10 * Math.log10(12 * 255 ** 2), 10);
    expect(psnr(meanSquaredError([0, 1], [1, 0]))).toBe(-0);
  });

  it("of SSIM: equal pictures have 1, and pictures smaller than the window a smaller window", () => {
    const shape = { height: 6, width: 9, channels: 1 };
    const x = picture([6, 9, 1], 0.4);
    expect(ssim(x, x, shape)).toBeCloseTo(1, 12);
    const inverted = x.map((value) => 1 - value);
    expect(ssim(x, inverted, shape)).toBeLessThan(0);
  });
});
