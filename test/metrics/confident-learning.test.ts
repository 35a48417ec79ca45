// Probable label errors against cleanlab's, the package of the method's authors, and against labels that were spoilt on purpose.
import { describe, expect, it } from "vitest";
import { softmaxRows } from "../../src/metrics/classification.ts";
import { labelIssues } from "../../src/metrics/confident-learning.ts";
import reference from "../reference/confident-learning.json" with { type: "json" };
import { wave } from "../reference/wave.ts";

describe.each(Object.entries(reference))("confident learning, %s", (_, { n, k, phase, scale, labels, ...expected }) => {
  const found = labelIssues(softmaxRows(wave([n, k], phase, scale).data, k), labels, k);

  it("has the thresholds and the confident joint of cleanlab", () => {
    // Both are sums of float64 over a few hundred probabilities.
    expected.thresholds.forEach((threshold, c) => {
      expect(found.thresholds[c]).toBeCloseTo(threshold, 10);
    });
    expect(found.joint).toEqual(expected.joint);
  });

  it("finds its label issues", () => {
    // Margins of neighbours in the order differ by more than rounding, or the order would be a matter of chance.
    expect(found.issues.map(({ index }) => index)).toEqual(expected.issues);
    expect(found.issues.length).toBeGreaterThan(10);
  });
});

describe("examples of which nothing can be said", () => {
  it("are left out: those without a label, and those that are confidently of no class", () => {
    // Class 0 is usual at 0.9, class 1 at 0.8; the third example reaches neither.
    const p = [0.9, 0.1, 0.2, 0.8, 0.85, 0.15, 0.01, 0.99];
    const { thresholds, joint, issues } = labelIssues(p, [0, 1, -1, -1], 2);
    expect([...thresholds]).toEqual([0.9, 0.8]);
    expect(joint).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(issues).toEqual([]);
  });

  it("a class without examples has no threshold and gets none", () => {
    const { thresholds, issues } = labelIssues([0.1, 0.9, 0.6, 0.4], [0, 0], 2);
    expect(thresholds[1]).toBeNaN();
    expect(issues).toEqual([]);
  });
});
