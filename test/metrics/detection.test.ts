// Scores that tell novel pictures from known ones, against scikit-learn.
import { describe, expect, it } from "vitest";
import { detectionMetrics } from "../../src/metrics/detection.ts";

describe("detection metrics", () => {
  const known = [0.1, 0.4, 0.35, 0.8, 0.2, 0.2, 0.5, 0.9, 0.05, 0.3, 0.3, 0.6];
  const novel = [0.4, 0.7, 0.9, 0.2, 1.5, 1.2, 0.85];

  it("are those of scikit-learn 1.9.1, with ties within and between the two sets", () => {
    // roc_auc_score, average_precision_score, and the first value of roc_curve(drop_intermediate=False) with tpr >= 0.95.
    const found = detectionMetrics(known, novel);
    expect(found.auroc).toBeCloseTo(0.7976190476190476, 14);
    expect(found.aupr).toBeCloseTo(0.7459292808032303, 14);
    expect(found.fpr95).toBeCloseTo(0.8333333333333334, 14);
    const turned = detectionMetrics(
      novel.map((score) => -score),
      known.map((score) => -score),
    );
    expect(turned.auroc).toBeCloseTo(0.7976190476190476, 14);
    expect(turned.aupr).toBeCloseTo(0.8443664587046941, 14);
    expect(turned.fpr95).toBeCloseTo(0.7142857142857143, 14);
  });

  it("are perfect for sets that do not overlap, and those of chance for equal scores", () => {
    expect(detectionMetrics([0, 1], [2, 3, 4])).toEqual({ auroc: 1, aupr: 1, fpr95: 0 });
    // Shares of 49 that are added up come to more than 1.
    for (const n of [3, 6, 49, 93, 100])
      expect(
        detectionMetrics(
          [0],
          Array.from({ length: n }, (_, i) => 1 + i),
        ).aupr,
      ).toBe(1);
    expect(detectionMetrics([1, 1, 1], [1])).toEqual({ auroc: 0.5, aupr: 0.25, fpr95: 1 });
  });
});
