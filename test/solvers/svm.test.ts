import { describe, expect, it } from "vitest";
import { chooseRadial, coupled, oneVersusRest } from "../../src/solvers/choice.ts";
import { foldsOf } from "../../src/solvers/examples.ts";
import { decisions, oneVersusOne } from "../../src/solvers/one-versus-one.ts";
import reference from "../reference/baselines.json" with { type: "json" };
import { clouds, solved } from "../reference/numbers.ts";

const WEIGHTS = [1, 2, 0.5];
const plain = clouds(90, 4, 3, 1.5, 7);
const examples = { ...plain, weights: Float32Array.from(plain.labels, (label) => WEIGHTS[label]!) };
const asked = clouds(12, 4, 3, 1.5, 21).rows;

describe("support vector machines", () => {
  it("decide as scikit-learn's SVC does, with weights of the classes", () => {
    const [machines] = solved(oneVersusOne(examples, 0.7, [3]));
    const found = decisions(machines!, examples, 0.7, asked);
    const expected = reference.svm.decisions;
    for (const [r, row] of expected.entries())
      for (const [p, [a, b]] of [
        [0, 1],
        [0, 2],
        [1, 2],
      ].entries()) {
        // Conditions of the optimum may be missed by 1e-3, as may the offset.
        expect(Math.abs(found[r * 9 + a! * 3 + b!]! - row[p]!)).toBeLessThan(3e-3);
        expect(found[r * 9 + b! * 3 + a!]).toBeCloseTo(-found[r * 9 + a! * 3 + b!]!, 6);
      }
    expect(machines!.unsolved).toBe(0);
    // One whose coefficient is hardly above 0 may be in one list alone.
    const own = new Set(machines!.vectors);
    const differing = reference.svm.vectors.filter((i) => !own.has(i)).length;
    expect(differing + machines!.vectors.length - reference.svm.vectors.length + differing).toBeLessThanOrEqual(3);
  });

  it("of several costs are those of each alone", () => {
    const both = solved(oneVersusOne(examples, 0.7, [1, 3]));
    const alone = solved(oneVersusOne(examples, 0.7, [3]));
    expect(both[1]).toEqual(alone[0]);
  });

  it("are linear as scikit-learn's LinearSVC", () => {
    const { weights, offsets } = solved(oneVersusRest(examples, 0.7, 1));
    for (let c = 0; c < 3; c++) {
      // Gradients are at most 0.01 apart at the end, of a function whose curvature is at least 1.
      expect(Math.abs(offsets[c]! - reference.linear.offsets[c]!)).toBeLessThan(0.01);
      for (let k = 0; k < 4; k++)
        expect(Math.abs(weights[k * 3 + c]! - reference.linear.weights[c]![k]!)).toBeLessThan(0.01);
    }
  });

  it("are sure of a class as far as its machines are", () => {
    // Of two classes: σ(slope · decision).
    const two = coupled(Float32Array.of(0, 0.8, -0.8, 0), 0, 2, 3);
    expect(1 / (1 + Math.exp(two[1]! - two[0]!))).toBeCloseTo(1 / (1 + Math.exp(-2.4)), 6);
    // Pairwise probabilities that come of class probabilities give these back.
    const p = [0.5, 0.3, 0.2];
    const logs = Float32Array.from({ length: 9 }, (_, at) => Math.log(p[Math.floor(at / 3)]! / p[at % 3]!));
    coupled(logs, 0, 3, 1).forEach((logit, c) => {
      expect(Math.exp(logit)).toBeCloseTo(p[c]!, 6);
    });
  });

  it("are chosen by pictures that were held out", () => {
    const folds = foldsOf(examples, 90, 3, 1);
    expect(folds.map(({ length }) => length)).toEqual([30, 30, 30]);
    expect(new Set(folds.flatMap((fold) => [...fold])).size).toBe(90);
    // A kernel so narrow that everything but itself is far from a picture says nothing of others.
    const choice = solved(chooseRadial(examples, folds, [1e4, 0.7], [3]));
    expect(choice.gamma).toBe(0.7);
    expect(choice.accuracy).toBeGreaterThan(0.5);
    // One class with a single example: nothing can be held out.
    const lone = { ...examples, labels: examples.labels.map((label, i) => (i === 0 ? 0 : label === 0 ? 1 : label)) };
    expect(foldsOf(lone, 90, 3, 1)).toEqual([]);
    expect(solved(chooseRadial(lone, [], [1, 2, 4], [3])).gamma).toBe(2);
  });
});
