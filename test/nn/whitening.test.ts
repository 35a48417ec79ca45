import { describe, expect, it } from "vitest";
import { moments } from "../../src/base/linear-algebra.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { STATE_PREFIX } from "../../src/graph/names.ts";
import { input } from "../../src/graph/tensor.ts";
import { Build, initialState } from "../../src/nn/scope.ts";
import { whiten } from "../../src/nn/whitening.ts";
import { randomArray } from "../helpers.ts";

/** Pictures whose neighbours and channels are alike, as those of photographs are: means of 3x3 random values. */
function smooth(n: number, side: number, channels: number) {
  const noise = randomArray([n, side + 2, side + 2, channels], 1, [0, 1]);
  const shape = [n, side, side, channels];
  const data = new Float32Array(n * side * side * channels);
  const at = (i: number, y: number, x: number, k: number) =>
    noise.data[((i * (side + 2) + y) * (side + 2) + x) * channels + k]! + 0.5 * noise.data[i * channels]!;
  for (let i = 0, to = 0; i < n; i++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        for (let k = 0; k < channels; k++, to++)
          for (let tap = 0; tap < 9; tap++) data[to]! += at(i, y + Math.floor(tap / 3), x + (tap % 3), k) / 13.5;
  return { shape, dtype: "float32" as const, data };
}

describe("whitening", () => {
  it.each([1, 3])(
    "of pictures with %i channels gives outputs of mean 0, variance 1, uncorrelated, and their negatives",
    (c) => {
      const pictures = smooth(40, 9, c);
      const build = new Build(true);
      const y = whiten(build.root, input("x", pictures.shape));
      expect(y.shape).toEqual([40, 8, 8, 8 * c]);
      // The filters stay as they are: only the bias is trained.
      expect(build.trainable("").map(([path]) => path)).toEqual(["bias"]);
      const state = initialState(build.state, 1, pictures);
      const fed = Object.fromEntries([...state].map(([path, value]) => [STATE_PREFIX + path, value]));
      const { data } = interpret([y], { ...fed, x: pictures })[0]!;
      const size = 4 * c;
      const half = Float64Array.from(
        { length: data.length / 2 },
        (_, i) => data[2 * size * Math.floor(i / size) + (i % size)]!,
      );
      const rows = Array.from({ length: half.length / size }, (_, i) => i);
      for (const row of rows.slice(0, 50))
        for (let k = 0; k < size; k++) expect(data[2 * size * row + size + k]).toBeCloseTo(-half[size * row + k]!, 6);
      const { mean, covariance } = moments(half, size, rows);
      for (let i = 0; i < size; i++) {
        // Weights and biases are float32.
        expect(Math.abs(mean[i]!)).toBeLessThan(1e-4);
        for (let j = 0; j < size; j++)
          if (i !== j) expect(Math.abs(covariance[i * size + j]!)).toBeLessThan(1e-3);
          // A direction of variance v is divided by √(v + 0.0005 of a pixel's): here the least has a fortieth of a pixel's.
          else expect(covariance[i * size + i]).toBeGreaterThan(0.98);
      }
    },
  );

  it("needs pictures, and says so", () => {
    const build = new Build(true);
    whiten(build.root.child("first"), input("x", [1, 3, 3, 1]));
    expect(() => initialState(build.state, 1)).toThrowError(/"first\/bias" is measured on pictures/);
  });

  it("of pictures of one pixel in width is refused, with the way out", () => {
    const build = new Build(true);
    expect(() => whiten(build.root, input("x", [1, 32, 1, 1]))).toThrowError(/32x1 are too narrow .*--image 32x2/);
  });

  it("of pictures that are all one colour is finite", () => {
    const build = new Build(true);
    whiten(build.root, input("x", [1, 3, 3, 1]));
    const pictures = { shape: [2, 3, 3, 1], dtype: "float32" as const, data: new Float32Array(18).fill(0.5) };
    for (const { data } of initialState(build.state, 1, pictures).values())
      expect(data.every((value) => Number.isFinite(value))).toBe(true);
  });
});
