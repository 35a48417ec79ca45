import { describe, expect, it } from "vitest";
import { type NdArray, sizeOf, type TypedArray, zeros } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { add, mul, ops, sum } from "../../src/graph/ops/index.ts";
import { constant, constantOp, input, inputOp, type OpDef, type Tensor, topological } from "../../src/graph/tensor.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { BACKENDS, BY_TILES, expectClose, randomArray } from "../helpers.ts";
import { CASES, type OpCase } from "./cases.ts";

/** onnxruntime computes in float32: a relative 2⁻²⁴ a rounding, a few hundred roundings in the longest case. */
const FLOAT32 = 1e-4;
/** Central differences in float64 with step 1e-5: truncation about 1e-10, cancellation about 1e-11, both times the scale. */
const DIFFERENCES = 1e-6;
const STEP = 1e-5;

interface Built {
  inputs: Tensor[];
  feeds: Record<string, NdArray>;
  y: Tensor;
  /** A scalar of y with random weights, so that no part of the adjoint is symmetric. */
  loss: Tensor;
}

function build(test: OpCase): Built {
  const inputs = test.inputs.map((shape, i) => input(`x${i}`, shape));
  const feeds = Object.fromEntries(test.inputs.map((shape, i) => [`x${i}`, randomArray(shape, i + 1, test.range)]));
  const y = test.build(...inputs);
  return { inputs, feeds, y, loss: sum(mul(y, constant(randomArray(y.shape, 99)))) };
}

/** Directional derivative of a scalar by central differences. */
function differences(value: Tensor, feeds: Record<string, NdArray>, direction: Record<string, NdArray>): number {
  const at = (sign: number) => {
    const moved = Object.entries(feeds).map(([name, { data, ...rest }]) => [
      name,
      { ...rest, data: Float64Array.from(data, (v, i) => v + sign * STEP * direction[name]!.data[i]!) },
    ]);
    return interpret([value], Object.fromEntries(moved) as Record<string, NdArray>)[0]!.data[0]!;
  };
  return (at(1) - at(-1)) / (2 * STEP);
}

function dot(a: TypedArray, b: TypedArray): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
}

/** Compares Σ gradient · direction with central differences of `value`. */
function checkGradient(value: Tensor, { inputs, feeds }: Built, seed: number): Tensor[] {
  const direction = Object.fromEntries(inputs.map((x, i) => [`x${i}`, randomArray(x.shape, seed + i)]));
  const gradients = grad(value, inputs);
  const found = interpret(gradients, feeds).reduce(
    (total, { data }, i) => total + dot(data, direction[`x${i}`]!.data),
    0,
  );
  const expected = differences(value, feeds, direction);
  expect(Math.abs(found - expected) / Math.max(1, Math.abs(expected))).toBeLessThan(DIFFERENCES);
  return gradients;
}

/** What a backend computes of the result and its gradients, which have the values of the float64 evaluation. */
async function checkOn(backend: Backend, mode: "train" | "infer", test: OpCase): Promise<Record<string, NdArray>> {
  const built = build(test);
  const outputs: Record<string, Tensor> = { y: built.y };
  for (const [i, gradient] of grad(built.loss, built.inputs).entries()) outputs[`d${i}`] = gradient;
  const executable = await backend.compile(test.title, outputs, { mode });
  const results = Object.fromEntries(
    Object.entries(outputs).map(([name, { shape, dtype }]) => [name, zeros(shape, dtype)]),
  );
  await executable.run(single(built.feeds), results);
  await executable.dispose();
  const expected = interpret(Object.values(outputs), built.feeds);
  Object.keys(outputs).forEach((name, i) => {
    expectClose(results[name]!.data, expected[i]!.data, FLOAT32, `${test.title} on ${backend.name}: ${name}`);
  });
  return results;
}

/** Values as a backend takes them: floats in single precision. */
function single(feeds: Record<string, NdArray>): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, value]) => [
      name,
      value.dtype === "float32" ? { ...value, data: Float32Array.from(value.data) } : value,
    ]),
  );
}

describe("every op", () => {
  for (const [backend, mode] of BACKENDS.flatMap((b) => [[b, "train"] as const, [b, "infer"] as const]))
    it.each(CASES.map((test) => [test.title, test] as const))(
      `${backend.name}: ${mode} lowering of %s equals the float64 evaluation, and so do its gradients`,
      async (_title, test) => {
        await checkOn(backend, mode, test);
      },
    );

  it.each(CASES.filter(({ title }) => /k3 (s1|dilated)/.test(title)).map((test) => [test.title, test] as const))(
    "%s equals the float64 evaluation whatever tiles are forced, and so do its gradients",
    async (title, test) => {
      const found = new Map<string, Record<string, NdArray>>();
      for (const backend of BY_TILES) {
        found.set(backend.name, await checkOn(backend, "train", test));
        await checkOn(backend, "infer", test);
      }
      // Where they can be in tiles they are: each size rounds otherwise.
      if (title.includes("whole vectors"))
        for (const { name } of BACKENDS)
          for (const value of ["y", "d0", "d1"]) {
            const own = [...found].filter(([backend]) => backend.startsWith(`${name} `));
            expect(new Set(own.map(([, results]) => `${results[value]!.data}`)).size, `${name}: ${value}`).toBe(3);
          }
    },
  );

  it.each(CASES.map((test) => [test.title, test] as const))(
    "first derivative of %s equals finite differences",
    (_title, test) => {
      const built = build(test);
      checkGradient(built.loss, built, 11);
    },
  );

  it.each(CASES.filter((test) => test.order !== 1).map((test) => [test.title, test] as const))(
    "second derivative of %s equals finite differences",
    (_title, test) => {
      const built = build(test);
      const gradients = grad(built.loss, built.inputs);
      const slope = gradients
        .map((gradient, i) => sum(mul(gradient, constant(randomArray(gradient.shape, 31 + i)))))
        .reduce((a, b) => add(a, b));
      checkGradient(slope, built, 51);
    },
  );

  it("occurs in the table of cases", () => {
    const seen = new Set<OpDef>();
    for (const test of CASES) {
      const { loss, inputs } = build(test);
      for (const node of topological([loss, ...grad(loss, inputs)])) seen.add(node.op);
    }
    const missing = Object.values<OpDef>(ops).filter((op) => !seen.has(op));
    expect(missing.map(({ name }) => name)).toEqual([]);
    for (const op of seen) expect([...Object.values<OpDef>(ops), inputOp, constantOp]).toContain(op);
    expect(Object.values<OpDef>(ops).map(({ name }) => name)).toEqual(Object.keys(ops));
  });

  it("has values of the inferred size", () => {
    for (const test of CASES) {
      const { y, feeds } = build(test);
      expect(interpret([y], feeds)[0]!.data.length, test.title).toBe(sizeOf(y.shape));
    }
  });
});
