import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/propagation/graph.ts";
import { agreement, neighbourGraph, poissonLearning } from "../../src/propagation/poisson.ts";

/** A graph from an adjacency matrix. */
function graphOf(matrix: readonly (readonly number[])[]): Graph {
  const edges = matrix.map((row) => row.flatMap((weight, to) => (weight > 0 ? [{ to, weight }] : [])));
  const starts = [0];
  for (const row of edges) starts.push(starts.at(-1)! + row.length);
  return {
    starts: Int32Array.from(starts),
    to: Int32Array.from(edges.flat(), ({ to }) => to),
    weights: Float32Array.from(edges.flat(), ({ weight }) => weight),
    degree: Float32Array.from(matrix, (row) => row.reduce((a, b) => a + b, 0)),
  };
}

/** Two triangles with a weak bridge; one label in each. */
const MATRIX = [
  [0, 1, 1, 0, 0, 0],
  [1, 0, 1, 0, 0, 0],
  [1, 1, 0, 0.2, 0, 0],
  [0, 0, 0.2, 0, 1, 1],
  [0, 0, 0, 1, 0, 1],
  [0, 0, 0, 1, 1, 0],
];
const LABELS = Int32Array.of(0, -1, -1, -1, 1, -1);

describe("Poisson learning", () => {
  it("solves (D - W) u = b, with b one-hot less mean one-hot at labelled points and 0 elsewhere", () => {
    const u = poissonLearning(graphOf(MATRIX), LABELS, 2, 2000);
    const source = (i: number, c: number) => (LABELS[i]! < 0 ? 0 : Number(LABELS[i] === c) - 0.5);
    for (let i = 0; i < 6; i++)
      for (let c = 0; c < 2; c++) {
        const degree = MATRIX[i]!.reduce((a, b) => a + b, 0);
        const laplacian = degree * u[i * 2 + c]! - MATRIX[i]!.reduce((sum, w, j) => sum + w * u[j * 2 + c]!, 0);
        // u is float32 and about 1.
        expect(laplacian).toBeCloseTo(source(i, c), 4);
      }
  });

  it("gives each cluster the label that is in it", () => {
    const u = poissonLearning(graphOf(MATRIX), LABELS, 2);
    expect(Array.from({ length: 6 }, (_, i) => Number(u[i * 2 + 1]! > u[i * 2]!))).toEqual([0, 0, 0, 1, 1, 1]);
  });

  it("leaves a point without edges without an answer", () => {
    const alone = graphOf([
      [0, 1, 0],
      [1, 0, 0],
      [0, 0, 0],
    ]);
    expect([...poissonLearning(alone, Int32Array.of(0, 1, -1), 2).subarray(4)]).toEqual([0, 0]);
  });
});

describe("the graph of neighbours", () => {
  it("has weights exp(-4 d² / d_k²), averaged over both directions", () => {
    // Points 0, 1 and 3 on a line, two neighbours each.
    const { starts, to, weights, degree } = neighbourGraph({
      k: 2,
      index: Int32Array.of(1, 2, 0, 2, 1, 0),
      squared: Float32Array.of(1, 9, 1, 4, 4, 9),
    });
    const weight = (i: number, j: number) => {
      for (let e = starts[i]!; e < starts[i + 1]!; e++) if (to[e] === j) return weights[e]!;
      return 0;
    };
    const expected = (Math.exp(-4 / 9) + Math.exp(-1)) / 2;
    expect(weight(0, 1)).toBeCloseTo(expected, 6);
    expect(weight(1, 0)).toBeCloseTo(expected, 6);
    expect(weight(1, 2)).toBeCloseTo((Math.exp(-4) + Math.exp((-4 * 4) / 9)) / 2, 6);
    expect(degree[0]).toBeCloseTo(weight(0, 1) + weight(0, 2), 6);
  });
});

describe("the check of a graph with labels that are hidden", () => {
  const clusters = graphOf([...MATRIX]);

  it("gives 1 where each cluster has labels of one class, and every second of them is told by the others", () => {
    expect(agreement(clusters, Int32Array.of(0, 0, -1, -1, 1, 1), 2)).toBe(1);
  });

  it("gives little where neighbours have different classes", () => {
    expect(agreement(clusters, Int32Array.of(0, 1, -1, -1, 0, 1), 2)).toBeLessThan(0.6);
  });

  it("cannot tell where a class has one label, which would be hidden", () => {
    expect(agreement(clusters, Int32Array.of(0, 0, -1, -1, 1, -1), 2)).toBeUndefined();
  });
});
