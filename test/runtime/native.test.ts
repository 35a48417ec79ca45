import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { ndarray, zeros } from "../../src/base/array.ts";
import { STATE_PREFIX } from "../../src/graph/names.ts";
import { add, matmul, mul } from "../../src/graph/ops/index.ts";
import { input } from "../../src/graph/tensor.ts";
import { Program } from "../../src/runtime/program.ts";
import { BACKENDS } from "../helpers.ts";

describe.each(BACKENDS)("the native backend $name", (backend) => {
  it("writes the state in place: a step allocates no memory for it", async () => {
    const size = 2 ** 20;
    const w = input(`${STATE_PREFIX}w`, [size]);
    const step = { name: "step", updates: new Map([["w", mul(w, input("x", []))]]), log: new Map() };
    const program = await Program.create(backend, [step], new Map([["w", zeros([size])]]));
    const feeds = { x: ndarray("float32", [], [0.5]) };
    await program.run("step", feeds);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 50; i++) await program.run("step", feeds);
    // One copy of the state is 4 MiB a step; the few bytes a call are far below one such copy in all.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * size);
    await program.dispose();
  });

  it("leaves the main thread free while it computes", async () => {
    const n = 1500;
    const executable = await backend.compile(
      "products",
      { y: matmul(matmul(input("a", [n, n]), input("a", [n, n])), input("a", [n, n])) },
      { mode: "train" },
    );
    let ended = false;
    let ticksBefore = 0;
    const timer = setInterval(() => {
      if (!ended) ticksBefore++;
    }, 1);
    await executable.run({ a: zeros([n, n]) }, { y: zeros([n, n]) });
    ended = true;
    clearInterval(timer);
    await executable.dispose();
    expect(ticksBefore).toBeGreaterThan(0);
  });

  it("says what is wrong with an input, and runs on", async () => {
    const executable = await backend.compile("sum", { y: add(input("a", [2]), input("b", [2])) }, { mode: "train" });
    const y = zeros([2]);
    const b = ndarray("float32", [2], [10, 20]);
    await expect(executable.run({ a: zeros([3]), b }, { y })).rejects.toThrowError(
      /invalid dimensions for input:? "?a/,
    );
    await executable.run({ a: ndarray("float32", [2], [1, 2]), b }, { y });
    expect([...y.data]).toEqual([11, 22]);
    await executable.dispose();
    await expect(executable.run({ a: b, b }, { y })).rejects.toThrowError(/disposed/);
  });

  it("lets a process end at any moment of its start", { tags: ["long"] }, () => {
    // Threads that are ended while they load a library, or are within it, would take the process with them.
    for (const delay of [0, 5, 10, 20, 40, 60, 80, 120]) {
      const script = `
        import { nativeBackend, onednnBackend, ops, input } from "genclass/node";
        const backend = ${backend.name === "onednn" ? "onednnBackend" : "nativeBackend"}();
        const a = input("a", [300, 300]);
        const x = { shape: [300, 300], dtype: "float32", data: new Float32Array(90000) };
        const y = { ...x, data: new Float32Array(90000) };
        setTimeout(() => process.exit(7), ${delay});
        const session = await backend.compile("product", { y: ops.exp(ops.matmul(a, a)) }, { mode: "train" });
        for (;;) await session.run({ a: x }, { y });`;
      const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
        encoding: "utf8",
      });
      expect(stderr, `after ${delay} ms`).toBe("");
      expect(status, `after ${delay} ms`).toBe(7);
    }
  });

  it("lets a process end while sessions live and a run is in flight", () => {
    const script = `
      import { nativeBackend, onednnBackend, ops, input } from "genclass/node";
      const backend = ${backend.name === "onednn" ? "onednnBackend" : "nativeBackend"}();
      const a = input("a", [900, 900]);
      const x = { shape: [900, 900], dtype: "float32", data: new Float32Array(810000) };
      const session = await backend.compile("product", { y: ops.matmul(a, a) }, { mode: "train" });
      const y = { ...x, data: new Float32Array(810000) };
      await session.run({ a: x }, { y });
      void session.run({ a: x }, { y });
      process.exit(7);`;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(7);
  });
});
