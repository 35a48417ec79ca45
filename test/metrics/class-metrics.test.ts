// Metrics of class probabilities against scikit-learn and scipy, on random and on degenerate cases.
import { describe, expect, it } from "vitest";
import { cohenKappa, matthewsCorrelation, topAccuracy } from "../../src/metrics/agreement.ts";
import { classAreas } from "../../src/metrics/class-curves.ts";
import {
  argmax,
  classificationMetrics,
  classScores,
  confusionMatrix,
  meanScores,
  softmaxRows,
} from "../../src/metrics/classification.ts";
import { wilsonInterval } from "../../src/metrics/intervals.ts";
import { adaptiveCalibrationError, brierScore } from "../../src/metrics/probability-scores.ts";
import reference from "../reference/classes.json" with { type: "json" };
import { wave } from "../reference/wave.ts";

/** A reference's null is "there is none" here. */
const orNone = (value: number | null) => (value === null ? undefined : expect.closeTo(value, 9));

describe.each(Object.entries(reference))("pictures: %s", (_name, expected) => {
  const { n, k, labels } = expected;
  const p = softmaxRows(wave([n, k], expected.phase, expected.scale).data, k);
  const matrix = confusionMatrix(p, labels, k);

  it("have the accuracy, log-loss, calibration error and F1 of scikit-learn, and its scores of each class", () => {
    const { accuracy, balancedAccuracy, macroF1, nll, ece } = expected;
    const wanted = Object.entries({ accuracy, balancedAccuracy, nll, ece, macroF1 });
    expect(classificationMetrics(p, labels, k)).toEqual(
      Object.fromEntries(wanted.map(([name, value]) => [name, expect.closeTo(value, 10)])),
    );
    expect(matrix).toEqual(expected.confusion);
    const rows = classScores(matrix).map(({ precision, recall, f1, support }) => [precision, recall, f1, support]);
    expect(rows).toEqual(expected.classes.map((row) => row.map((value) => expect.closeTo(value, 12))));
    const mean = meanScores(classScores(matrix));
    expect([mean.recall, mean.f1, mean.support]).toEqual([
      ...[balancedAccuracy, macroF1].map((value) => expect.closeTo(value, 12)),
      n,
    ]);
    const present = expected.classes.filter(([, , , support]) => support! > 0);
    expect(mean.precision).toBeCloseTo(present.reduce((sum, [precision]) => sum + precision!, 0) / present.length, 12);
  });

  it("have the agreement of scikit-learn", () => {
    expect(cohenKappa(matrix)).toEqual(orNone(expected.kappa));
    expect(matthewsCorrelation(matrix)).toBeCloseTo(expected.mcc, 9);
    if (expected.top2 !== null) expect(topAccuracy(p, labels, k, 2)).toBeCloseTo(expected.top2, 12);
  });

  it("have its scores and areas", () => {
    expect(brierScore(p, labels, k)).toBeCloseTo(expected.brier, 9);
    expect(adaptiveCalibrationError(p, labels, k)).toBeCloseTo(expected.ace, 9);
    const areas = classAreas(p, labels, k);
    expect(areas?.auroc).toEqual(orNone(expected.auroc));
    expect(areas?.averagePrecision).toEqual(orNone(expected.averagePrecision));
  });

  it("have scipy's interval of their accuracy", () => {
    const right = labels.filter((label, i) => argmax(p, i * k, k) === label).length;
    const [low, high] = wilsonInterval(right, n);
    expect([low, high]).toEqual(expected.wilson.map((value) => expect.closeTo(value, 9)));
  });

  it("without a label count nothing", () => {
    const more = [...p, ...p.subarray(0, k)];
    const known = [...labels, -1];
    expect(brierScore(more, known, k)).toBe(brierScore(p, labels, k));
    expect(adaptiveCalibrationError(more, known, k)).toBe(adaptiveCalibrationError(p, labels, k));
    expect(topAccuracy(more, known, k, 2)).toBe(topAccuracy(p, labels, k, 2));
    expect(classAreas(more, known, k)).toEqual(classAreas(p, labels, k));
  });
});

describe("without any label", () => {
  it("nothing is told", () => {
    expect([brierScore, adaptiveCalibrationError].map((of) => of([0.5, 0.5], [-1], 2))).toEqual([
      Number.NaN,
      Number.NaN,
    ]);
    expect(topAccuracy([0.5, 0.5], [-1], 2, 1)).toBe(Number.NaN);
    expect(classAreas([0.5, 0.5], [-1], 2)).toBeUndefined();
    expect(
      cohenKappa([
        [0, 0],
        [0, 0],
      ]),
    ).toBeUndefined();
  });
});

describe("equal probabilities", () => {
  it("count in the order of their classes, as the answer does", () => {
    const tied = [0.25, 0.25, 0.25, 0.25];
    expect([1, 2, 3, 4].map((top) => topAccuracy(tied, [2], 4, top))).toEqual([0, 0, 1, 1]);
  });
});
