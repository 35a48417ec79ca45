// What training from few labels takes of a model, the smoothing of its labels, and the loss of its codes.
import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { SCALAR_PREFIX } from "../../src/graph/names.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant } from "../../src/graph/tensor.ts";
import { fewLabels } from "../../src/models/few-labels.ts";
import type { Head } from "../../src/models/heads.ts";
import type { Batch } from "../../src/models/model.ts";
import type { Initializer } from "../../src/nn/init.ts";
import { adam } from "../../src/nn/optim.ts";
import { schedule } from "../../src/nn/schedule.ts";
import { Build } from "../../src/nn/scope.ts";
import { Random } from "../../src/random/random.ts";

it("known labels are smoothed as the model asks", () => {
  const float = (shape: number[], ...values: number[]) => constant(ndarray("float32", shape, values));
  // One picture of the second class, whose pixels are its logits, and the same one guessed and not used.
  const x = float([1, 1, 2, 1], 3, 1);
  const rows = { labels: constant(ndarray("int32", [1], [1])), weights: float([1], 1), labelled: float([1], 1) };
  const batch: Batch = { ...rows, x, views: { x }, tables: { guess: float([1, 2], 0, 1), trust: float([1], 0) } };
  const losses = (smoothing?: number) => {
    const { stages } = fewLabels({
      data: { height: 1, width: 2, channels: 1, mirror: false, classes: ["a", "b"] },
      classify: (_, seen) => g.flatten(seen),
      ...{ updates: [], generative: [], share: 0.5, smoothing },
      rule: { optimizer: adam(), learningRate: 1e-3, schedule: schedule("constant") },
    });
    const build = new Build(true);
    const { log } = stages.at(-1)!.phases[0]!.loss(build.root, batch, { labelled: batch, bank: batch });
    const annealed = [...build.annealed.keys()].map((path) => [
      `${SCALAR_PREFIX}annealed/${path}`,
      ndarray("float32", [], [0]),
    ]);
    return interpret([log.class!, log.guessed!], Object.fromEntries(annealed)).map(({ data }) => data[0]!);
  };
  const [first, second] = [Math.log1p(Math.exp(-2)), Math.log1p(Math.exp(2))];
  expect(losses()[0]).toBeCloseTo(second, 12);
  // A share of the label is spread evenly over both classes.
  expect(losses(0.4)[0]).toBeCloseTo(0.2 * first + 0.8 * second, 12);
  expect(losses(0.4)[1]).toBe(0);
});

describe("the phase of the codes", () => {
  const [n, side, size] = [4, 8, 64];
  const { stages, heads } = fewLabels({
    data: { height: side, width: side, channels: 1, mirror: false, classes: ["a", "b"] },
    classify: (_, seen) => g.flatten(seen),
    ...{ updates: [], generative: [], share: 0.5 },
    rule: { optimizer: adam(), learningRate: 1e-3, schedule: schedule("constant") },
  });
  const phase = stages[0]!.phases.find(({ name }) => name === "codes")!;
  // A path's values are the same in each walk: the loss and the head read one network.
  const root = (training: boolean) =>
    new Build(training, {
      bind: (path, { shape, init }) =>
        constant(ndarray("float32", shape, (init as Initializer)(shape, new Random(1, path)))),
    }).root;
  // Of each picture only the first pixels are above 0, so that codes differ much.
  const pictures = (seed: number): Float32Array => {
    const values = new Float32Array(n * side * side);
    new Random(seed).fillUniform(values);
    return values.map((value, i) => (i % (side * side) < 16 * (1 + Math.floor(i / (side * side))) ? value : 0));
  };
  const tensorOf = (values: Float32Array) => constant(ndarray("float32", [n, side, side, 1], values));
  const loss = (changed: Float32Array, other: Float32Array, rows: readonly number[]): number => {
    const views = { x: tensorOf(changed), changed: tensorOf(changed), other: tensorOf(other) };
    const weights = constant(ndarray("float32", [n], rows));
    const labels = constant(ndarray("int32", [n], Array(n).fill(-1)));
    const all: Batch = { x: views.x, views, labels, weights, labelled: weights, tables: {} };
    return interpret([phase.loss(root(true), all, { all }).loss])[0]!.data[0]!;
  };
  const codes = (values: Float32Array): number[][] => {
    // The head is handed what it takes alone.
    const inputs = { picture: tensorOf(values), n } as Parameters<Head["build"]>[1];
    const { data } = interpret([heads.code!.build(root(false), inputs)])[0]!;
    return Array.from({ length: n }, (_, i) => Array.from(data.subarray(i * size, (i + 1) * size)));
  };
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  /** In nats: how badly each row of one is found by its likeness to that of the other, in both directions, on average. */
  const contrast = (one: number[][], other: number[][]): number => {
    const among = (row: number[], all: number[][]) =>
      Math.log(all.reduce((sum, each) => sum + Math.exp(dot(row, each) / 0.2), 0));
    const each = one.map((row, i) => (among(row, other) + among(other[i]!, one)) / 2 - dot(row, other[i]!) / 0.2);
    return each.reduce((sum, value) => sum + value, 0) / one.length;
  };
  const [first, second] = [pictures(1), pictures(2)];
  const [ofFirst, ofSecond] = [codes(first), codes(second)];

  it("trains codes of length 1", () => {
    for (const code of [...ofFirst, ...ofSecond]) expect(dot(code, code)).toBeCloseTo(1, 9);
  });

  it("asks of the head's codes that those of two views of a picture are found among all", () => {
    expect(loss(first, second, [1, 1, 1, 1])).toBeCloseTo(contrast(ofFirst, ofSecond), 9);
    expect(loss(first, first, [1, 1, 1, 1])).toBeCloseTo(contrast(ofFirst, ofFirst), 9);
    // Views that are the same are found best: the other view is read.
    expect(loss(first, first, [1, 1, 1, 1])).toBeLessThan(loss(first, second, [1, 1, 1, 1]) - 1e-3);
  });

  it("leaves padding out", () => {
    const expected = contrast(ofFirst.slice(0, 3), ofSecond.slice(0, 3));
    expect(loss(first, second, [1, 1, 1, 0])).toBeCloseTo(expected, 9);
    expect(Math.abs(expected - contrast(ofFirst, ofSecond))).toBeGreaterThan(1e-3);
  });
});
