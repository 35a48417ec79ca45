import { describe, expect, it } from "vitest";
import { Nearest } from "../../src/propagation/nearest.ts";
import { Random } from "../../src/random/random.ts";

function normal(n: number, width: number, name: string): Float32Array {
  const points = new Float32Array(n * width);
  new Random(1, name).fillNormal(points);
  return points;
}

/** Squared distances of a point to all others, in float64. */
function distances(points: Float32Array, width: number, asked: Float32Array): number[] {
  return Array.from({ length: points.length / width }, (_, i) =>
    asked.reduce((sum, value, d) => sum + (value - points[i * width + d]!) ** 2, 0),
  );
}

/** The places of the k least distances, by sorting all. */
function leastOf(all: readonly number[], k: number, isAllowed: (place: number) => boolean): number[] {
  const allowed = [...all.keys()].filter(isAllowed);
  return allowed.sort((a, b) => all[a]! - all[b]!).slice(0, k);
}

function filled(points: Float32Array, width: number, k: number): Nearest {
  const n = points.length / width;
  const nearest = new Nearest(n, width, k);
  for (let i = 0; i < n; i++) nearest.put(i, points, i);
  return nearest;
}

describe("the nearest points", () => {
  // Widths with and without numbers that fill them up; counts that end a block or do not; as many as there are.
  it.each([
    [1, 40, 3],
    [3, 16, 1],
    [6, 100, 12],
    [64, 150, 20],
    [65, 33, 32],
  ])("of width %i among %i are the %i that sorting all distances gives, in that order", (width, n, k) => {
    const points = normal(n, width, "points");
    const asked = normal(5, width, "asked");
    const nearest = filled(points, width, k);
    for (let i = 0; i < 5; i++) {
      const all = distances(points, width, asked.subarray(i * width, (i + 1) * width));
      nearest.ask(asked, i);
      nearest.search(0, n);
      expect(new Set(nearest.places).size).toBe(k);
      for (const [j, place] of leastOf(all, k, () => true).entries()) {
        // A sum of up to 65 float32 squares: each addition rounds by 6e-8 of it at most, so that two of about the same may change places.
        expect(nearest.squared[j]! / all[place]!).toBeCloseTo(1, 5);
        expect(all[nearest.places[j]!]! / nearest.squared[j]!).toBeCloseTo(1, 5);
      }
    }
  });

  it("are looked for in the blocks of a range, part after part, and one place may be left out", () => {
    const [n, width] = [160, 5];
    const points = normal(n, width, "points");
    const nearest = filled(points, width, 4);
    const all = distances(points, width, points.subarray(20 * width, 21 * width));
    nearest.ask(points, 20);
    nearest.search(16, 33, 20);
    expect([...nearest.places]).toEqual(leastOf(all, 4, (place) => place >= 16 && place < 48 && place !== 20));
    nearest.search(130, 140, 20);
    const isSearched = (place: number) => (place >= 16 && place < 48) || (place >= 128 && place < 144);
    expect([...nearest.places]).toEqual(leastOf(all, 4, (place) => isSearched(place) && place !== 20));
  });

  it("are none where no point is, or what is there is not a number", () => {
    const points = Float32Array.of(1, 2, Number.NaN, 4);
    const nearest = new Nearest(20, 1, 3);
    for (const [i, place] of [0, 5, 7, 19].entries()) nearest.put(place, points, i);
    nearest.ask(Float32Array.of(3.5), 0);
    nearest.search(0, 20);
    expect([...nearest.places]).toEqual([19, 5, 0]);
    nearest.put(5, points, 2);
    nearest.ask(Float32Array.of(3.5), 0);
    nearest.search(0, 20);
    expect([...nearest.squared]).toEqual([0.25, 6.25, Number.POSITIVE_INFINITY]);
  });

  it("of the same distance are all found, and to points that are the same it is 0", () => {
    const nearest = filled(new Float32Array(40).fill(0.1), 2, 3);
    nearest.ask(Float32Array.of(0.1, 0.1), 0);
    nearest.search(0, 20);
    expect([...nearest.squared]).toEqual([0, 0, 0]);
    expect(new Set(nearest.places).size).toBe(3);
  });
});
