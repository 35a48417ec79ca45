// Alone in its process: what other graphs took before would stay in the arena, and be taken from there.
import { describe, expect, it } from "vitest";
import { zeros } from "../../src/base/array.ts";
import { exp, mul, reverse, sum } from "../../src/graph/ops/index.ts";
import { input } from "../../src/graph/tensor.ts";
import { NATIVE } from "../helpers.ts";

describe("memory of onnxruntime", () => {
  it("is one for graphs that run in turn: the second takes no more than the first", async () => {
    const x = input("x", [2 ** 22]);
    // Two values of 16 MiB at a time.
    const graphOf = (factor: number) => ({ y: sum(mul(exp(mul(x, factor)), reverse(exp(mul(x, factor)), 0))) });
    const feeds = { x: zeros(x.shape) };
    const grown: number[] = [];
    const graphs = [];
    for (const factor of [2, 3, 4]) {
      const graph = await NATIVE.compile("graph", graphOf(factor), { mode: "train" });
      graphs.push(graph);
      const before = process.memoryUsage().rss;
      for (let i = 0; i < 3; i++) await graph.run(feeds, { y: zeros([]) });
      grown.push((process.memoryUsage().rss - before) / 2 ** 20);
    }
    for (const graph of graphs) await graph.dispose();
    expect(grown[0], `${grown}`).toBeGreaterThan(16);
    // 45 MiB, and 100 where onnxruntime lays out memory for all values beside what the first run took.
    expect(grown[0], `${grown}`).toBeLessThan(70);
    // The rest of the process may grow by a few MiB meanwhile.
    expect(Math.max(...grown.slice(1)), `${grown}`).toBeLessThan(16);
  });
});
