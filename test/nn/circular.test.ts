import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { input } from "../../src/graph/tensor.ts";
import { circularDeviation, circularPeak, roll, turnedBins } from "../../src/nn/circular.ts";
import { expectClose } from "../helpers.ts";

const rows = (...values: number[][]): NdArray => ({
  shape: [values.length, values[0]!.length],
  dtype: "float32",
  data: Float64Array.from(values.flat()),
});
const bins = (k: number, value: (j: number) => number) => Array.from({ length: k }, (_, j) => value(j));
/** Distance around a circle of k. */
const apart = (a: number, b: number, k: number) => Math.min(Math.abs(a - b), k - Math.abs(a - b));

describe("distributions over bins of a circle", () => {
  it("roll moves entries on, the last to the first", () => {
    const x = input("x", [1, 4]);
    const found = [1, -1, 0, 5].map((by) => [...interpret([roll(x, by)], { x: rows([1, 2, 3, 4]) })[0]!.data]);
    expect(found).toEqual([
      [4, 1, 2, 3],
      [2, 3, 4, 1],
      [1, 2, 3, 4],
      [4, 1, 2, 3],
    ]);
  });

  it("circularPeak finds the centre of a parabola between bins, also over the end, and nothing between equal scores", () => {
    const k = 32;
    const centres = [7.3, 12, 31.6, 0.2];
    const scores = centres.map((centre) => bins(k, (j) => -0.5 * apart(j, centre, k) ** 2));
    const x = input("x", [5, k]);
    const [peak] = interpret([circularPeak(x)], {
      x: rows(
        ...scores,
        bins(k, () => 1),
      ),
    });
    // 31.6 lies before bin 0.
    expectClose(peak!.data, Float64Array.of(7.3, 12, -0.4, 0.2, 0), 1e-9, "peaks");
  });

  it("circularDeviation is √(-2 ln R): 0 for one bin, closed forms for two bins and for a wrapped normal, bounded for uniform", () => {
    const k = 64;
    const sigma = 0.5;
    const normal = bins(k, (j) => Math.exp(-0.5 * ((apart(j, 20, k) * 2 * Math.PI) / k / sigma) ** 2));
    const total = normal.reduce((a, b) => a + b, 0);
    const quarterApart = bins(k, (j) => (j === 0 || j === 16 ? 0.5 : 0));
    const x = input("x", [4, k]);
    const [deviation] = interpret([circularDeviation(x)], {
      x: rows(
        bins(k, (j) => (j === 5 ? 1 : 0)),
        quarterApart,
        normal.map((v) => v / total),
        bins(k, () => 1 / k),
      ),
    });
    const [single, two, wrapped, uniform] = deviation!.data;
    // Sines are float32 constants: R² may be 1e-7 off, and √ of that is 3e-4.
    expect(single).toBeLessThan(1e-3);
    // Two directions 90 degrees apart: R = cos 45° = √½.
    expect(two).toBeCloseTo(Math.sqrt(Math.log(2)), 5);
    // R of a wrapped normal is e^(-σ²/2); beyond half a circle this one has 1e-9 of its mass.
    expect(wrapped).toBeCloseTo(sigma, 5);
    // R is 0 up to the rounding of the constants, or cut at 1e-6.
    expect(uniform).toBeGreaterThan(5);
    expect(uniform).toBeLessThan(5.3);
  });

  it("turnedBins moves probabilities by whole bins, and shares them between two bins in between", () => {
    const x = input("x", [3, 4]);
    const shift = input("shift", [3]);
    const p = [0.1, 0.2, 0.3, 0.4];
    const by: NdArray = { shape: [3], dtype: "float32", data: Float64Array.of(1, 2.5, 3.75) };
    const [y] = interpret([turnedBins(x, shift)], { x: rows(p, p, p), shift: by });
    const expected = [
      ...[0.4, 0.1, 0.2, 0.3],
      ...[0.25, 0.35, 0.25, 0.15],
      ...[0.25 * 0.2 + 0.75 * 0.1, 0.25 * 0.3 + 0.75 * 0.2, 0.25 * 0.4 + 0.75 * 0.3, 0.25 * 0.1 + 0.75 * 0.4].map(
        (v) => v,
      ),
    ];
    expect(y!.data.length).toBe(12);
    // By 3.75: three quarters of entry i go to i + 4 = i, a quarter to i + 3.
    expectClose(y!.data, Float64Array.from(expected), 1e-9, "turned");
  });
});
