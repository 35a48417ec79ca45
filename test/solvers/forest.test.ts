import { describe, expect, it } from "vitest";
import { take } from "../../src/solvers/examples.ts";
import { growForest, type Tree } from "../../src/solvers/forest.ts";
import reference from "../reference/baselines.json" with { type: "json" };
import { clouds, solved } from "../reference/numbers.ts";

const all = clouds(1200, 6, 4, 1.7, 11);
const [first, second] = [0, 600].map((from) =>
  take(
    all,
    Int32Array.from({ length: 600 }, (_, i) => from + i),
  ),
);
const settings = { trees: 100, depth: 40, leaves: 600, least: 1, tried: 2 };

/** The leaf of a row. */
function leafOf({ features, thresholds, children, leaves }: Tree, row: Float32Array): number {
  let node = 0;
  while (children[node] !== node) node = children[node]! + Number(row[features[node]!]! > thresholds[node]!);
  return leaves[node]!;
}

const answer = (trees: readonly Tree[], row: Float32Array): number => {
  const shares = [0, 1, 2, 3].map((c) => trees.reduce((sum, tree) => sum + tree.shares[leafOf(tree, row) * 4 + c]!, 0));
  return shares.indexOf(Math.max(...shares));
};

describe("a forest", () => {
  it("answers as often rightly as scikit-learn's of the same settings", () => {
    const trees = solved(growForest(first!, settings, 1));
    const rowOf = (i: number) => second!.rows.subarray(6 * i, 6 * (i + 1));
    const right = [...second!.labels].filter((label, i) => answer(trees, rowOf(i)) === label).length / 600;
    // Three standard errors of the difference of two shares of the same 600 where one of five is answered otherwise: √(0.2 / 600).
    expect(Math.abs(right - reference.forest.accuracy)).toBeLessThan(3 * 0.0183);
  });

  it("has leaves of one class where it may divide for long, and fewer of them where it may not", () => {
    const trees = solved(growForest(first!, { ...settings, trees: 3 }, 1));
    for (const { shares } of trees) expect([...shares].every((share) => share === 0 || share === 1)).toBe(true);
    const [few] = solved(growForest(first!, { ...settings, trees: 1, leaves: 7 }, 1));
    expect(few!.shares.length / 4).toBe(7);
    const [flat] = solved(growForest(first!, { ...settings, trees: 1, depth: 3 }, 1));
    const depthOf = (node: number): number => {
      const child = flat!.children[node]!;
      return child === node ? 0 : 1 + Math.max(depthOf(child), depthOf(child + 1));
    };
    expect(depthOf(0)).toBe(3);
  });

  it("divides first where the impurity falls most", () => {
    // Every feature is tried, and the two halves lie apart in the third alone.
    const n = 40;
    const labels = Int32Array.from({ length: n }, (_, i) => Number(i >= n / 2));
    const rows = Float32Array.from({ length: n * 3 }, (_, at) =>
      at % 3 === 2 ? Number(at >= (3 * n) / 2) + 0.1 * (at % 7) : (at * 7) % 5,
    );
    const halves = { rows, d: 3, labels, classes: 2, weights: new Float32Array(n).fill(1) };
    const [tree] = solved(growForest(halves, { ...settings, trees: 1, tried: 3 }, 1));
    expect([...tree!.children]).toEqual([1, 1, 2]);
    expect(tree!.features[0]).toBe(2);
    expect(tree!.thresholds[0]).toBeGreaterThan(0.6);
    expect(tree!.thresholds[0]).toBeLessThan(1);
  });

  it("gives a class of weight 0 no say", () => {
    const weights = Float32Array.from(first!.labels, (label) => Number(label > 0));
    const [tree] = solved(growForest({ ...first!, weights }, { ...settings, trees: 1 }, 1));
    expect(Math.max(...tree!.shares.filter((_, at) => at % 4 === 0))).toBe(0);
  });
});
