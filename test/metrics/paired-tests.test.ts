// Tests of paired results against scipy (test/reference/paired_tests.py) and closed forms.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { clusteredMcnemar, holm, mcnemar, pairedT } from "../../src/metrics/paired-tests.ts";
import { fairCoinBelow, incompleteBeta, logGamma, normalTails } from "../../src/metrics/tails.ts";

interface Reference {
  mcnemar: { only: number; other: number; n: number; p: number }[];
  pairedT: { first: number[]; second: number[]; p: number }[];
  normalTails: [number, number][];
  logGamma: [number, number][];
  incompleteBeta: [number, number, number, number][];
}
const reference: Reference = JSON.parse(
  readFileSync(join(import.meta.dirname, "../reference/paired-tests.json"), "utf8"),
);

/** Equal but for rounding in float64: ten digits, which is what differences of log-gammas of ten thousands leave. */
const expectEqual = (found: number, expected: number, what: string) =>
  expect(Math.abs(found - expected), what).toBeLessThanOrEqual(1e-10 * Math.abs(expected) + 1e-15);

/** Whether two classifiers are right, of which each alone is right about so many pictures. */
function outcomes(only: number, other: number, both: number): [number[], number[]] {
  const first = [...new Array(only).fill(1), ...new Array(other).fill(0), ...new Array(both).fill(1)];
  const second = [...new Array(only).fill(0), ...new Array(other).fill(1), ...new Array(both).fill(1)];
  return [first, second];
}

describe("tails", () => {
  it("are those of scipy", () => {
    for (const [x, value] of reference.logGamma) expectEqual(logGamma(x), value, `logGamma ${x}`);
    for (const [a, b, x, value] of reference.incompleteBeta)
      expectEqual(incompleteBeta(a, b, x), value, `I ${a} ${b} ${x}`);
    for (const [z, p] of reference.normalTails) expectEqual(normalTails(z), p, `z ${z}`);
  });

  it("of a fair coin count as one counts on fingers", () => {
    expectEqual(fairCoinBelow(0, 4), 1 / 16, "none of four");
    expectEqual(fairCoinBelow(1, 4), 5 / 16, "one of four");
    expectEqual(fairCoinBelow(4, 4), 1, "all");
  });
});

describe("paired tests", () => {
  it("McNemar's has scipy's binomial p", () => {
    for (const { only, other, n, p } of reference.mcnemar)
      expectEqual(mcnemar(...outcomes(only, other, n - only - other)), p, `${only} against ${other}`);
  });

  it("Student's has scipy's p", () => {
    for (const { first, second, p } of reference.pairedT)
      expectEqual(pairedT(first, second), p, `${first.length} pairs`);
    expect(pairedT([1, 2, 3], [1, 2, 3])).toBe(1);
  });

  it("the clustered one is McNemar's without correction for one seed, and is no surer for a seed that repeats the first", () => {
    const [first, second] = outcomes(30, 12, 400);
    const once = clusteredMcnemar([first], [second]);
    expectEqual(once, normalTails(18 / Math.sqrt(42)), "one seed");
    expectEqual(clusteredMcnemar([first, first], [second, second]), once, "twice the same");
    expect(clusteredMcnemar([first], [first])).toBe(1);
  });

  it("Holm's adjustment is that of the definition, in any order", () => {
    const close = (found: number[], expected: number[]) => {
      for (const [i, p] of found.entries()) expectEqual(p, expected[i]!, `${i}`);
    };
    close(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
    close(holm([0.9, 0.5]), [1, 1]);
    expect(holm([])).toEqual([]);
  });
});
