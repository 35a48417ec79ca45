import { describe, expect, it } from "vitest";
import { nearestNeighbours } from "../../src/propagation/neighbours.ts";
import { Random } from "../../src/random/random.ts";

const WIDTH = 6;

/** Points around a few centres, as latent vectors of classes lie. */
function clustered(n: number): Float32Array {
  const random = new Random(1, "points");
  const points = new Float32Array(n * WIDTH);
  random.fillNormal(points);
  for (let i = 0; i < n; i++) points[i * WIDTH + (i % 4)]! += 5;
  return points;
}

/** The distances from point `i` to its `k` nearest, by looking at all. */
function nearestOf(points: Float32Array, i: number, k: number): number[] {
  const n = points.length / WIDTH;
  const distances = Array.from({ length: n }, (_, j) => {
    let sum = 0;
    for (let d = 0; d < WIDTH; d++) sum += (points[i * WIDTH + d]! - points[j * WIDTH + d]!) ** 2;
    return sum;
  });
  return distances
    .filter((_, j) => j !== i)
    .sort((a, b) => a - b)
    .slice(0, k);
}

describe("nearest neighbours", () => {
  it("of few points are those that looking at all pairs finds, nearest first, and never the point itself", () => {
    const points = clustered(60);
    const { index, squared } = nearestNeighbours(points, WIDTH, 5);
    for (let i = 0; i < 60; i++) {
      expect([...index.subarray(i * 5, i * 5 + 5)]).not.toContain(i);
      // Float32 sums of six squares.
      nearestOf(points, i, 5).forEach((distance, j) => void expect(squared[i * 5 + j]).toBeCloseTo(distance, 4));
    }
  });

  it("of many points are nearly all found, though only the nearest lists are searched", () => {
    const n = 3000;
    const points = clustered(n);
    const { squared } = nearestNeighbours(points, WIDTH, 10);
    let found = 0;
    for (let i = 0; i < n; i += 10)
      for (const [j, distance] of nearestOf(points, i, 10).entries())
        if (squared[i * 10 + j]! <= distance * (1 + 1e-5)) found++;
    // 8 of 55 lists are searched.
    expect(found / (n / 10) / 10).toBeGreaterThan(0.95);
  });

  it("of points that are all the same are at distance 0", () => {
    const { squared } = nearestNeighbours(new Float32Array(20 * WIDTH).fill(3), WIDTH, 4);
    expect([...squared]).toEqual(new Array(80).fill(0));
  });

  it("of fewer points than are asked for are as many as there are", () => {
    expect(nearestNeighbours(clustered(4), WIDTH, 10).k).toBe(3);
    for (const n of [0, 1]) expect(nearestNeighbours(clustered(n), WIDTH, 10)).toMatchObject({ k: 0 });
  });

  it("are as many as are asked for where the nearest lists hold fewer: then all are looked at", () => {
    const points = clustered(400);
    const { squared } = nearestNeighbours(points, WIDTH, 300);
    // 8 of 20 lists are some 160 points. Distances are up to 100, of which float32 sums of six squares are off by 4e-5.
    for (const i of [0, 123, 399])
      nearestOf(points, i, 300).forEach((distance, j) => void expect(squared[i * 300 + j]).toBeCloseTo(distance, 3));
  });

  it("are never a point with NaN in it, which has none itself", () => {
    const points = clustered(300);
    points[7 * WIDTH + 2] = Number.NaN;
    const { index, squared } = nearestNeighbours(points, WIDTH, 5);
    const of = (i: number) => ({
      index: [...index.subarray(i * 5, i * 5 + 5)],
      squared: [...squared.subarray(i * 5, i * 5 + 5)],
    });
    expect(of(7)).toEqual({ index: new Array(5).fill(-1), squared: new Array(5).fill(Number.POSITIVE_INFINITY) });
    for (let i = 0; i < 300; i++)
      if (i !== 7) {
        expect(of(i).index).not.toContain(7);
        expect(of(i).squared.every(Number.isFinite)).toBe(true);
      }
  });
});
