import { describe, expect, it } from "vitest";
import {
  argmax,
  calibrationBins,
  classificationMetrics,
  classScores,
  confusionMatrix,
  fitTemperature,
  softmaxRows,
} from "../../src/metrics/classification.ts";
import { Random } from "../../src/random/random.ts";

// Four pictures, three classes; answers 0, 1, 1, 2 for labels 0, 1, 2, 2.
const P = Float64Array.from([0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.2, 0.5, 0.3, 0.05, 0.05, 0.9]);
const LABELS = [0, 1, 2, 2];

describe("classification metrics", () => {
  it("equal values worked out by hand", () => {
    const m = classificationMetrics(P, LABELS, 3);
    expect(m.accuracy).toBeCloseTo(3 / 4, 12);
    expect(m.balancedAccuracy).toBeCloseTo((1 + 1 + 0.5) / 3, 12);
    expect(m.nll).toBeCloseTo(-(Math.log(0.7) + Math.log(0.8) + Math.log(0.3) + Math.log(0.9)) / 4, 12);
    // F1: class 0: 1; class 1: precision 1/2, recall 1 -> 2/3; class 2: precision 1, recall 1/2 -> 2/3.
    expect(m.macroF1).toBeCloseTo((1 + 2 / 3 + 2 / 3) / 3, 12);
    // Every answer falls into a bin of its own: |1-0.7|, |1-0.8|, |0-0.5|, |1-0.9|, a quarter each.
    expect(m.ece).toBeCloseTo((0.3 + 0.2 + 0.5 + 0.1) / 4, 12);
  });

  it("are perfect for sure right answers and worst for sure wrong ones", () => {
    const sure = Float64Array.from([1, 0, 0, 1]);
    expect(classificationMetrics(sure, [0, 1], 2)).toMatchObject({ accuracy: 1, nll: 0, ece: 0, macroF1: 1 });
    const wrong = classificationMetrics(sure, [1, 0], 2);
    expect(wrong).toMatchObject({ accuracy: 0, ece: 1, macroF1: 0 });
    expect(wrong.nll).toBeGreaterThan(80);
  });

  it("count every picture once in the confusion matrix and the bins", () => {
    expect(confusionMatrix(P, LABELS, 3)).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 1, 1],
    ]);
    expect(classScores(confusionMatrix(P, LABELS, 3)).map((score) => score.support)).toEqual([1, 1, 2]);
    // Confidences 0.7, 0.8, 0.5 (wrong) and 0.9 in tenths; one of exactly 1 belongs to the last bin.
    const bins = calibrationBins(P, LABELS, 3, 10);
    expect(bins.map((bin) => [bin.count, bin.accuracy])).toEqual([
      ...new Array(5).fill([0, 0]),
      [1, 0],
      [0, 0],
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    expect(bins.map((bin) => bin.confidence)).toEqual([0, 0, 0, 0, 0, 0.5, 0, 0.7, 0.8, 0.9]);
    expect(calibrationBins([0, 1], [1], 2, 10)[9]).toEqual({ confidence: 1, accuracy: 1, count: 1 });
  });

  it("take the first of equal probabilities as the answer", () => {
    expect([argmax([1, 3, 3, 2]), argmax([2, 2, 2]), argmax([9, 9, 0, 5, 5], 2, 3)]).toEqual([1, 0, 1]);
    // Two pictures of three equal classes: the answer is class 0, right for the first.
    const tied = new Array<number>(6).fill(1 / 3);
    expect(confusionMatrix(tied, [0, 2], 3)).toEqual([
      [1, 0, 0],
      [0, 0, 0],
      [1, 0, 0],
    ]);
    expect(classificationMetrics(tied, [0, 2], 3).accuracy).toBe(0.5);
  });

  it("of rows without a label (-1) say nothing: they equal those of the labelled rows alone", () => {
    // Unlabelled rows before, between and after the four; sure answers, so that each would be seen if it counted.
    const sure = [0, 0, 1];
    const mixed = [...sure, ...P.subarray(0, 6), ...sure, ...P.subarray(6), ...sure];
    const labels = [-1, 0, 1, -1, 2, 2, -1];
    expect(confusionMatrix(mixed, labels, 3)).toEqual(confusionMatrix(P, LABELS, 3));
    expect(calibrationBins(mixed, labels, 3)).toEqual(calibrationBins(P, LABELS, 3));
    expect(classificationMetrics(mixed, labels, 3)).toEqual(classificationMetrics(P, LABELS, 3));
    expect(classificationMetrics([0.2, 0.8, 0.6, 0.4], [-1, 0], 2)).toEqual({
      accuracy: 1,
      balancedAccuracy: 1,
      nll: expect.closeTo(-Math.log(0.6), 12),
      ece: expect.closeTo(0.4, 12),
      macroF1: 1,
    });
  });

  it("of rows that are all unlabelled, or of none, are NaN; the tables count nothing", () => {
    const none = Object.fromEntries(
      ["accuracy", "balancedAccuracy", "nll", "ece", "macroF1"].map((m) => [m, Number.NaN]),
    );
    expect(classificationMetrics(P, [-1, -1, -1, -1], 3)).toEqual(none);
    expect(classificationMetrics([], [], 3)).toEqual(none);
    expect(confusionMatrix(P, [-1, -1, -1, -1], 3).flat()).toEqual(new Array(9).fill(0));
    expect(calibrationBins(P, [-1, -1, -1, -1], 3, 2)).toEqual(
      new Array(2).fill({ confidence: 0, accuracy: 0, count: 0 }),
    );
  });
});

describe("classScores", () => {
  it("are 0 where they are undefined: a class never answered, and one without examples", () => {
    // Class 0: 3 of 4 right; class 1: never answered; class 2: no example, answered once.
    const scores = classScores([
      [3, 0, 1],
      [2, 0, 0],
      [0, 0, 0],
    ]);
    expect(scores).toEqual([
      { precision: 3 / 5, recall: 3 / 4, f1: expect.closeTo(2 / 3, 12), support: 4 },
      { precision: 0, recall: 0, f1: 0, support: 2 },
      { precision: 0, recall: 0, f1: 0, support: 0 },
    ]);
  });
});

describe("softmaxRows", () => {
  it("equals exp(l / T) over its sum, row by row, also for logits beyond the range of exp", () => {
    // Logits 2 ln 1, 2 ln 3 at temperature 2: probabilities 1/4, 3/4.
    const p = softmaxRows([0, 2 * Math.log(3), 5000, 5000 + 2 * Math.log(3)], 2, 2);
    for (const i of [0, 2]) {
      // Logits near 5000 are known to 2^-41.
      expect(p[i]).toBeCloseTo(1 / 4, 11);
      expect(p[i + 1]).toBeCloseTo(3 / 4, 11);
    }
    expect([...softmaxRows([1e4, 0], 2)]).toEqual([1, 0]);
  });
});

describe("fitTemperature", () => {
  it("finds the factor by which logits were made too sure", () => {
    // Labels drawn from softmax(l); then the best temperature for 3 l is 3. With 3000 draws its standard error is near 0.1.
    const k = 4;
    const logits: number[] = [];
    const labels: number[] = [];
    const random = new Random(1, "logits");
    for (let i = 0; i < 3000; i++) {
      const row = Array.from({ length: k }, () => 4 * random.uniform() - 2);
      const p = softmaxRows(row, k);
      let u = random.uniform();
      let label = 0;
      while (label < k - 1 && u > p[label]!) u -= p[label++]!;
      labels.push(label);
      logits.push(...row.map((value) => 3 * value));
    }
    const found = fitTemperature(logits, labels, k);
    expect(Math.abs(found - 3)).toBeLessThan(0.4);
    const nll = (t: number) => {
      const p = softmaxRows(logits, k, t);
      return labels.reduce((sum, label, i) => sum - Math.log(p[i * k + label]!), 0);
    };
    // The one mistake that is assumed moves the minimum by less than one in a thousand; a hundredth either way costs.
    for (const t of [found * 0.99, found * 1.01]) expect(nll(t)).toBeGreaterThan(nll(found));
  });

  it("equals the closed form for two classes: a confidence that follows the rule of succession", () => {
    // One of four answers with a logit of 2 is wrong: σ(2 / T) = (3 + 1) / (4 + 2), so T = 2 / ln 2.
    const logits = [2, 0, 2, 0, 2, 0, 2, 0];
    expect(fitTemperature(logits, [0, 0, 1, 0], 2)).toBeCloseTo(2 / Math.log(2), 8);
    expect(fitTemperature([...logits, 2, 0], [0, 0, 1, 0, -1], 2)).toBeCloseTo(2 / Math.log(2), 8);
  });

  it.each([1, 5, 50, 5000])("without a mistake among %i answers stays as uncertain as so few can show", (n) => {
    // The logit is 6 in all of them, of two classes: σ(6 / T) = (n + 1) / (n + 2), so T = 6 / ln(n + 1).
    const logits = Array.from({ length: n }, () => [6, 0]).flat();
    const found = fitTemperature(logits, new Array<number>(n).fill(0), 2);
    expect(found).toBeCloseTo(6 / Math.log(n + 1), 8);
    // Something else, whose logits are half as far apart, is never certain.
    expect(softmaxRows([3, 0], 2, found)[0]).toBeLessThan(0.99);
  });

  it("leaves rows without a label out, and is 1 where none has one", () => {
    const random = new Random(2, "logits");
    const logits = Array.from({ length: 40 }, () => 6 * random.uniform() - 3);
    const labels = Array.from({ length: 20 }, () => random.integer(2));
    const mixed = labels.flatMap((_, i) => [...logits.slice(2 * i, 2 * i + 2), 9, -9]);
    expect(
      fitTemperature(
        mixed,
        labels.flatMap((label) => [label, -1]),
        2,
      ),
    ).toBe(fitTemperature(logits, labels, 2));
    expect(fitTemperature(logits, new Array<number>(20).fill(-1), 2)).toBe(1);
    expect(fitTemperature([], [], 2)).toBe(1);
  });

  it("goes to the bound where every answer is wrong, and stays at 1 where logits tell nothing", () => {
    expect(fitTemperature([5, 0, 0, 5], [1, 0], 2)).toBeCloseTo(20, 6);
    expect(fitTemperature([2, 2, 3, 3], [0, 1], 2)).toBe(1);
  });
});
