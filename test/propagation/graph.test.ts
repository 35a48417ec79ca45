import { expect, it } from "vitest";
import { breadthFirst } from "../../src/propagation/graph.ts";

it("a walk in breadth meets the nodes of a graph by their steps from the first of each part, each once", () => {
  // 0 - 3 - 1 - 5 with 3 - 4; 2 by itself; 6 - 7.
  const rows = [[3], [3, 5], [], [0, 1, 4], [3], [1], [7], [6]];
  const starts = [0];
  for (const row of rows) starts.push(starts.at(-1)! + row.length);
  const to = Int32Array.from(rows.flat());
  const graph = {
    starts: Int32Array.from(starts),
    to,
    weights: new Float32Array(to.length).fill(1),
    degree: Float32Array.from(rows, (row) => row.length),
  };
  expect([...breadthFirst(graph)]).toEqual([0, 3, 1, 4, 5, 2, 6, 7]);
});
