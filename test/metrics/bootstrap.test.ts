// Bootstrap intervals: the metrics of counted examples against those of the examples themselves, the bootstrap of numpy, and how
// often intervals hold the truth.
import { describe, expect, it } from "vitest";
import { cohenKappa, matthewsCorrelation, topAccuracy } from "../../src/metrics/agreement.ts";
import { classIntervals, countedMetrics } from "../../src/metrics/bootstrap.ts";
import { classAreas } from "../../src/metrics/class-curves.ts";
import { classificationMetrics, confusionMatrix, softmaxRows } from "../../src/metrics/classification.ts";
import { wilsonInterval } from "../../src/metrics/intervals.ts";
import { brierScore } from "../../src/metrics/probability-scores.ts";
import { Random } from "../../src/random/random.ts";
import reference from "../reference/bootstrap.json" with { type: "json" };
import { wave } from "../reference/wave.ts";

const drawn = (seed: number, stream: string) => {
  const random = new Random(seed, stream);
  return (out: Float32Array) => random.fillUniform(out);
};

describe("metrics of counted examples", () => {
  const cases: Record<string, { n: number; k?: number; scale: number; label: (i: number) => number; most: number }> = {
    random: { n: 90, scale: 2, label: (i) => (i * i + 3 * i) % 4, most: 4 },
    "of more than five classes": { n: 90, k: 7, scale: 2, label: (i) => (i * i + 3 * i) % 7, most: 4 },
    "of ties": { n: 40, scale: 0, label: (i) => i % 3, most: 3 },
    "some without a label": { n: 60, scale: 2, label: (i) => (i % 5) - 1, most: 3 },
    "of one class": { n: 20, scale: 2, label: () => 1, most: 2 },
    one: { n: 1, scale: 2, label: () => 2, most: 1 },
  };
  it.each(Object.entries(cases))(
    "are those of the examples, so many times each: %s",
    (_name, { n, k = 4, scale, label, most }) => {
      const p = softmaxRows(wave([n, k], 0.4, scale).data, k);
      const labels = Array.from({ length: n }, (_, i) => label(i));
      const random = new Random(3, "counts");
      // The first example is there in any case.
      const counts = Int32Array.from(labels, (l, i) => (l < 0 ? 0 : i === 0 ? 1 : random.integer(most + 1)));
      const index = [...counts].flatMap((count, i) => new Array<number>(count).fill(i));
      const repeated = index.flatMap((i) => [...p.subarray(i * k, (i + 1) * k)]);
      const repeatedLabels = index.map((i) => labels[i]!);
      const matrix = confusionMatrix(repeated, repeatedLabels, k);
      const kappa = cohenKappa(matrix);
      const expected = {
        ...classificationMetrics(repeated, repeatedLabels, k),
        ...classAreas(repeated, repeatedLabels, k),
        ...{ mcc: matthewsCorrelation(matrix), brier: brierScore(repeated, repeatedLabels, k) },
        ...(kappa === undefined ? {} : { kappa }),
        ...(k > 5 ? { top5: topAccuracy(repeated, repeatedLabels, k, 5) } : {}),
      };
      // Sums in another order, in float64.
      for (const [name, value] of Object.entries(expected))
        expect(countedMetrics(p, labels, k)(counts), name).toHaveProperty(name, expect.closeTo(value, 10));
      expect(Object.keys(countedMetrics(p, labels, k)(counts)).sort()).toEqual(Object.keys(expected).sort());
    },
  );
});

describe.each(Object.entries(reference.cases))(
  "intervals of pictures: %s",
  (_name, { n, k, phase, scale, labels, found }) => {
    const p = softmaxRows(wave([n, k], phase, scale).data, k);
    const intervals = classIntervals(p, labels, k, drawn(1, "intervals"))!;

    it("are numpy's, of other resamples", () => {
      // The end of an interval of 1,000 resamples has a standard deviation of √(0.025 · 0.975 / 1000) / density, which is 0.085
      // standard deviations of a normal statistic; the stored ones are of 20,000 resamples. Four of them, and a step of those
      // statistics that are counts.
      for (const [name, { sd, interval, step }] of Object.entries(found)) {
        const ends = intervals[name as keyof typeof intervals]!;
        for (const side of [0, 1])
          expect(Math.abs(ends[side]! - interval[side]!), name).toBeLessThan(4 * 0.085 * sd + step);
      }
      expect(Object.keys(intervals).sort()).toEqual(Object.keys(found).sort());
    });

    it("are the same of the same seed, and others of another", () => {
      expect(classIntervals(p, labels, k, drawn(1, "intervals"))).toEqual(intervals);
      expect(classIntervals(p, labels, k, drawn(2, "intervals"))!.nll).not.toEqual(intervals.nll);
    });
  },
);

describe("intervals", () => {
  it("hold the truth about as often as they say", { tags: ["long"] }, () => {
    const truth = 0.8;
    const [sets, n] = [150, 80];
    let held = 0;
    for (let set = 0; set < sets; set++) {
      const random = new Random(set, "answers");
      const p = Array.from({ length: n }, () => (random.uniform() < truth ? [0.9, 0.1] : [0.2, 0.8])).flat();
      const labels = new Array<number>(n).fill(0);
      const [low, high] = classIntervals(p, labels, 2, drawn(set, "intervals"))!.accuracy!;
      held += Number(low <= truth && truth <= high);
    }
    // Of all resamples, percentile intervals of 80 answers hold 0.8 with probability 0.960 (binomial sums): 144 of 150 sets, ± 2.4.
    // Four of these below; a set or more is missed.
    expect(held).toBeGreaterThan(134);
    expect(held).toBeLessThan(150);
  });

  it("of a faultless set are a point for the accuracy, where Wilson's is none", () => {
    const p = [0.9, 0.1, 0.2, 0.8, 0.7, 0.3];
    const labels = [0, 1, 0];
    const found = classIntervals(p, labels, 2, drawn(0, "intervals"))!;
    expect([found.accuracy, found.auroc]).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(wilsonInterval(3, 3)[0]).toBeLessThan(0.5);
  });

  it("without any label are none, and without a second class have no area", () => {
    expect(classIntervals([0.5, 0.5], [-1], 2, drawn(0, "intervals"))).toBeUndefined();
    expect(classIntervals([0.5, 0.5], [1], 2, drawn(0, "intervals"))).not.toHaveProperty("auroc");
  });
});
