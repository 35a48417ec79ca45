import { describe, expect, it } from "vitest";
import { interpret } from "../../src/graph/interpret.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { fixedNormal, fixedUniform } from "../../src/nn/fixed-noise.ts";

const valuesOf = (x: Tensor): number[] => Array.from(interpret([x])[0]!.data);

describe("noise that is always the same", () => {
  it("is the same each time, and stands for every picture", () => {
    expect(valuesOf(fixedNormal(4, 3))).toEqual(valuesOf(fixedNormal(4, 3)));
    expect(valuesOf(fixedUniform([5, 5, 3]))).toEqual(valuesOf(fixedUniform([5, 5, 3])));
    expect(fixedNormal(4, 3).shape).toEqual([1, 4, 3]);
    expect(fixedUniform([5, 5, 3]).shape).toEqual([1, 5, 5, 3]);
  });

  it("has normal draws in pairs of opposite sign, the last of an odd number by itself", () => {
    const draws = valuesOf(fixedNormal(5, 2));
    for (const at of [0, 1, 4, 5]) expect(draws[at + 2]).toBe(-draws[at]!);
    expect(new Set(draws.map(Math.abs)).size).toBe(6);
  });

  it("is spread as it says", () => {
    const n = 20_000;
    const share = (values: number[], below: number) => values.filter((v) => v < below).length / n;
    // Four standard errors of a share of 20,000 numbers; of normal ones, which come in pairs, 10,000 count.
    const [normal, uniform] = [valuesOf(fixedNormal(n / 10, 10)), valuesOf(fixedUniform([n]))];
    for (const [below, expected] of [
      [-1, 0.1587],
      [0, 0.5],
      [1, 0.8413],
    ] as const)
      expect(Math.abs(share(normal, below) - expected)).toBeLessThan(4 * Math.sqrt(0.25 / (n / 2)));
    for (const below of [0.1, 0.5, 0.9])
      expect(Math.abs(share(uniform, below) - below)).toBeLessThan(4 * Math.sqrt(0.25 / n));
    expect(uniform.every((v) => v > 0 && v < 1)).toBe(true);
  });
});
