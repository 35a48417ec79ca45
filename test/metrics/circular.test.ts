import { describe, expect, it } from "vitest";
import { angleErrors, circularMean, haveDirection, wrapDegrees } from "../../src/metrics/circular.ts";
import { Random } from "../../src/random/random.ts";

describe("statistics of angles", () => {
  it("wrapDegrees gives the angle within half a period of 0", () => {
    expect([190, -190, 540, 180, 170].map((angle) => wrapDegrees(angle))).toEqual([-170, 170, -180, -180, 170]);
    expect([100, -100, 89, 270].map((angle) => wrapDegrees(angle, 180))).toEqual([-80, 80, 89, -90]);
  });

  it("circularMean of angles on both sides of the seam lies on it; opposite angles cancel", () => {
    const { mean, resultant } = circularMean([170, -170]);
    expect(Math.abs(mean)).toBeCloseTo(180, 9);
    expect(resultant).toBeCloseTo(Math.cos(Math.PI / 18), 9);
    expect(circularMean([20, 200]).resultant).toBeCloseTo(0, 9);
    expect(circularMean([]).resultant).toBe(0);
  });

  it("angles about one direction have one; uniform, opposite or few angles have none", () => {
    const random = new Random(1, "angles");
    const about = Array.from({ length: 50 }, () => 30 + 20 * random.normal());
    const uniform = Array.from({ length: 1000 }, () => 360 * random.uniform());
    const opposite = Array.from({ length: 50 }, (_, i) => 180 * i + 10 * random.normal());
    expect([about, uniform, opposite, [1, 2, 3], []].map(haveDirection)).toEqual([true, false, false, false, false]);
  });

  it("angleErrors are mean, median, and the share up to 10 degrees", () => {
    expect(angleErrors([30, 2, 10, 6])).toEqual({ mean: 12, median: 8, within10: 0.75 });
    expect(angleErrors([1, 9, 2]).median).toBe(2);
    expect(angleErrors([]).median).toBeNaN();
  });
});
