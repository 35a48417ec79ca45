import { describe, expect, it } from "vitest";
import { randomProjection } from "../../src/propagation/projection.ts";
import { Random } from "../../src/random/random.ts";

describe("random projection", () => {
  it("keeps squared distances in expectation: over many pairs their ratio is 1 on average", () => {
    const [n, width, target] = [400, 200, 32];
    const points = new Float32Array(n * width);
    new Random(3, "points").fillNormal(points);
    const projected = randomProjection(points, width, target);
    const squared = (rows: Float32Array, d: number, i: number, j: number) => {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += (rows[i * d + k]! - rows[j * d + k]!) ** 2;
      return sum;
    };
    let mean = 0;
    for (let i = 0; i < n; i += 2)
      mean += squared(projected, target, i, i + 1) / squared(points, width, i, i + 1) / (n / 2);
    // A ratio has a standard deviation of √(2 / 32) = 0.25; the mean of 200, of 0.018, and the matrix is one for all.
    expect(Math.abs(mean - 1)).toBeLessThan(0.1);
  });

  it("leaves points alone that have no more numbers than asked for", () => {
    const points = Float32Array.of(1, 2, 3, 4);
    expect(randomProjection(points, 2, 2)).toBe(points);
  });
});
