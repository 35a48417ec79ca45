import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { NOISE_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import * as g from "../../src/graph/ops/index.ts";
import { input, isInput, type Tensor, topological } from "../../src/graph/tensor.ts";
import { onesInit, zerosInit } from "../../src/nn/init.ts";
import { batchNorm, dense, dropout, spectralNorm } from "../../src/nn/layers.ts";
import { averagePath, Build, drawNoise, initialState } from "../../src/nn/scope.ts";
import { randomArray } from "../helpers.ts";

const inputsOf = (tensors: readonly Tensor[]) =>
  topological(tensors)
    .filter(isInput)
    .map(({ attrs }) => attrs.name);

describe("a scope", () => {
  it("gives a name that is asked for again the same parameter, and other noise", () => {
    const { root } = new Build(true);
    const layer = root.child("layer");
    expect(layer.param("w", [2], zerosInit)).toBe(root.child("layer").param("w", [2], zerosInit));
    const names = inputsOf([layer.noise("z", [3]), layer.noise("z", [3]), root.child("layer").noise("z", [5])]);
    expect(names).toEqual(["z", "z#2", "z#3"].map((name) => `${NOISE_PREFIX}layer/${name}`));
    const draw = (name: string) => {
      const out = new Float32Array(4);
      drawNoise({ shape: [4], kind: "normal" }, name, 1, 0, out);
      return [...out];
    };
    expect(draw("layer/z")).not.toEqual(draw("layer/z#2"));
  });

  it("gives an annealed scalar that is asked for again by name another value", () => {
    const build = new Build(true);
    build.root.annealed("weight", () => 1);
    build.root.annealed("weight", () => 100);
    expect([...build.annealed].map(([name, value]) => [name, value(0)])).toEqual([
      ["weight", 1],
      ["weight#2", 100],
    ]);
  });

  it("reads a fitted quantity where there is one, and its initial value before", () => {
    const read = (fitted?: Map<string, NdArray>) =>
      interpret([new Build(false, { fitted }).root.fitted("knots", [2], 7)])[0]!.data;
    expect([...read()]).toEqual([7, 7]);
    expect([...read(new Map([["knots", ndarray("float32", [2], [1, 2])]]))]).toEqual([1, 2]);
    expect(() => read(new Map([["knots", ndarray("float32", [3], [1, 2, 3])]]))).toThrowError(/"knots" is \[3\]/);
  });

  it("chains a buffer that is assigned twice: batch norm on two batches counts both, the second on the first", () => {
    const build = new Build(true);
    const [real, fake] = [input("real", [6, 2]), input("fake", [6, 2])];
    batchNorm(build.root, real);
    batchNorm(build.root, fake);
    const feeds = { real: randomArray([6, 2], 1, [1, 3]), fake: randomArray([6, 2], 2, [-5, 0]) };
    const state = initialState(build.state, 1);
    const fed = { ...feeds, ...Object.fromEntries([...state].map(([path, value]) => [STATE_PREFIX + path, value])) };
    const mean = (data: ArrayLike<number>) => Array.from(data).reduce((t, v, i) => t + (i % 2 === 0 ? v / 6 : 0), 0);
    // Momentum 0.1, from 0: 0.9 · (0.1 a) + 0.1 b.
    const expected = 0.09 * mean(feeds.real.data) + 0.1 * mean(feeds.fake.data);
    expect(interpret([build.assigned.get("mean")!], fed)[0]!.data[0]).toBeCloseTo(expected, 9);
  });

  it("runs spectral norm's power iteration once more for each use in a step", () => {
    const build = new Build(true);
    const w = build.root.param("w", [3, 2], onesInit);
    const once = spectralNorm(build.root, w);
    const after = build.assigned.get("u")!;
    const twice = spectralNorm(build.root, w);
    expect(build.assigned.get("u")).not.toBe(after);
    // The second begins where the first ended.
    expect(topological([twice])).toContain(after);
    expect(topological([once])).not.toContain(build.assigned.get("u")!);
  });

  it("reads averages where it is asked to: no gradient reaches the parameters, and nothing is dropped", () => {
    const build = new Build(true);
    const x = input("x", [2, 3]);
    const predict = (scope: typeof build.root) => dropout(scope, dense(scope, x, 1), 0.5);
    const [student, teacher] = [predict(build.root), predict(build.root.averaged)];
    expect([build.root.training, build.root.averaged.training, build.root.averaged.child("a").training]).toEqual([
      ...[true, false, false],
    ]);
    expect(inputsOf([teacher]).sort()).toEqual([
      `${STATE_PREFIX}${averagePath("bias")}`,
      `${STATE_PREFIX}${averagePath("weights")}`,
      "x",
    ]);
    expect([...build.averaged].sort()).toEqual(["bias", "weights"]);
    const weights = build.tensors.get("weights")!;
    const ofTeacher = grad(g.sum(teacher), [weights])[0]!;
    expect([...interpret([ofTeacher])[0]!.data]).toEqual([0, 0, 0]);
    expect(inputsOf([student])).toContain(`${STATE_PREFIX}weights`);
  });

  it("has frozen parts that are not trained and behave as outside training", () => {
    const build = new Build(true, { frozen: ["trunk/"] });
    const x = input("x", [4, 2]);
    const y = batchNorm(build.root.child("trunk"), x);
    dense(build.root.child("head"), y, 1);
    expect(build.trainable("").map(([path]) => path)).toEqual(["head/weights", "head/bias"]);
    expect(build.assigned.size).toBe(0);
    // Running statistics: mean 0, variance 1.
    const state = initialState(build.state, 1);
    const fed = Object.fromEntries([...state].map(([path, value]) => [STATE_PREFIX + path, value]));
    const values = ndarray("float32", [4, 2], Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]));
    const [found] = interpret([y], { ...fed, x: values });
    expect(found!.data[3]).toBeCloseTo(4 / Math.sqrt(1 + 1e-5), 9);
  });
});
