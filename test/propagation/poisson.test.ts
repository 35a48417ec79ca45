import { describe, expect, it } from "vitest";
import { type Graph, graphOf } from "../../src/propagation/graph.ts";
import { nearestNeighbours } from "../../src/propagation/neighbours.ts";
import { agreement, neighbourGraph, poissonLearning } from "../../src/propagation/poisson.ts";

/** A graph from an adjacency matrix. */
function ofMatrix(matrix: readonly (readonly number[])[]): Graph {
  const edges = matrix.map((row) => row.flatMap((weight, to) => (weight > 0 ? [{ to, weight }] : [])));
  const starts = [0];
  for (const row of edges) starts.push(starts.at(-1)! + row.length);
  return graphOf({
    starts: Int32Array.from(starts),
    to: Int32Array.from(edges.flat(), ({ to }) => to),
    weights: Float32Array.from(edges.flat(), ({ weight }) => weight),
    degree: Float32Array.from(matrix, (row) => row.reduce((a, b) => a + b, 0)),
  });
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
    const u = poissonLearning(ofMatrix(MATRIX), LABELS, 2, 2000);
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
    const u = poissonLearning(ofMatrix(MATRIX), LABELS, 2);
    expect(Array.from({ length: 6 }, (_, i) => Number(u[i * 2 + 1]! > u[i * 2]!))).toEqual([0, 0, 0, 1, 1, 1]);
  });

  it("leaves a point without edges without an answer", () => {
    const alone = ofMatrix([
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
      n: 3,
      k: 2,
      index: Int32Array.of(1, 2, 0, 2, 1, 0),
      squared: Float32Array.of(1, 9, 1, 4, 4, 9),
    });
    const weight = (i: number, j: number) => {
      for (let e = starts[i]!; e < starts[i + 1]!; e++) if (to[e] === j) return weights[e]!;
      return 0;
    };
    const expected = (Math.exp(-4 / 9) + Math.exp(-1)) / 2;
    // Float32 sums below 1.
    expect(weight(0, 1)).toBeCloseTo(expected, 6);
    expect(weight(1, 0)).toBeCloseTo(expected, 6);
    expect(weight(1, 2)).toBeCloseTo((Math.exp(-4) + Math.exp((-4 * 4) / 9)) / 2, 6);
    expect(degree[0]).toBeCloseTo(weight(0, 1) + weight(0, 2), 6);
  });

  it("has no edges of a point with NaN in it, and the others get their labels", () => {
    const points = Float32Array.of(0, 1, 2, 3, Number.NaN, 100, 101, 102, 103);
    const graph = neighbourGraph(nearestNeighbours(points, 1, 2));
    expect(graph.weights.every((weight) => weight > 0 && weight <= 1)).toBe(true);
    expect([...graph.to]).not.toContain(4);
    expect(graph.degree[4]).toBe(0);
    const u = poissonLearning(graph, Int32Array.of(0, -1, -1, -1, -1, -1, -1, -1, 1), 2);
    const of = (i: number) => u[2 * i + 1]! - u[2 * i]!;
    expect(Array.from(points, (_, i) => Math.sign(of(i)))).toEqual([-1, -1, -1, -1, 0, 1, 1, 1, 1]);
  });

  it("takes the last neighbour for the k-th where fewer are to be reached", () => {
    // Points 0, 1 and 3 on a line, and more that are not numbers: five neighbours are asked for, two are there.
    const points = Float32Array.of(Number.NaN, 0, 1, Number.NaN, 3, Number.NaN, Number.NaN);
    const { k, index, squared } = nearestNeighbours(points, 1, 5);
    expect([...index.subarray(k, 2 * k)]).toEqual([2, 4, -1, -1, -1]);
    expect([...squared.subarray(k, 2 * k)]).toEqual([1, 9, ...new Array(3).fill(Number.POSITIVE_INFINITY)]);
    const graph = neighbourGraph({ n: 7, k, index, squared });
    const ofThree = neighbourGraph(nearestNeighbours(Float32Array.of(0, 1, 3), 1, 2));
    expect(graph.weights).toEqual(ofThree.weights);
    const labels = Int32Array.of(-1, 0, -1, -1, 1, -1, -1);
    const [u, expected] = [poissonLearning(graph, labels, 2), poissonLearning(ofThree, Int32Array.of(0, -1, 1), 2)];
    for (const [i, point] of [1, 2, 4].entries())
      expect(u.subarray(2 * point, 2 * point + 2)).toEqual(expected.subarray(2 * i, 2 * i + 2));
  });

  it("of one point, and of none, has no edges", () => {
    for (const n of [0, 1]) {
      const graph = neighbourGraph(nearestNeighbours(new Float32Array(3 * n), 3, 10));
      expect(graph).toMatchObject({ to: new Int32Array(0), degree: new Float32Array(n) });
      expect(poissonLearning(graph, new Int32Array(n), 2)).toEqual(new Float32Array(2 * n));
    }
  });
});

describe("the check of a graph with labels that are hidden", () => {
  const clusters = ofMatrix([...MATRIX]);

  it("gives 1 where each cluster has labels of one class, and every second of them is told by the others", () => {
    expect(agreement(clusters, Int32Array.of(0, 0, -1, -1, 1, 1), 2)).toBe(1);
  });

  it("gives little where neighbours have different classes", () => {
    expect(agreement(clusters, Int32Array.of(0, 1, -1, -1, 0, 1), 2)).toBeLessThan(0.6);
  });

  it("does not hide the one label of a class, and cannot tell where most labels are such", () => {
    expect(agreement(clusters, Int32Array.of(0, 0, -1, -1, 1, -1), 2)).toBe(1);
    expect(agreement(clusters, Int32Array.of(0, 1, 0, -1, -1, -1), 2)).toBeLessThan(1);
    expect(agreement(clusters, Int32Array.of(0, -1, -1, -1, 1, -1), 2)).toBeUndefined();
    expect(agreement(clusters, Int32Array.of(0, 0, 1, -1, 2, 3), 4)).toBeUndefined();
  });
});
