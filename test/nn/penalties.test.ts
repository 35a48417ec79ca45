import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray, type Shape, zeros } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { NOISE_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import * as g from "../../src/graph/ops/index.ts";
import { input, type Tensor } from "../../src/graph/tensor.ts";
import type { Initializer } from "../../src/nn/init.ts";
import { conv, dense } from "../../src/nn/layers.ts";
import { gradientPenalty, r1Penalty } from "../../src/nn/penalties.ts";
import { Build, initialState, type Scope } from "../../src/nn/scope.ts";
import { BACKENDS, expectClose } from "../helpers.ts";
import { wave } from "../reference/wave.ts";

/** Written by test/reference/penalties.py with PyTorch 2.6. */
const reference = JSON.parse(readFileSync(new URL("../reference/penalties.json", import.meta.url), "utf8")) as Record<
  "r1" | "gradientPenalty",
  { values: number[]; gradients: Record<string, number[]> }
>;
/** Both compute in float32: a relative 6e-8 a rounding, a few dozen of them from a picture to the second derivative. */
const TOLERANCE = 2e-6;

/** Phases of the first weights, which the reference has in the same way. */
const START: Readonly<Record<string, readonly [phase: number, scale: number]>> = {
  "conv1/weights": [0.1, 0.4],
  "conv1/bias": [0.2, 0.3],
  "conv2/weights": [0.3, 0.4],
  "conv2/bias": [0.4, 0.3],
  "out/weights": [0.5, 0.5],
  "out/bias": [0.6, 0.3],
};

const PICTURES: Shape = [3, 8, 8, 2];
const pixels = (phase: number): NdArray => {
  const { data } = wave(PICTURES, phase, 0.5);
  return ndarray(
    "float32",
    PICTURES,
    Float32Array.from(data, (value) => value + 0.5),
  );
};

function discriminate(scope: Scope, x: Tensor): Tensor {
  let y = g.leakyRelu(conv(scope.child("conv1"), x, 5, 4, { stride: 2 }), 0.2);
  y = g.tanh(conv(scope.child("conv2"), y, 4, 3));
  return g.reshape(dense(scope.child("out"), g.flatten(y), 1), [x.shape[0]!]);
}

/** The penalty of each picture, and the derivatives of their mean by the weights, with everything that they are fed. */
function graphOf(penalty: (scope: Scope, real: Tensor, generated: Tensor) => Tensor) {
  const build = new Build(true);
  const values = penalty(build.root, input("real", PICTURES), input("generated", PICTURES));
  const trained = build.trainable("");
  const gradients = grad(
    g.mean(values),
    trained.map(([, tensor]) => tensor),
  );
  const outputs: Record<string, Tensor> = { values };
  trained.forEach(([path], i) => {
    outputs[path] = gradients[i]!;
  });
  const feeds: Record<string, NdArray> = {
    real: pixels(0.7),
    generated: pixels(0.8),
    [`${NOISE_PREFIX}between`]: ndarray("float32", [3, 1, 1, 1], [0.2, 0.5, 0.9]),
  };
  for (const [path, tensor] of trained) feeds[STATE_PREFIX + path] = wave(tensor.shape, ...START[path]!);
  return { outputs, feeds };
}

const PENALTIES = {
  r1: (scope: Scope, real: Tensor) => r1Penalty(discriminate(scope, real), real),
  gradientPenalty: (scope: Scope, real: Tensor, generated: Tensor) =>
    gradientPenalty(scope, real, generated, (x) => discriminate(scope, x)),
};

describe.each(["r1", "gradientPenalty"] as const)("the penalty %s", (name) => {
  it.each(BACKENDS)("and its derivatives by the weights are PyTorch's, on $name", async (backend) => {
    const { outputs, feeds } = graphOf(PENALTIES[name]);
    const executable = await backend.compile(name, outputs, { mode: "train" });
    const results = Object.fromEntries(Object.entries(outputs).map(([key, { shape }]) => [key, zeros(shape)]));
    await executable.run(feeds, results);
    await executable.dispose();
    const { values, gradients } = reference[name];
    expectClose(results.values!.data, Float64Array.from(values), TOLERANCE, "values");
    // A bias behind all that bends moves no slope, and PyTorch calls its derivative unused.
    expect(Object.keys(gradients).filter((path) => gradients[path]!.length === 0)).toEqual(["out/bias"]);
    for (const [path, expected] of Object.entries(gradients))
      expectClose(
        results[path]!.data,
        expected.length ? Float64Array.from(expected) : new Float64Array(1),
        TOLERANCE,
        path,
      );
  });
});

it("a gradient penalty of a discriminator that is flat is 1 and has finite derivatives", () => {
  const build = new Build(true);
  const x = input("x", [2, 2, 2, 1]);
  const flat = (y: Tensor) => {
    const hidden = g.relu(dense(build.root, g.flatten(y), 1, { init: constantly(-1) }));
    return g.reshape(hidden, [2]);
  };
  const penalty = gradientPenalty(build.root, x, x, flat);
  const [weights] = build.trainable("").map(([, tensor]) => tensor);
  const feeds: Record<string, NdArray> = {
    x: ndarray("float32", [2, 2, 2, 1], [1, 1, 1, 1, 1, 1, 1, 1]),
    [`${NOISE_PREFIX}between`]: zeros([2, 1, 1, 1]),
  };
  for (const [path, value] of initialState(build.state, 1)) feeds[STATE_PREFIX + path] = value;
  const [values, slope] = interpret([penalty, grad(g.sum(penalty), [weights!])[0]!], feeds);
  // The root of 1e-12 in place of 0 leaves 1e-6 of length, twice in the square.
  expectClose(values!.data, Float64Array.of(1, 1), 3e-6, "penalty");
  expect([...slope!.data]).toEqual([0, 0, 0, 0]);
});

function constantly(value: number): Initializer {
  return (shape) => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value);
}
