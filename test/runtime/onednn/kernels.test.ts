import { describe, expect, it } from "vitest";
import { type NdArray, ndarray, type TypedArray, zeros } from "../../../src/base/array.ts";
import { grad } from "../../../src/graph/grad.ts";
import { interpret } from "../../../src/graph/interpret.ts";
import { STATE_PREFIX } from "../../../src/graph/names.ts";
import * as g from "../../../src/graph/ops/index.ts";
import { softplusValue } from "../../../src/graph/ops/unary.ts";
import { input, type Tensor } from "../../../src/graph/tensor.ts";
import { adam } from "../../../src/nn/optim.ts";
import { nativeBackend } from "../../../src/runtime/native.ts";
import { onednnBackend } from "../../../src/runtime/onednn/backend.ts";
import { Fusion } from "../../../src/runtime/onednn/fuse.ts";
import { Program } from "../../../src/runtime/program.ts";
import { BACKENDS, expectClose, randomArray } from "../../helpers.ts";

const here = BACKENDS.some(({ name }) => name === "onednn");

/** Whether the processor multiplies bfloat16; the backend refuses where it does not. */
function hasBf16(): boolean {
  try {
    onednnBackend({ precision: "bf16" });
    return true;
  } catch {
    return false;
  }
}

async function compute(y: Tensor, feeds: Record<string, NdArray>, options = {}): Promise<NdArray> {
  const executable = await onednnBackend(options).compile("test", { y }, { mode: "train" });
  const result = zeros(y.shape, y.dtype);
  await executable.run(feeds, { y: result });
  await executable.dispose();
  return result;
}

const floats = (values: readonly number[]) => ndarray("float32", [values.length], Float32Array.from(values));

/** Values of a function over float32 numbers, on oneDNN's side. */
async function values(f: (x: Tensor) => Tensor, xs: readonly number[]): Promise<number[]> {
  return [...(await compute(f(input("x", [xs.length])), { x: floats(xs) })).data];
}

const sweep = (from: number, to: number, count = 4001) =>
  Array.from({ length: count }, (_, i) => Math.fround(from + ((to - from) * i) / (count - 1)));

describe.runIf(here)("functions of the vector kernels", () => {
  /** Half a unit in the last place is 6e-8; each has a handful of roundings. */
  const RELATIVE = 4e-7;
  it.each([
    ["exp", g.exp, Math.exp, sweep(-87, 88.7)],
    // From the least normal number on: below it compute threads may see zeros.
    ["log", g.log, Math.log, [...sweep(1e-3, 5), 1.18e-38, 1e-37, 1e-20, 1e20, 3e38]],
    ["softplus", g.softplus, softplusValue, sweep(-80, 80)],
    ["sigmoid", g.sigmoid, (x: number) => 1 / (1 + Math.exp(-x)), sweep(-80, 80)],
    ["tanh", g.tanh, Math.tanh, sweep(-12, 12)],
  ] as const)("%s is right to a few roundings, relatively", async (_name, f, exact, xs) => {
    const found = await values(f, xs);
    xs.forEach((x, i) => {
      const expected = exact(x);
      expect(Math.abs(found[i]! - expected), `at ${x}`).toBeLessThanOrEqual(RELATIVE * Math.abs(expected) + 1e-38);
    });
  });

  it.each([
    ["sin", g.sin, Math.sin, sweep(-300, 300), 1e-6],
    ["cos", g.cos, Math.cos, sweep(-300, 300), 1e-6],
    // Abramowitz & Stegun state 1.5e-7 for the formula.
    [
      "erf",
      g.erf,
      (x: number) =>
        interpret([g.erf(g.mul(input("x", []), 1))], { x: ndarray("float32", [], new Float64Array([x])) })[0]!.data[0]!,
      sweep(-5, 5, 501),
      4e-7,
    ],
  ] as const)("%s is right absolutely", async (_name, f, exact, xs, bound) => {
    const found = await values(f, xs);
    for (const [i, x] of xs.entries()) expect(Math.abs(found[i]! - exact(x)), `at ${x}`).toBeLessThanOrEqual(bound);
  });

  it("keep infinities, zeros and NaN", async () => {
    const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
    expect(await values(g.exp, [-inf, -200, 0, 200, inf, nan])).toEqual([0, 0, 1, inf, inf, nan]);
    expect(await values(g.log, [0, -1, inf, 1, nan])).toEqual([-inf, nan, inf, 0, nan]);
    expect(await values(g.relu, [-2, -0, 3, nan])).toEqual([0, -0, 3, nan]);
    expect(await values(g.softplus, [-inf, inf, nan])).toEqual(
      [0, inf, nan].map((v, i) => (i === 0 ? expect.closeTo(0, 30) : v)),
    );
    expect(await values((x) => g.pow(x, 3), [-2, 0, 2])).toEqual([expect.closeTo(-8, 5), 0, expect.closeTo(8, 5)]);
    expect(await values((x) => g.pow(x, 0.5), [-2, 0, 4])).toEqual([nan, 0, expect.closeTo(2, 5)]);
    expect(await values((x) => g.pow(x, 0), [-2, 0, nan])).toEqual([1, 1, 1]);
  });
});

describe.runIf(here)("the oneDNN backend", () => {
  it("stops at an index outside its array, says which step, and goes on", async () => {
    const y = g.gather(g.exp(input("x", [5, 8])), input("i", [3], "int32"));
    const executable = await onednnBackend().compile("rows", { y }, { mode: "train" });
    const x = { ...randomArray([5, 8], 1), data: Float32Array.from(randomArray([5, 8], 1).data) };
    const result = zeros([3, 8]);
    const run = (indices: number[]) => executable.run({ x, i: ndarray("int32", [3], indices) }, { y: result });
    for (const wrong of [5, -1, 2 ** 30])
      await expect(run([0, wrong, 1])).rejects.toThrowError(/stopped in "gather": an index lies outside its array/);
    await run([4, 0, 4]);
    expect([...result.data.slice(0, 8)]).toEqual([...result.data.slice(16)]);
    await executable.dispose();
  });

  it.runIf(hasBf16())("multiplies in bfloat16 when told to, and adds in float32", async () => {
    /** Round to nearest even at the 16th bit. */
    const rounded = (value: NdArray): NdArray => {
      const bits = new Uint32Array(Float32Array.from(value.data).buffer);
      for (let i = 0; i < bits.length; i++) bits[i] = (bits[i]! + 0x7fff + ((bits[i]! >> 16) & 1)) & 0xffff0000;
      return { ...value, data: new Float32Array(bits.buffer) };
    };
    const single = (value: NdArray): NdArray => ({ ...value, data: Float32Array.from(value.data) });
    const x = randomArray([32, 16, 16, 24], 1);
    const w = randomArray([3, 3, 24, 40], 2);
    const y = g.relu(g.conv2d(input("x", x.shape), input("w", w.shape), { stride: 2, padding: 1 }));
    const exact = interpret([y], { x, w })[0]!.data;
    const ofRounded = interpret([y], { x: rounded(x), w: rounded(w) })[0]!.data;
    const found = (await compute(y, { x: single(x), w: single(w) }, { precision: "bf16" })).data;
    // Products of two 8-bit significands are exact in float32, so that only sums are rounded.
    expectClose(found, ofRounded, 1e-5, "convolution of rounded operands");
    expect(Math.max(...found.map((v, i) => Math.abs(v - exact[i]!)))).toBeGreaterThan(1e-3);
  });

  it("replaces values by each other, and by themselves in another order", async () => {
    const state = new Map([
      ["a", floats([1, 2, 3, 4])],
      ["b", floats([5, 6, 7, 8])],
      ["m", { ...floats([1, 2, 3, 4]), shape: [2, 2] }],
    ]);
    const [a, b, m] = [
      input(`${STATE_PREFIX}a`, [4]),
      input(`${STATE_PREFIX}b`, [4]),
      input(`${STATE_PREFIX}m`, [2, 2]),
    ];
    const updates = new Map([
      ["a", b],
      ["b", g.add(a, g.reverse(a, 0))],
      ["m", g.add(g.transpose(m), m)],
    ]);
    const program = await Program.create(
      onednnBackend(),
      [{ name: "step", updates, log: new Map([["sum", g.sum(a)]]) }],
      state,
    );
    const { sum } = await program.run("step", {});
    expect(sum!.data[0]).toBe(10);
    expect([...program.read("a").data]).toEqual([5, 6, 7, 8]);
    expect([...program.read("b").data]).toEqual([5, 5, 5, 5]);
    expect([...program.read("m").data]).toEqual([2, 5, 5, 8]);
    await program.dispose();
  });
});

describe.runIf(here)("steps so large that threads claim parts of them", () => {
  // 300 million multiply-adds: eight parts on two threads; three threads have parts of two sizes.
  const [x, w] = [input("x", [64, 32, 32, 16]), input("w", [3, 3, 16, 32])];
  const y = g.relu(g.conv2d(x, w, { padding: 1 }));
  const loss = g.mean(g.square(y));
  const [dx, dw] = grad(loss, [x, w]) as [Tensor, Tensor];
  const feeds = Object.fromEntries(
    [x, w].map((node, i) => {
      const values = Float32Array.from(randomArray(node.shape, i + 1).data);
      return [node.attrs.name as string, ndarray("float32", node.shape, values)];
    }),
  );
  // Small values: what counts is how they compare with the largest.
  const scaled = (values: TypedArray) => {
    let most = 0;
    for (const value of values) most = Math.max(most, Math.abs(value));
    return Float64Array.from(values, (value) => value / most);
  };

  describe.each([
    [1, undefined, ["long"]],
    [2, undefined, []],
    [3, undefined, ["long"]],
    [2, 0, ["long"]],
  ] as const)("on %i threads (tiles: %s)", (threads, winograd, tags) => {
    it("have onnxruntime's values, the same bits every time", { tags: [...tags] }, async () => {
      const native = await nativeBackend().compile("large", { y, dx, dw }, { mode: "train" });
      const own = await onednnBackend({ threads, winograd }).compile("large", { y, loss, dx, dw }, { mode: "train" });
      const results = () => ({ y: zeros(y.shape), dx: zeros(x.shape), dw: zeros(w.shape) });
      const expected = results();
      await native.run(feeds, expected);
      const first = { ...results(), loss: zeros([]) };
      await own.run(feeds, first);
      // Sums of up to 65,536 products in another order; in tiles of 4x4 they may be off by 1e-4.
      const bound = winograd === 0 ? 1e-5 : 1e-4;
      for (const key of ["y", "dx", "dw"] as const)
        expectClose(scaled(first[key].data), scaled(expected[key].data), bound, key);
      let squares = 0;
      for (const value of expected.y.data) squares += value ** 2;
      // Two million squares, added in stages.
      expect(first.loss.data[0]! / (squares / expected.y.data.length)).toBeCloseTo(1, 6);
      for (let time = 0; time < 5; time++) {
        const again = { ...results(), loss: zeros([]) };
        await own.run(feeds, again);
        for (const key of ["y", "loss", "dx", "dw"] as const) {
          const [one, other] = [again, first].map((all) => Buffer.from(all[key].data.buffer));
          expect(one!.equals(other!), key).toBe(true);
        }
      }
      await own.dispose();
      await native.dispose();
    });
  });
});

describe.runIf(here)("transposed convolutions to few channels", () => {
  it.each([
    ["a generator's last layer", 4, 2, [1, 1, 1, 1], [8, 10], 1],
    ["in colour", 4, 2, [1, 1, 1, 1], [8, 10], 3],
    ["an odd kernel over more rows than columns", [5, 3], 2, [2, 1, 1, 0], [12, 6], 2],
    ["a stride of one", 3, 1, [1, 1, 1, 1], [7, 5], 4],
    ["tiles without overlap", 2, 2, [0, 0, 0, 0], [6, 4], 1],
    ["pixels that no tap reaches", 2, 3, [0, 0, 0, 0], [9, 6], 1],
    ["no whole number of tiles", 4, 3, [1, 1, 1, 1], [8, 10], 2],
  ] as const)("%s", async (_name, kernel, stride, padding, size, channels) => {
    const [kh, kw] = typeof kernel === "number" ? [kernel, kernel] : kernel;
    const rows = ([0, 1] as const).map((axis) =>
      Math.floor((size[axis] + padding[axis] + padding[axis + 2]! - [kh, kw][axis]!) / stride + 1),
    ) as [number, number];
    const y = input("y", [3, ...rows, 16]);
    const weights = input("w", [kh, kw, channels, 16]);
    const x = g.conv2dTranspose(y, weights, size, { stride, padding: [...padding] });
    const single = (shape: readonly number[], seed: number) =>
      ndarray("float32", shape, Float32Array.from(randomArray(shape, seed).data));
    const feeds = { y: single(y.shape, 1), w: single(weights.shape, 2) };
    const [expected] = interpret([x], feeds);
    // Sums of at most 16 times 15 products of numbers under 1.
    expectClose((await compute(x, feeds)).data, expected!.data, 1e-5, "values");
  });
});

describe("fusion", () => {
  const parameter = input("w", [300, 40]);
  const kernelsOf = (outputs: Tensor[]) => new Fusion(outputs).kernels;

  it("makes one pass of an Adam update: a parameter, two slots and a gradient in, three values out", () => {
    const slots = [input("m", [300, 40]), input("v", [300, 40])];
    const { parameter: next, slots: now } = adam().update(parameter, input("g", [300, 40]), slots, (name) =>
      input(name, []),
    );
    const kernels = kernelsOf([next, ...now]);
    expect(kernels).toHaveLength(1);
    expect(kernels[0]).toMatchObject({ kind: "pointwise", roots: expect.arrayContaining([next, ...now]) });
  });

  it("reads through views instead of copying, and joins an activation to its product", () => {
    const x = input("x", [8, 6, 5]);
    const y = g.mul(g.transpose(g.slice(x, [0, 1, 0], [8, 4, 5]), [2, 0, 1]), 2);
    expect(kernelsOf([y])).toHaveLength(1);
    const product = g.relu(g.matmul(input("a", [8, 40]), g.transpose(parameter)));
    expect(kernelsOf([product])).toMatchObject([{ kind: "product", activation: product }]);
  });

  it("does not join kernels when something between them needs the first one's result", () => {
    const first = g.exp(parameter);
    const between = g.sum(first);
    const last = g.mul(first, g.reshape(between, [1, 1]));
    expect(
      kernelsOf([first, last])
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(["pointwise", "pointwise", "reduction"]);
  });
});
