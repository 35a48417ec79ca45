// The plane of two principal axes, against vectors that were made along known ones.
import { describe, expect, it } from "vitest";
import { principalPlane } from "../../src/metrics/principal-plane.ts";

/** Vectors of 30 numbers: waves of the given amplitudes along orthonormal directions (columns of a cosine transform). */
function along(amplitudes: readonly number[], n: number, d = 30) {
  const direction = (k: number) =>
    Float64Array.from({ length: d }, (_, j) => Math.sqrt(2 / d) * Math.cos((Math.PI * (j + 0.5) * (k + 1)) / d));
  const coordinate = (i: number, k: number) => amplitudes[k]! * Math.SQRT2 * Math.cos((2 * Math.PI * (k + 1) * i) / n);
  const vectors = new Float32Array(n * d).fill(7);
  amplitudes.forEach((_, k) => {
    direction(k).forEach((value, j) => {
      for (let i = 0; i < n; i++) vectors[i * d + j]! += coordinate(i, k) * value;
    });
  });
  return { vectors, coordinate };
}

describe("the principal plane", () => {
  const n = 100;

  it.each([
    { case: "far apart", amplitudes: [1, 5, 3] },
    { case: "close to each other and to a third", amplitudes: [2.9, 3, 3.1, 2.8, 2.7] },
  ])("is that of the largest variances, $case", ({ amplitudes }) => {
    const { vectors, coordinate } = along(amplitudes, n);
    const { x, y, variance } = principalPlane(vectors, n);
    const order = amplitudes.map((_, k) => k).sort((a, b) => amplitudes[b]! - amplitudes[a]!);
    const total = amplitudes.reduce((sum, a) => sum + a ** 2, 0);
    [x, y].forEach((found, axis) => {
      const k = order[axis]!;
      const sign = Math.sign(found[0]! * coordinate(0, k));
      // Vectors are float32 around 7: single values are off by up to 4e-7, their projections by a few times that.
      for (let i = 0; i < n; i++) expect(found[i]).toBeCloseTo(sign * coordinate(i, k), 5);
      expect(variance[axis]).toBeCloseTo(amplitudes[k]! ** 2 / total, 6);
    });
  });

  it("is a line for vectors of one number, and a point for equal ones", () => {
    const line = principalPlane(Float32Array.from([1, 2, 3, 6]), 4);
    // But for the roundings of float64.
    for (const [i, place] of [-2, -1, 0, 3].entries()) expect(line.x[i]).toBeCloseTo(place, 14);
    expect([...line.y]).toEqual([0, 0, 0, 0]);
    expect(line.variance).toEqual([1, 0]);
    const point = principalPlane(new Float32Array(12).fill(4), 4);
    expect([...point.x, ...point.y, ...point.variance]).toEqual(new Array(10).fill(0));
  });
});
