import { describe, expect, it } from "vitest";
import {
  calibrationBins,
  classificationMetrics,
  classScores,
  confusionMatrix,
  fitTemperature,
  softmaxRows,
} from "../../src/metrics/classification.ts";

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
    expect(calibrationBins(P, LABELS, 3).reduce((n, bin) => n + bin.count, 0)).toBe(4);
  });
});

describe("fitTemperature", () => {
  it("finds the factor by which logits were made too sure", () => {
    // Labels drawn from softmax(l); then the best temperature for 3 l is 3. With 3000 draws its standard error is near 0.1.
    const k = 4;
    const logits: number[] = [];
    const labels: number[] = [];
    let state = 1;
    const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;
    for (let i = 0; i < 3000; i++) {
      const row = Array.from({ length: k }, () => 4 * uniform() - 2);
      const p = softmaxRows(row, k);
      let u = uniform();
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
    // At the minimum a change of one in a thousand either way costs, if only a thousandth of a thousandth.
    for (const t of [found * 0.999, found * 1.001]) expect(nll(t)).toBeGreaterThan(nll(found));
  });

  it("goes to the bounds where every answer is right, or wrong, and stays at 1 where logits tell nothing", () => {
    // exp(-5 / 0.136) is half a unit in the last place of 1: colder makes no difference.
    expect(fitTemperature([5, 0, 0, 5], [0, 1], 2)).toBeLessThan(0.136);
    expect(fitTemperature([5, 0, 0, 5], [1, 0], 2)).toBeCloseTo(20, 6);
    expect(fitTemperature([2, 2, 3, 3], [0, 1], 2)).toBe(1);
  });
});
