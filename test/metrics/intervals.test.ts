// Intervals of means and of areas, and of what is told of a score that finds novel pictures.
import { describe, expect, it } from "vitest";
import { countedDetection, detectionMetrics } from "../../src/metrics/detection.ts";
import { detectionIntervals } from "../../src/metrics/detection-intervals.ts";
import { areaInterval, meanInterval } from "../../src/metrics/intervals.ts";
import { Random } from "../../src/random/random.ts";

const normals = (n: number, seed: number, mean = 0): Float32Array => {
  const values = new Float32Array(n);
  new Random(seed, "scores").fillNormal(values);
  return values.map((value) => value + mean);
};

describe("the interval of a mean", () => {
  it("is that of the normal distribution", () => {
    // Deviation √(5 / 3), of the mean √(5 / 12); the quantile of 97.5 % is 1.959964.
    const [low, high] = meanInterval([1, 2, 3, 4])!;
    expect(low).toBeCloseTo(2.5 - 1.959963984540054 * Math.sqrt(5 / 12), 12);
    expect(high).toBeCloseTo(2.5 + 1.959963984540054 * Math.sqrt(5 / 12), 12);
    expect(meanInterval([7, 7, 7])).toEqual([7, 7]);
    expect(meanInterval([7])).toBeUndefined();
  });
});

describe("the interval of an area", () => {
  it("ends where the standard error of Hanley and McNeil reaches the area", () => {
    const [n, m, area] = [40, 25, 0.83];
    for (const end of areaInterval(area, n, m)) {
      // Q1 = A / (2 - A), Q2 = 2 A² / (1 + A): SE² = (A (1 - A) + e (Q1 + Q2 - 2 A²)) / (n m), for both numbers in place of n - 1 and m - 1.
      const e = (n + m) / 2 - 1;
      const [q1, q2] = [end / (2 - end), (2 * end ** 2) / (1 + end)];
      const error = Math.sqrt((end * (1 - end) + e * (q1 + q2 - 2 * end ** 2)) / (n * m));
      expect(Math.abs(area - end)).toBeCloseTo(1.959963984540054 * error, 10);
    }
  });

  it("is no point where nothing is wrong, stays inside 0..1, and narrows with more pictures", () => {
    const [low, high] = areaInterval(1, 50, 50);
    expect(high).toBe(1);
    expect(low).toBeGreaterThan(0.9);
    expect(low).toBeLessThan(0.99);
    expect(areaInterval(1, 5000, 5000)[0]).toBeGreaterThan(low);
    expect(areaInterval(0, 50, 50)).toEqual([0, expect.closeTo(1 - low, 12)]);
  });

  it("holds the truth about as often as it says, as DeLong's standard error does", () => {
    // Two normal distributions 1.5 deviations apart: Φ(1.5 / √2) = 0.8556.
    const truth = 0.8555778168267576;
    const [sets, n, m] = [400, 60, 40];
    let held = 0;
    let [widths, delong] = [0, 0];
    for (let set = 0; set < sets; set++) {
      const [known, novel] = [normals(n, 2 * set), normals(m, 2 * set + 1, 1.5)];
      const { auroc } = detectionMetrics(known, novel);
      const [low, high] = areaInterval(auroc, n, m);
      held += Number(low <= truth && truth <= high);
      widths += (high - low) / sets;
      delong += (2 * 1.96 * delongError(known, novel)) / sets;
    }
    // 380 of 400 are expected, ± 4.4: three of these on either side.
    expect(held).toBeGreaterThan(380 - 14);
    expect(held).toBeLessThan(380 + 14);
    expect(widths / delong).toBeGreaterThan(0.9);
    expect(widths / delong).toBeLessThan(1.1);
  });
});

/** The standard error of an area by DeLong et al. 1988: of the shares of the others that each score is above or below. */
function delongError(known: Float32Array, novel: Float32Array): number {
  const variance = (shares: number[]) => {
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    return shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / (shares.length - 1) / shares.length;
  };
  const ofNovel = Array.from(novel, (score) => known.filter((other) => other < score).length / known.length);
  const ofKnown = Array.from(known, (score) => novel.filter((other) => other > score).length / novel.length);
  return Math.sqrt(variance(ofNovel) + variance(ofKnown));
}

describe("what is told of a score", () => {
  const uniform = (seed: number) => {
    const random = new Random(seed, "intervals");
    return (out: Float32Array) => random.fillUniform(out);
  };
  // Of whole and half numbers: with ties.
  const rounded = (values: Float32Array) => values.map((value) => Math.round(2 * value) / 2);
  const [known, novel] = [rounded(normals(30, 1)), rounded(normals(20, 2, 1))];

  it("of counted pictures is that of the pictures, so many times each", () => {
    const random = new Random(3, "counts");
    const counts = Int32Array.from({ length: 50 }, (_, i) => (i === 0 || i === 30 ? 1 : random.integer(4)));
    const repeated = (scores: Float32Array, from: number) =>
      [...scores].flatMap((score, i) => new Array<number>(counts[from + i]!).fill(score));
    const expected = detectionMetrics(repeated(known, 0), repeated(novel, 30));
    const found = countedDetection(known, novel)(counts);
    for (const [name, value] of Object.entries(expected)) expect(found).toHaveProperty(name, expect.closeTo(value, 12));
  });

  it("lies within its intervals, which are the same of the same seed and hold other draws of these distributions", () => {
    const found = detectionIntervals(known, novel, uniform(1));
    expect(detectionIntervals(known, novel, uniform(1))).toEqual(found);
    expect(detectionIntervals(known, novel, uniform(2)).aupr).not.toEqual(found.aupr);
    for (const [name, value] of Object.entries(detectionMetrics(known, novel))) {
      const [low, high] = found[name as keyof typeof found];
      expect(low, name).toBeLessThan(value);
      expect(high, name).toBeGreaterThan(value);
    }
    // The average precision of many draws, of the same share of novel pictures.
    const truth = detectionMetrics(rounded(normals(30_000, 5)), rounded(normals(20_000, 6, 1))).aupr;
    expect(found.aupr[0]).toBeLessThan(truth);
    expect(found.aupr[1]).toBeGreaterThan(truth);
  });
});
