import { describe, expect, it } from "vitest";
import { byMargin, byProbability } from "../../src/propagation/bank.ts";

describe("guessed labels", () => {
  it("are the class of the largest score; the margin over the second says how sure", () => {
    const { classes, confidence } = byMargin(Float32Array.of(0.5, 0.25, -1, -2, -1, -1.5), 3);
    expect([...classes]).toEqual([0, 1]);
    expect([...confidence]).toEqual([0.25, 0.5]);
  });

  it("are the class of the largest probability, which says how sure", () => {
    const { classes, confidence } = byProbability(Float32Array.of(0.25, 0.75, 0.5, 0.5), 2);
    expect([...classes]).toEqual([1, 0]);
    expect([...confidence]).toEqual([0.75, 0.5]);
  });
});
