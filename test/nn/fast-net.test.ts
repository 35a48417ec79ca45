import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { SCALAR_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant, input, type Tensor } from "../../src/graph/tensor.ts";
import { fastLogits, fastNet, largest } from "../../src/nn/fast-net.ts";
import { crossEntropy } from "../../src/nn/losses.ts";
import { muon } from "../../src/nn/muon.ts";
import { applyOptimizer, optimizerScalar, sgd } from "../../src/nn/optim.ts";
import { Build } from "../../src/nn/scope.ts";
import { expectClose } from "../helpers.ts";
import { wave } from "../reference/wave.ts";

interface Reference {
  readonly logits: readonly number[];
  readonly losses: readonly number[];
  readonly weights: Readonly<Record<string, readonly number[]>>;
}
/** Written by test/reference/fast_net.py with PyTorch 2.6, in float64. */
const reference = JSON.parse(readFileSync(new URL("../reference/fast-net.json", import.meta.url), "utf8")) as Reference;

/** `wave` of the script, in float64. */
const exact = (shape: readonly number[], phase: number, scale: number): NdArray => ({
  ...wave(shape, phase, scale),
  data: Float64Array.from(
    wave(shape, phase, scale).data,
    (_, i) => scale * Math.sin(0.7 * i + phase + 0.3 * Math.sin(1.3 * i)),
  ),
});

describe("the fast net", () => {
  it("has maps that each group halves, on pictures of any size from two pixels on", () => {
    const sides = (height: number, width: number) =>
      fastNet(new Build(true).root, input("x", [2, height, width, 3]), [4, 5, 6]).map(({ shape }) => shape);
    expect(sides(32, 32)).toEqual([
      [2, 15, 15, 4],
      [2, 7, 7, 5],
      [2, 3, 3, 6],
    ]);
    expect(sides(28, 28)).toEqual([
      [2, 13, 13, 4],
      [2, 6, 6, 5],
      [2, 3, 3, 6],
    ]);
    expect(sides(2, 9)).toEqual([
      [2, 1, 4, 4],
      [2, 1, 2, 5],
      [2, 1, 1, 6],
    ]);
  });

  it("with Muon on filters and SGD on the rest follows PyTorch for six steps", () => {
    const x = exact([4, 9, 8, 2], 0, 0.5);
    const pictures = { ...x, data: (x.data as Float64Array).map((value) => value + 0.5) };
    const build = new Build(true);
    const scope = build.root;
    const logits = fastLogits(scope.child("out"), largest(fastNet(scope, input("x", x.shape), [5, 6]).at(-1)!), 3);
    const loss = g.mean(crossEntropy(logits, constant(ndarray("int32", [4], [0, 2, 1, 2])), 0.2));
    const state = new Map<string, NdArray>([["whiten/weights", exact([2, 2, 2, 16], 0.4, 0.8)]]);
    const parameters = build.trainable("");
    for (const [k, [path, { shape }]] of parameters.entries()) state.set(path, exact(shape, 0.1 * k, 0.3));
    const gradients = grad(
      loss,
      parameters.map(([, tensor]) => tensor),
    );
    const trained = parameters.map(([path, parameter], i) => ({ path, parameter, gradient: gradients[i]! }));
    const isFilter = ({ path }: { path: string }) => path.includes("/conv");
    const slot = (path: string, shape: readonly number[]) => {
      state.set(path, { shape, dtype: "float32", data: new Float64Array(shape.reduce((a, b) => a * b, 1)) });
      return input(STATE_PREFIX + path, shape);
    };
    const rules = [
      { owner: "filters", optimizer: muon(), learningRate: 0.1, parts: trained.filter(isFilter) },
      {
        owner: "others",
        optimizer: sgd({ momentum: 0.85, nesterov: true, decay: 0.01 }),
        learningRate: 0.05,
        parts: trained.filter((one) => !isFilter(one)),
      },
    ];
    const updates = new Map<string, Tensor>();
    const feeds: Record<string, NdArray> = { x: pictures };
    for (const { owner, optimizer, learningRate, parts } of rules) {
      for (const [path, value] of applyOptimizer(owner, optimizer, parts, slot)) updates.set(path, value);
      for (const [name, value] of Object.entries(optimizer.scalars({ step: 1, learningRate, decayScale: 1 })))
        feeds[SCALAR_PREFIX + optimizerScalar(owner, name)] = {
          shape: [],
          dtype: "float32",
          data: Float64Array.of(value),
        };
    }
    const losses: number[] = [];
    for (let step = 0; step < reference.losses.length; step++) {
      for (const [path, value] of state) feeds[STATE_PREFIX + path] = value;
      const [found, first, ...values] = interpret([loss, logits, ...updates.values()], feeds);
      // Both are float64; constants such as √2 are rounded alike.
      if (step === 0) expectClose(first!.data, Float64Array.from(reference.logits), 1e-9, "logits");
      losses.push(found!.data[0]!);
      for (const [i, path] of [...updates.keys()].entries()) state.set(path, values[i]!);
    }
    expectClose(Float64Array.from(losses), Float64Array.from(reference.losses), 1e-8, "losses");
    for (const [path, expected] of Object.entries(reference.weights)) {
      const { data } = state.get(path)!;
      const some = Float64Array.from(expected, (_, i) => data[5 * i]!);
      expectClose(some, Float64Array.from(expected), 1e-7, path);
    }
    expect(Object.keys(reference.weights).sort()).toEqual(parameters.map(([path]) => path).sort());
  });
});
