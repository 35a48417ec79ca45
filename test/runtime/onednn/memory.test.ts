import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { JOBS } from "../../../bench/jobs.ts";
import { type NdArray, zeros } from "../../../src/base/array.ts";
import { STATE_PREFIX } from "../../../src/graph/names.ts";
import { isInput, topological } from "../../../src/graph/tensor.ts";
import { initialState } from "../../../src/nn/scope.ts";
import { Random } from "../../../src/random/random.ts";
import { Heap } from "../../../src/runtime/heap.ts";
import { onednnBackend } from "../../../src/runtime/onednn/backend.ts";
import { engineFor } from "../../../src/runtime/onednn/engine.ts";
import { planMemory } from "../../../src/runtime/onednn/memory-plan.ts";
import type { Step, Value } from "../../../src/runtime/onednn/steps.ts";
import { Program } from "../../../src/runtime/program.ts";
import { compileModel } from "../../../src/train/steps.ts";
import { BACKENDS } from "../../helpers.ts";

describe("the heap", () => {
  it("gives regions that do not overlap, and gives released memory again", () => {
    const heap = new Heap();
    const random = new Random(3, "heap");
    const live = new Map<number, number>();
    for (let i = 0; i < 2000; i++) {
      if (live.size > 0 && random.uniform() < 0.5) {
        const [offset] = [...live.keys()].slice(random.integer(live.size));
        heap.release(offset!);
        live.delete(offset!);
        continue;
      }
      const bytes = 1 + random.integer(200_000);
      const offset = heap.allocate(bytes);
      expect(offset % 64).toBe(0);
      expect(offset).toBeGreaterThan(0);
      expect(offset + bytes).toBeLessThanOrEqual(heap.memory.buffer.byteLength);
      for (const [other, size] of live) expect(offset + bytes <= other || other + size <= offset).toBe(true);
      live.set(offset, bytes);
    }
    const size = heap.memory.buffer.byteLength;
    for (const offset of live.keys()) heap.release(offset);
    expect(heap.used).toBe(0);
    // All of it is one region again.
    heap.allocate(size - 128);
    expect(heap.memory.buffer.byteLength).toBe(size);
  });

  it("knows its own arrays, and forgets them when they are released", () => {
    const heap = new Heap();
    const array = heap.array([3, 5], "float32");
    expect([...array.data]).toEqual(new Array(15).fill(0));
    expect(heap.placeOf(array)).toBeGreaterThan(0);
    expect(heap.placeOf({ ...array })).toBeUndefined();
    heap.releaseArray(array);
    expect(heap.placeOf(array)).toBeUndefined();
    expect(heap.used).toBe(0);
  });

  it("refuses more than 4 GB with the way out", () => {
    const heap = new Heap(", or take --backend onnx");
    expect(() => heap.allocate(5e9)).toThrowError(/more than the 4 GB.*smaller --batch, or take --backend onnx$/);
  });
});

describe("the memory plan", () => {
  it("gives values that are needed at one time places apart, in no more room than all of them take", () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = new Random(seed, "plan");
      const values = Array.from(
        { length: 40 },
        (_, slot): Value => ({ bytes: 4 * (1 + random.integer(1000)), slot, memories: [], offset: -1 }),
      );
      // Value i is written by step i, and read by up to three later ones.
      const readers = values.map((_, i) => Array.from({ length: random.integer(4) }, () => i + 1 + random.integer(8)));
      const steps = values.map(
        (value, i): Step => ({
          name: `${i}`,
          reads: values.filter((_, k) => readers[k]!.includes(i)),
          writes: [value],
          handsOver: values.filter((_, k) => readers[k]!.includes(i) && random.uniform() < 0.5),
          work: { kind: "native", calls: [] },
        }),
      );
      const total = planMemory(steps);
      const last = values.map((_, i) => Math.max(i, ...readers[i]!.filter((k) => k < values.length)));
      values.forEach((a, i) => {
        expect(a.offset + a.bytes).toBeLessThanOrEqual(total);
        for (let k = i + 1; k < values.length; k++) {
          const b = values[k]!;
          // A step may write where an operand of its own ends, if it walks both in one order.
          const handedOver = last[i] === k && steps[k]!.handsOver.includes(a) && a.bytes === b.bytes;
          if (k <= last[i]! && !handedOver)
            expect(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset, `${i} and ${k}`).toBe(true);
        }
      });
      const aligned = values.reduce((sum, { bytes }) => sum + Math.ceil(bytes / 64) * 64, 0);
      expect(total).toBeLessThanOrEqual(aligned);
      expect(total).toBeLessThan(0.6 * aligned);
    }
  });
});

describe.runIf(BACKENDS.some(({ name }) => name === "onednn"))("a program on oneDNN", () => {
  /** The bench's GAN: convolutions in all directions, two steps over one state. */
  async function gan() {
    const job = JOBS.dcgan!();
    const { stages, specs } = compileModel(job.model, job.spec, 4);
    const graphs = stages[0]!.phases.map(({ graph }) => graph);
    const program = await Program.create(onednnBackend(), graphs, initialState(specs, 1));
    const run = async () => {
      for (const { name, updates } of graphs) {
        const feeds: Record<string, NdArray> = {};
        for (const x of topological([...updates.values()]).filter(isInput))
          if (!x.attrs.name.startsWith(STATE_PREFIX)) feeds[x.attrs.name] = zeros(x.shape, x.dtype);
        await program.run(name, feeds);
      }
    };
    return { program, run };
  }
  // Not when the tests are collected: without the library there is no engine.
  const heapInUse = () => engineFor(availableParallelism()).heap;

  it("writes nowhere but in its own regions", async () => {
    const { program, run } = await gan();
    const heap = heapInUse();
    await run();
    const bytes = new Uint8Array(heap.memory.buffer);
    const gaps = heap.gaps.map(([from, to]) => [from, to] as const);
    for (const [from, to] of gaps) bytes.fill(0xa5, from, to);
    await run();
    for (const [from, to] of gaps) expect(bytes.subarray(from, to).every((value) => value === 0xa5)).toBe(true);
    await program.dispose();
  });

  it("leaves nothing behind: fifty made, run and dropped", { tags: ["long"] }, async () => {
    const first = await gan();
    const heap = heapInUse();
    await first.run();
    await first.program.dispose();
    const [used, size] = [heap.used, heap.memory.buffer.byteLength];
    for (let i = 0; i < 50; i++) {
      const { program, run } = await gan();
      await run();
      await program.dispose();
    }
    expect(heap.used).toBe(used);
    // Regions of several sizes may need a little more room than one program took.
    expect(heap.memory.buffer.byteLength).toBeLessThanOrEqual(1.25 * size);
  });
});
