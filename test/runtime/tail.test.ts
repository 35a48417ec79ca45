// The end of a step by kernels, compared with onnxruntime computing the whole of it.
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray, zeros } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import { SCALAR_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import * as g from "../../src/graph/ops/index.ts";
import { input, type Tensor } from "../../src/graph/tensor.ts";
import { adam, applyOptimizer, type Optimizer, optimizerScalar, rmsprop, sgd } from "../../src/nn/optim.ts";
import { DividedExecutable, sharedHeap } from "../../src/runtime/divided.ts";
import { nativeBackend } from "../../src/runtime/native.ts";
import { nativeLibrary } from "../../src/runtime/native-library.ts";
import { onnxBackend } from "../../src/runtime/onnx.ts";
import { Program, type State, type StepGraph } from "../../src/runtime/program.ts";
import { divide } from "../../src/runtime/tail.ts";
import { randomArray } from "../helpers.ts";

const divided = nativeBackend({ threads: 1 });
const undivided = onnxBackend({ name: "onnxruntime", version: "", threads: 1 }, async (model) =>
  nativeLibrary().load(model, 1),
);

/** A step of a net whose arrays are not packed: a convolution, whose gradient is reshaped, and a matrix with a number of values that four does not divide. */
function stepOf(optimizer: Optimizer): { step: StepGraph; state: State } {
  const state: State = new Map();
  const entry = (path: string, shape: readonly number[]) => {
    state.set(path, zeros(shape));
    return input(STATE_PREFIX + path, shape);
  };
  const filters = entry("filters", [3, 3, 32, 61]);
  const matrix = entry("matrix", [3 * 3 * 61, 31]);
  const bias = entry("bias", [31]);
  const maps = g.relu(g.conv2d(input("x", [6, 3, 3, 32]), filters, { padding: 1 }));
  const loss = g.mean(g.square(g.matmul(g.flatten(maps), matrix, false, false, bias)));
  const parameters = { filters, matrix, bias };
  const gradients = grad(loss, Object.values(parameters));
  const trained = Object.entries(parameters).map(([path, parameter], i) => ({
    path,
    parameter,
    gradient: gradients[i]!,
  }));
  const updates = new Map<string, Tensor>(applyOptimizer("net", optimizer, trained, entry));
  for (const [path, parameter] of Object.entries(parameters)) {
    const average = entry(`average/${path}`, parameter.shape);
    const moved = g.sub(updates.get(path)!, average);
    updates.set(`average/${path}`, g.add(average, g.mul(moved, input(`${SCALAR_PREFIX}pull`, []))));
  }
  for (const path of Object.keys(parameters))
    state.set(path, asFloat32(randomArray(state.get(path)!.shape, path.length)));
  return { step: { name: "step", updates, log: new Map([["loss", loss]]) }, state };
}
const asFloat32 = ({ shape, data }: NdArray): NdArray => ndarray("float32", shape, Float32Array.from(data));

const OPTIMIZERS: Record<string, Optimizer> = {
  adam: adam(),
  "adam with decay": adam({ beta1: 0.5, decay: 0.01 }),
  "sgd with momentum": sgd({ momentum: 0.9, nesterov: true, decay: 1e-3 }),
  rmsprop: rmsprop(),
};

describe.each(Object.entries(OPTIMIZERS))("a step of %s", (_, optimizer) => {
  const { step, state } = stepOf(optimizer);
  const outputs = Object.fromEntries([...step.updates, ...step.log]);
  const parts = divide(outputs, new Set(step.updates.keys()))!;

  it("has kernels for what is done to large parameters, their slots and averages, and reads gradients as they are made", () => {
    const written = parts.kernels.flatMap(({ writes }) => writes.map(({ name }) => name));
    const large = ["filters", "matrix"].flatMap((path) => [
      path,
      `average/${path}`,
      ...optimizer.slots.map((slot) => `optimizer/net/${path}/${slot}`),
    ]);
    expect(written.sort()).toEqual(large.sort());
    expect(Object.keys(parts.rest)).toEqual(expect.not.arrayContaining(large));
    expect([...parts.cuts.values()].map(({ op }) => op.name)).not.toContain("reshape");
  });

  it("has onnxruntime's values to the bit, as each operation is rounded alike", async () => {
    const programs = [await Program.create(divided, [step], state), await Program.create(undivided, [step], state)];
    for (let t = 1; t <= 4; t++) {
      const scalars = Object.entries(optimizer.scalars({ step: t, learningRate: 0.01, decayScale: 1 }));
      const feeds: Record<string, NdArray> = { x: asFloat32(randomArray([6, 3, 3, 32], t)) };
      for (const [name, value] of [
        ...scalars.map(([key, value]) => [optimizerScalar("net", key), value] as const),
        ["pull", 0.1] as const,
      ])
        feeds[SCALAR_PREFIX + name] = ndarray("float32", [], [value]);
      const [mine, whole] = await Promise.all(programs.map((program) => program.run("step", feeds)));
      expect(mine).toEqual(whole);
    }
    const [mine, whole] = programs.map((program) => program.snapshot());
    for (const [path, { data }] of whole!) expect([path, [...mine!.get(path)!.data]]).toEqual([path, [...data]]);
    expect(mine!.get("matrix")!.data).not.toEqual(state.get("matrix")!.data);
    for (const program of programs) await program.dispose();
  });
});

describe("a divided step", () => {
  const [w, v] = [input(`${STATE_PREFIX}w`, [2000]), input(`${STATE_PREFIX}v`, [2000])];
  const kept = g.add(g.mul(v, 0.5), g.square(w));
  const moved = g.sub(w, g.div(w, g.add(g.sqrt(kept), 1)));

  it("leaves a value to onnxruntime that anything else reads", () => {
    const ends = new Set(["w", "v"]);
    expect(divide({ w: moved, v: kept, sum: g.sum(w) }, ends)!.kernels[0]!.writes).toHaveLength(2);
    const parts = divide({ w: moved, v: kept, sum: g.sum(kept) }, ends)!;
    expect(parts.kernels[0]!.writes.map(({ name }) => name)).toEqual(["w"]);
    expect(Object.keys(parts.rest)).toEqual(["v", "sum", "cut:0"]);
    expect(divide({ w: moved, v: kept, sum: g.sum(w) }, new Set())).toBeUndefined();
  });

  it("is none where nothing would be left to onnxruntime, which takes no empty graph", () => {
    expect(divide({ w: moved, v: kept }, new Set(["w", "v"]))).toBeUndefined();
  });

  describe("on arrays of its caller", () => {
    const pull = `${SCALAR_PREFIX}pull`;
    const outputs = { w: g.mul(moved, input(pull, [])), v: kept, sum: g.sum(w) };
    const aliases = { w: `${STATE_PREFIX}w`, v: `${STATE_PREFIX}v` };
    const compile = () => divided.compile("step", outputs, { mode: "train", aliases });
    const reached = (shape: readonly number[]) => divided.allocate(shape, "float32");
    const used = () => sharedHeap()!.used;
    const values = asFloat32(randomArray([2000], 1, [0, 1]));
    /** Inputs and outputs, with the arrays of state from `make`. */
    function arraysOf(make: (shape: readonly number[]) => NdArray) {
      const state = { w: make([2000]), v: make([2000]) };
      for (const array of Object.values(state)) array.data.set(values.data);
      const inputs: Record<string, NdArray> = { [pull]: ndarray("float32", [], [0.5]) };
      for (const [name, array] of Object.entries(state)) inputs[STATE_PREFIX + name] = array;
      return { inputs, outputs: { w: make([2000]), v: make([2000]), sum: zeros([]) } };
    }

    it("has the values of the whole step, which runs where kernels do not reach them, one run after another", async () => {
      const results: number[][][] = [];
      for (const make of [zeros, reached]) {
        const executable = await compile();
        const runs = [arraysOf(make), arraysOf(make)];
        await Promise.all(runs.map((run) => executable.run(run.inputs, run.outputs)));
        for (const run of runs) results.push(Object.values(run.outputs).map(({ data }) => [...data]));
        await executable.dispose();
      }
      for (const result of results) expect(result).toEqual(results[0]);
      expect(results[0]![0]!.some((value) => value !== 0)).toBe(true);
    });

    it("takes all of its memory when it is compiled, where too little is found in time, and frees it", async () => {
      const { inputs, outputs } = arraysOf(reached);
      const before = used();
      const executable = await compile();
      const taken = used();
      expect(taken).toBeGreaterThan(before);
      await executable.run(inputs, outputs);
      expect(used()).toBe(taken);
      await executable.dispose();
      expect(used()).toBe(before);
    });

    it("frees what the parts hold once the whole step is in their place", async () => {
      const before = used();
      const executable = await compile();
      const far = arraysOf(zeros);
      await executable.run(far.inputs, far.outputs);
      expect(used()).toBe(before);
      const near = arraysOf(reached);
      await executable.run(near.inputs, near.outputs);
      expect([...near.outputs.w.data]).toEqual([...far.outputs.w.data]);
      await executable.dispose();
    });

    it("asks again for a whole step that was refused, and is disposed of without one", async () => {
      const before = used();
      const step = divide(outputs, new Set(["w", "v"]))!;
      const rest = await undivided.compile("rest", step.rest, { mode: "train" });
      let asked = 0;
      const executable = new DividedExecutable(sharedHeap()!, step, rest, async () => {
        if (++asked === 1) throw new Error("refused");
        return undivided.compile("whole", outputs, { mode: "train" });
      });
      const far = arraysOf(zeros);
      await expect(executable.run(far.inputs, far.outputs)).rejects.toThrowError("refused");
      await executable.run(far.inputs, far.outputs);
      expect(far.outputs.w.data.some((value) => value !== 0)).toBe(true);
      await executable.dispose();

      const other = await undivided.compile("rest", step.rest, { mode: "train" });
      const refused = new DividedExecutable(sharedHeap()!, step, other, () => Promise.reject(new Error("refused")));
      await expect(refused.run(far.inputs, far.outputs)).rejects.toThrowError("refused");
      await refused.dispose();
      expect(used()).toBe(before);
    });

    it("refuses arrays that have another size or type than the graph says, and writes beside none", async () => {
      const executable = await compile();
      const { inputs, outputs } = arraysOf(reached);
      const [short, beside] = [reached([1000]), reached([1000])];
      const int32 = divided.allocate([2000], "int32");
      for (const [name, array, message] of [
        ["w", short, /output "w" has 1000 values of float32; expected 2000 of float32/],
        ["w", int32, /output "w" has 2000 values of int32; expected 2000/],
      ] as const)
        await expect(executable.run(inputs, { ...outputs, [name]: array })).rejects.toThrowError(
          expect.objectContaining({ code: "E_SHAPE", message: expect.stringMatching(message) }),
        );
      expect(beside.data.every((value) => value === 0)).toBe(true);
      for (const [name, array] of [
        [`${STATE_PREFIX}v`, short],
        [pull, ndarray("int32", [], [1])],
        [pull, zeros([2])],
      ] as const)
        await expect(executable.run({ ...inputs, [name]: array }, outputs)).rejects.toThrowError(
          expect.objectContaining({ code: "E_SHAPE", message: expect.stringContaining(`input "${name}" has`) }),
        );
      await executable.dispose();
    });
  });
});
