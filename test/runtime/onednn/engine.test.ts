import { describe, expect, it, vi } from "vitest";
import { ndarray, zeros } from "../../../src/base/array.ts";
import * as g from "../../../src/graph/ops/index.ts";
import { input } from "../../../src/graph/tensor.ts";
import { onednnBackend } from "../../../src/runtime/onednn/backend.ts";
import { CONTROL } from "../../../src/runtime/onednn/protocol.ts";
import { BACKENDS } from "../../helpers.ts";

const here = BACKENDS.some(({ name }) => name === "onednn");

describe.runIf(here)("runs in flight", () => {
  it("give what is their own, also where this thread is late and sees the second one answered first", async () => {
    const executable = await onednnBackend().compile("twice", { y: g.mul(input("x", [4]), 2) }, { mode: "train" });
    const outputs = Array.from({ length: 6 }, () => zeros([4]));
    const { notify } = Atomics;
    let asked = 0;
    // The first is waited for as usual; from the second on, a request has its answer before anything else is done here.
    const spy = vi.spyOn(Atomics, "notify").mockImplementation(((array: Int32Array, index: number, count?: number) => {
      const woken = notify(array, index, count);
      if (index === CONTROL.request && ++asked > 1)
        while (Atomics.load(array, CONTROL.answered) < Atomics.load(array, CONTROL.request));
      return woken;
    }) as typeof Atomics.notify);
    try {
      await Promise.all(
        outputs.map((y, i) => executable.run({ x: ndarray("float32", [4], new Float32Array(4).fill(i)) }, { y })),
      );
    } finally {
      spy.mockRestore();
    }
    expect(outputs.map(({ data }) => data[0])).toEqual([0, 2, 4, 6, 8, 10]);
    await executable.dispose();
  });
});

it.runIf(here && process.platform === "linux" && process.arch === "x64")(
  "compute threads take subnormal numbers for zeros, in products and in kernels, and this thread does not",
  async () => {
    const [x, y] = [input("x", [1, 2]), input("y", [2, 1])];
    const outputs = { product: g.matmul(x, y), kernel: g.mul(x, 1e20) };
    const executable = await onednnBackend().compile("subnormal", outputs, { mode: "train" });
    const results = { product: zeros([1, 1]), kernel: zeros([1, 2]) };
    // By IEEE 754 both results are 1e-19 and more.
    const fed = { x: ndarray("float32", [1, 2], [1e-39, 1e-39]), y: ndarray("float32", [2, 1], [1e20, 1e20]) };
    await executable.run(fed, results);
    expect(results.product.data[0]).toBe(0);
    expect([...results.kernel.data]).toEqual([0, 0]);
    expect(Math.fround(1e-39)).toBeGreaterThan(0);
    await executable.dispose();
  },
);
