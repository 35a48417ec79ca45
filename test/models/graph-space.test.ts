// Where neighbours are looked for: points along principal axes of rows of which the axes are known.
import { expect, it } from "vitest";
import { PRETRAINED, pointsIn } from "../../src/models/graph-space.ts";

/** Orthogonal waves over n places, each of mean 0 and of mean square 1. */
const wave = (n: number, k: number) => (i: number) => Math.SQRT2 * Math.cos((Math.PI * k * (i + 0.5)) / n);

it("points along principal axes have variances of one half of their order, and length 1", () => {
  const [n, d] = [90, 70];
  const amplitudes = [9, 4, 1];
  const [places, axes] = [amplitudes.map((_, a) => wave(n, a + 1)), amplitudes.map((_, a) => wave(d, a + 2))];
  const rows = Float32Array.from({ length: n * d }, (_, at) => {
    const [i, j] = [Math.floor(at / d), at % d];
    return 5 + amplitudes.reduce((sum, amplitude, a) => sum + amplitude * places[a]!(i) * axes[a]!(j), 0);
  });
  const points = pointsIn(rows, n, { ...PRETRAINED, width: 3 });
  expect(points.length).toBe(3 * n);
  // Of amplitudes a, over √a: √a a place. Axes may point either way, of which products of two points do not depend.
  const known = Array.from({ length: n }, (_, i) => amplitudes.map((a, k) => Math.sqrt(a) * places[k]!(i)));
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum: number, value, k) => sum + value * y[k]!, 0);
  for (const [i, j] of [
    [0, 0],
    [3, 71],
    [40, 41],
    [89, 12],
  ] as const) {
    const expected = dot(known[i]!, known[j]!) / Math.sqrt(dot(known[i]!, known[i]!) * dot(known[j]!, known[j]!));
    // Rows are float32.
    expect(dot(points.subarray(3 * i, 3 * i + 3), points.subarray(3 * j, 3 * j + 3))).toBeCloseTo(expected, 4);
  }
});

it("no more axes than there are numbers or rows, and rows that are all the same, give finite points", () => {
  expect(pointsIn(Float32Array.of(1, 2, 3, 5, 8, 13), 3, PRETRAINED).length).toBe(3 * 2);
  const same = pointsIn(new Float32Array(5 * 4).fill(2), 5, PRETRAINED);
  expect(same.every((value) => value === 0)).toBe(true);
});
