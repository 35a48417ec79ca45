// ROC and precision-recall curves against scikit-learn, on random and on degenerate cases.
import { describe, expect, it } from "vitest";
import { classCurves, precisionRecallCurve, rocCurve } from "../../src/metrics/curves.ts";
import { detectionMetrics } from "../../src/metrics/detection.ts";
import reference from "../reference/curves.json" with { type: "json" };

/** Numbers of the reference, which writes NaN as null and infinity in words. Both are quotients of small counts: to rounding. */
const numbers = (values: readonly (number | string | null)[]) =>
  values.map((value) =>
    value === null ? Number.NaN : value === "inf" ? Number.POSITIVE_INFINITY : expect.closeTo(Number(value), 12),
  );
const numbersOf = <K extends string>(curve: Record<K, readonly (number | string | null)[]>) =>
  Object.fromEntries(Object.entries<readonly (number | string | null)[]>(curve).map(([k, v]) => [k, numbers(v)]));

describe.each(Object.entries(reference.cases))("scores: %s", (_name, { scores, positive, roc, precisionRecall }) => {
  it("have scikit-learn's ROC curve", () => {
    expect(rocCurve(scores, positive)).toEqual(numbersOf(roc));
  });

  it("have its precision-recall curve", () => {
    expect(precisionRecallCurve(scores, positive)).toEqual(numbersOf(precisionRecall));
  });
});

describe("the curves of classes", () => {
  const probabilities = [0.7, 0.2, 0.1, 0.3, 0.3, 0.4, 0.1, 0.8, 0.1, 0.25, 0.25, 0.5, 0.2, 0.4, 0.4];
  const labels = [0, 1, 1, -1, 0];

  it("enclose the areas of their metrics", () => {
    const [first] = classCurves(probabilities, labels, 3);
    const { fpr, tpr } = first!.roc;
    const area = fpr.slice(1).reduce((sum, x, i) => sum + ((x - fpr[i]!) * (tpr[i + 1]! + tpr[i]!)) / 2, 0);
    // Of class 0: labelled 0 are 0.7 and 0.2, others 0.3 and 0.1.
    expect(area).toBeCloseTo(detectionMetrics([0.3, 0.1], [0.7, 0.2]).auroc, 12);
    expect(area).toBeCloseTo(0.75, 12);
  });

  it("are there for classes that some examples are of and some are not", () => {
    const found = classCurves(probabilities, labels, 3);
    expect(classCurves(probabilities, labels, 3, [2, 0])).toEqual([found[2], found[0]]);
    expect(found.map((curves) => curves !== undefined)).toEqual([true, true, false]);
    expect(classCurves([1, 0, 0.4, 0.6], [0, 0], 2)).toEqual([undefined, undefined]);
  });
});
