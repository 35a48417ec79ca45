// Plans of sums: each has the value that its terms say, in no more instructions than the terms alone.
import { describe, expect, it } from "vitest";
import { TILES } from "../../../src/graph/winograd.ts";
import { Random } from "../../../src/random/random.ts";
import { groupsOf, type PlannedSum, planSums, type Term } from "../../../src/runtime/onednn/wasm/sums.ts";

/** What the sums of a plan are for these values, in the order of the sums. */
function valuesOf(plan: readonly PlannedSum[], values: readonly number[]): number[] {
  const all = [...values];
  const found: number[] = [];
  for (const { index, terms } of plan) {
    found[index] = terms.reduce((sum, [factor, value]) => sum + factor * all[value]!, 0);
    all.push(found[index]);
  }
  return found;
}

/** Additions, and multiplications of a group of equal factors. */
function instructions(sums: readonly (readonly Term[])[]): number {
  return sums.reduce((count, terms) => {
    const multiplied = groupsOf(terms).filter(([term]) => Math.abs(term![0]) !== 1);
    return count + Math.max(0, terms.length - 1) + multiplied.length;
  }, 0);
}

describe("a plan of sums", () => {
  it("has their values, whatever the factors", () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = new Random(seed, "sums");
      const count = 2 + random.integer(5);
      // Small whole numbers, of which sums are exact.
      const sums = Array.from({ length: 1 + random.integer(6) }, () =>
        Array.from({ length: count }, (_, value): Term => [random.integer(9) - 4, value]),
      );
      const values = Array.from({ length: count }, () => random.integer(100) - 50);
      const exact = sums.map((terms) => terms.reduce((sum, [factor, value]) => sum + factor * values[value]!, 0));
      expect(valuesOf(planSums(sums, count), values)).toEqual(exact);
    }
  });

  it("takes 12 instructions for a tile of a picture whose terms alone take 16", () => {
    const sums = TILES[4][4].picture.map((row) =>
      row.map((factor, value): Term => [factor, value]).filter(([factor]) => factor !== 0),
    );
    expect(instructions(sums)).toBe(16);
    expect(instructions(planSums(sums, 5).map(({ terms }) => terms))).toBe(12);
  });
});
