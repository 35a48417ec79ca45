import { describe, expect, it } from "vitest";
import { JOBS } from "../../bench/jobs.ts";
import { type NdArray, ndarray, sizeOf, zeros } from "../../src/base/array.ts";
import { fail } from "../../src/base/errors.ts";
import { SCALAR_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import { add, mul, sum } from "../../src/graph/ops/index.ts";
import { input, isInput, topological } from "../../src/graph/tensor.ts";
import { initialState } from "../../src/nn/scope.ts";
import { Random } from "../../src/random/random.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { nativeBackend } from "../../src/runtime/native.ts";
import { Program } from "../../src/runtime/program.ts";
import { compileModel } from "../../src/train/steps.ts";
import { webBackend } from "../../src/web.ts";
import { BACKENDS, expectClose } from "../helpers.ts";

/**
 * Losses of the bench's MLP VAE (784-400-20-400-784, batch 128) with pixels and noise from the seed. `atOnce`: all steps are
 * asked for before the first has ended.
 */
async function mlpVaeLosses(backend: Backend, steps: number, atOnce = false): Promise<Float64Array> {
  const job = JOBS["mlp-vae"]!();
  const { stages, specs } = compileModel(job.model, job.spec, job.batch);
  const { graph, phase, scalars: scalarsOf } = stages[0]!.phases[0]!;
  const program = await Program.create(backend, [graph], initialState(specs, 1));
  const feeds: Record<string, NdArray> = {};
  for (const x of topological([...graph.updates.values()]).filter(isInput)) {
    const { name } = x.attrs;
    if (name.startsWith(STATE_PREFIX)) continue;
    feeds[name] = zeros(x.shape, x.dtype);
    const random = new Random(5, name);
    if (x.dtype === "uint8") for (let i = 0; i < sizeOf(x.shape); i++) feeds[name].data[i] = random.integer(256);
    else if (name.startsWith("noise:")) random.fillNormal(feeds[name].data as Float32Array);
  }
  const losses: Promise<number>[] = [];
  for (let t = 1; t <= steps; t++) {
    const scalars = Object.entries(scalarsOf({ [phase.name]: t }, phase.learningRate)).map(
      ([name, value]) => [SCALAR_PREFIX + name, ndarray("float32", [], [value])] as const,
    );
    const running = program.run(graph.name, { ...feeds, ...Object.fromEntries(scalars) });
    losses.push(running.then(({ loss }) => loss!.data[0]!));
    if (!atOnce) await running;
  }
  const found = Float64Array.from(await Promise.all(losses));
  await program.dispose();
  return found;
}

describe("both native backends", () => {
  it.runIf(BACKENDS.length > 1)("have the same losses to 1e-4 over 20 steps", async () => {
    const [onnx, onednn] = await Promise.all(BACKENDS.map((backend) => mlpVaeLosses(backend, 20)));
    expectClose(onednn!, onnx!, 1e-4, "losses");
  });

  it.each(BACKENDS)("$name repeats a run bit for bit", async (backend) => {
    expect(await mlpVaeLosses(backend, 20)).toEqual(await mlpVaeLosses(backend, 20));
  });

  it.each(BACKENDS)("$name computes steps that are asked for at once one after another", async (backend) => {
    expect(await mlpVaeLosses(backend, 20, true)).toEqual(await mlpVaeLosses(backend, 20));
  });
});

describe("the WebAssembly backend", () => {
  it("trains the MLP VAE in Node with the native losses to 1e-3 over 20 steps", async () => {
    const native = await mlpVaeLosses(nativeBackend(), 20);
    expect(native[19]!).toBeLessThan(0.95 * native[0]!);
    expectClose(await mlpVaeLosses(webBackend(), 20), native, 1e-3, "losses");
  });
});

describe.each(BACKENDS)("a program on $name", (backend) => {
  const step = () => {
    const w = input(`${STATE_PREFIX}w`, [3]);
    const x = input("x", [3]);
    return { name: "step", updates: new Map([["w", add(w, x)]]), log: new Map([["total", sum(mul(w, x))]]) };
  };
  const feeds = { x: ndarray("float32", [3], [1, 2, 3]) };

  it("advances its state in buffers used in turn, or one in place, without copies", async () => {
    const program = await Program.create(backend, [step()], new Map([["w", ndarray("float32", [3], [0, 0, 0])]]));
    const buffers = new Set<unknown>();
    for (let i = 1; i <= 6; i++) {
      await program.run("step", feeds);
      buffers.add(program.read("w").data);
      expect([...program.read("w").data]).toEqual([i, 2 * i, 3 * i]);
    }
    expect(buffers.size).toBe(backend.inPlace ? 1 : 2);
    await program.dispose();
  });

  it("keeps its state when a step fails", async () => {
    const program = await Program.create(backend, [step()], new Map([["w", ndarray("float32", [3], [4, 5, 6])]]));
    await expect(program.run("step", {})).rejects.toThrowError(/input "x" has no value/);
    expect([...program.read("w").data]).toEqual([4, 5, 6]);
    await program.dispose();
  });

  it("refuses a step over state that does not exist", async () => {
    await expect(Program.create(backend, [step()], new Map())).rejects.toThrowError(
      /uses "w", which the state does not have/,
    );
  });

  it("frees its state and the steps compiled so far when it cannot be made", async () => {
    const held = new Set<unknown>();
    const watched: Backend = {
      ...backend,
      allocate(shape, dtype) {
        const array = backend.allocate(shape, dtype);
        held.add(array);
        return array;
      },
      release(array) {
        held.delete(array);
        backend.release(array);
      },
      async compile(name, outputs, options) {
        if (name === "refused") fail("E_BACKEND", "refused");
        const executable = await backend.compile(name, outputs, options);
        held.add(executable);
        return {
          run: (inputs, results) => executable.run(inputs, results),
          dispose() {
            held.delete(executable);
            return executable.dispose();
          },
        };
      },
    };
    const state = new Map([["w", ndarray("float32", [3], [0, 0, 0])]]);
    const steps = [step(), { ...step(), name: "refused" }];
    await expect(Program.create(watched, steps, state)).rejects.toThrowError(/^refused$/);
    expect([...held]).toEqual([]);
  });
});
