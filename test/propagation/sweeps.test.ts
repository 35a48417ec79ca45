import { describe, expect, it } from "vitest";
import { type Graph, graphOf } from "../../src/propagation/graph.ts";
import { neighbourGraph } from "../../src/propagation/poisson.ts";
import { swept } from "../../src/propagation/sweeps.ts";
import { Random } from "../../src/random/random.ts";

const NODES = 201;

/** Nodes with three others each, in two halves that are not joined, and one by itself. */
function randomGraph(): Graph {
  const random = new Random(2, "graph");
  const n = NODES - 1;
  const index = Int32Array.from(
    { length: n * 3 },
    (_, at) => (Math.floor(at / 3) + 2 + 2 * random.integer(n / 2 - 1)) % n,
  );
  const squared = Float32Array.from(index, () => 1 + random.uniform());
  const { starts, to, weights, degree } = neighbourGraph({ n, k: 3, index, squared });
  return graphOf({
    starts: Int32Array.of(...starts, to.length),
    to,
    weights,
    degree: Float32Array.of(...degree, 0),
  });
}

/** u = D⁻¹ (b + W u), again and again, in float64. */
function plain(
  { starts, to, weights, degree }: Graph,
  source: Float32Array,
  columns: number,
  sweeps: number,
): Float64Array {
  let u = new Float64Array(source.length);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const before = u;
    u = Float64Array.from(source, (value, at) => {
      const [node, c] = [Math.floor(at / columns), at % columns];
      let sum = value;
      for (let e = starts[node]!; e < starts[node + 1]!; e++) sum += weights[e]! * before[to[e]! * columns + c]!;
      return degree[node]! > 0 ? sum / degree[node]! : 0;
    });
  }
  return u;
}

describe("sweeps over a graph", () => {
  const graph = randomGraph();

  // Columns that fill vectors and that do not, and more than are swept at once: in two parts of 20, in three of 24, 24 and 18.
  it.each([1, 4, 10, 37, 66])("of %i columns give what float64 sums give", (columns) => {
    const source = new Float32Array(NODES * columns);
    new Random(3, "source").fillNormal(source);
    const u = swept(graph, source, columns, 60);
    const expected = plain(graph, source, columns, 60);
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const difference = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - u[at]!)), 0);
    expect(largest).toBeGreaterThan(1);
    // A float32 weighted mean is off by some 1e-7 of the largest value, and means do not make errors larger: 60 of them add up.
    expect(difference / largest).toBeLessThan(6e-6);
    expect(u.subarray((NODES - 1) * columns).every((value) => value === 0)).toBe(true);
  });

  it("are none at first: u is 0 before, and the sources over the degrees after one", () => {
    const source = new Float32Array(NODES).fill(1);
    expect(Math.max(...swept(graph, source, 1, 0))).toBe(0);
    const one = swept(graph, source, 1, 1);
    // A float32 quotient times its divisor: two roundings of 6e-8.
    for (let i = 0; i < NODES - 1; i++) expect(one[i]! * graph.degree[i]!).toBeCloseTo(1, 6);
  });
});
