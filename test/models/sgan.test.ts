import { describe, expect, it } from "vitest";
import { type NdArray, ndarray, sizeOf } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { NOISE_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import { constant, type Tensor } from "../../src/graph/tensor.ts";
import { applyHead } from "../../src/models/heads.ts";
import { parseOptions } from "../../src/models/index.ts";
import type { Batch, Phase } from "../../src/models/model.ts";
import { sgan } from "../../src/models/sgan.ts";
import { Build, drawNoise, initialState } from "../../src/nn/scope.ts";
import { Random } from "../../src/random/random.ts";
import { type CompileOptions, compileModel } from "../../src/train/steps.ts";
import { modelTests } from "./model-tests.ts";

modelTests(
  sgan,
  [
    { width: 0.1, latent: 16 },
    { net: "conv", width: 0.2, latent: 8 },
    { net: "conv", width: 0.2, latent: 8, guessed: 0.5 },
    { width: 0.1, latent: 16, lowDensity: 0.5 },
  ],
  { epochs: 5 },
);

// ------------------------------------------------------------------------------------------ losses, written out in plain numbers
const [N, HEIGHT, WIDTH, LATENT, K] = [6, 4, 5, 3, 3];
const model = sgan.build(parseOptions(sgan, { width: 0.04, latent: LATENT }), {
  ...{ height: HEIGHT, width: WIDTH, channels: 1, mirror: false },
  classes: ["a", "b", "c"],
});
const [start, discriminator, generator] = model.stages[0]!.phases as [Phase, Phase, Phase];

type Rows = number[][];
const random = new Random(1, "sgan test");
const rows = (n: number, d: number): Rows =>
  Array.from({ length: n }, () => Array.from({ length: d }, () => random.uniform()));
const tensor = (values: Rows, shape = [values.length, values[0]!.length]): Tensor =>
  constant({ shape, dtype: "float32", data: Float64Array.from(values.flat()) });

const LABELS = [0, 1, 2, 2, 1, 0];
/** The last of the unlabelled pictures is padding. */
const WEIGHTS = [1, 1, 1, 1, 1, 0];
const pictures = { real: rows(N, HEIGHT * WIDTH), matched: rows(N, HEIGHT * WIDTH), labelled: rows(N, HEIGHT * WIDTH) };
const noise = rows(N, LATENT);
const batch = (x: Rows, weights: number[]): Batch => {
  const w = constant(ndarray("float32", [N], weights));
  const labels = constant(ndarray("int32", [N], LABELS));
  return { x: tensor(x, [N, HEIGHT, WIDTH, 1]), views: {}, labels, weights: w, labelled: w, tables: {} };
};
const streams = {
  real: batch(pictures.real, WEIGHTS),
  matched: batch(pictures.matched, WEIGHTS),
  labelled: batch(pictures.labelled, [1, 1, 1, 1, 1, 1]),
};

/** A phase's graph with what it is fed: state by path, the generator's noise, and none of the noise of layers. */
function walk(phase: Phase) {
  const build = new Build(true);
  const { loss } = phase.loss(build.root, streams.real, streams);
  const feeds = (state: ReadonlyMap<string, NdArray>) => {
    const fed: Record<string, NdArray> = {};
    for (const [path, value] of state) fed[STATE_PREFIX + path] = value;
    for (const [path, { shape }] of build.noises)
      fed[NOISE_PREFIX + path] = ndarray(
        "float32",
        shape,
        path.startsWith("generator/") ? noise.flat() : new Float32Array(sizeOf(shape)),
      );
    return fed;
  };
  return { build, loss, feeds };
}

const walks = { start: walk(start), discriminator: walk(discriminator), generator: walk(generator) };
const state = initialState(new Map([...walks.discriminator.build.state, ...walks.start.build.state]), 1);
// Biases and scales of their first values would not tell whether they are used rightly, and small scales make all pictures alike.
for (const [path, { data, shape }] of state)
  if (/\/(bias|shift|scale|gain)$/.test(path))
    for (let i = 0; i < sizeOf(shape); i++)
      data[i] = data[i]! + (path.endsWith("scale") ? 2 : 0) + 0.3 * random.normal();

const matrix = (path: string): Rows => {
  const {
    data,
    shape: [n, d],
  } = state.get(path)! as { data: Float32Array; shape: readonly number[] };
  return Array.from({ length: n! }, (_, i) => Array.from(data.subarray(i * d!, (i + 1) * d!)));
};
const vector = (path: string): number[] => Array.from(state.get(path)!.data);
const column = (x: Rows, j: number) => x.map((row) => row[j]!);
const dot = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
const mean = (values: number[], weights = values.map(() => 1)) =>
  dot(values, weights) /
  dot(
    weights,
    weights.map(() => 1),
  );
const softplus = (v: number) => Math.log1p(Math.exp(v));

/** x · v / |v| · factor + shift, a unit at a time. */
function normalised(x: Rows, path: string, factor: number[], shift: number[]): Rows {
  const v = matrix(`${path}/weights`);
  return x.map((row) =>
    factor.map((f, j) => (f * dot(row, column(v, j))) / Math.sqrt(dot(column(v, j), column(v, j))) + shift[j]!),
  );
}
function layer(x: Rows, name: string): Rows {
  const path = `discriminator/${name}`;
  const gain = name === "out" ? vector(`${path}/gain`) : undefined;
  const [bias, shift] = [vector(`${path}/bias`), vector(`${path}/shift`)];
  return normalised(
    x,
    path,
    vector(`${path}/scale`).map((scale, j) => scale * (gain?.[j] ?? 1)),
    bias.map((b, j) => b + shift[j]!),
  );
}
const features = (x: Rows) =>
  [1, 2, 3, 4, 5].reduce((y, i) => layer(y, `dense${i}`).map((row) => row.map((v) => Math.max(0, v))), x);
const logits = (x: Rows) => layer(features(x), "out");
function generated(): Rows {
  let y = noise;
  for (const name of ["dense1", "dense2"]) {
    const weights = matrix(`generator/${name}/weights`);
    const [scale, shift] = ["scale", "shift"].map((part) => vector(`generator/${name}/norm/${part}`));
    const raw = y.map((row) => weights[0]!.map((_, j) => dot(row, column(weights, j))));
    const moments = weights[0]!.map((_, j) => {
      const m = mean(column(raw, j));
      return [m, Math.sqrt(mean(column(raw, j).map((v) => (v - m) ** 2)) + 1e-5)] as const;
    });
    y = raw.map((row) =>
      row.map((v, j) => softplus((scale![j]! * (v - moments[j]![0])) / moments[j]![1] + shift![j]!)),
    );
  }
  const path = "generator/out";
  return normalised(y, path, vector(`${path}/gain`), vector(`${path}/bias`)).map((row) =>
    row.map((v) => 1 / (1 + Math.exp(-v))),
  );
}

describe("the losses of sgan", () => {
  const lossOf = ({ loss, feeds }: ReturnType<typeof walk>) => interpret([loss], feeds(state))[0]!.data[0]!;

  it("the discriminator's is that of K classes and one for what is generated, whose logit is 0", () => {
    const logP = (row: number[], label: number) => {
      const all = [...row, 0];
      return all[label]! - Math.log(all.reduce((sum, v) => sum + Math.exp(v), 0));
    };
    // p(label | x, real) is the softmax of the K logits alone.
    const own = logits(pictures.labelled).map(
      (row, i) => row[LABELS[i]!]! - Math.log(row.reduce((s, v) => s + Math.exp(v), 0)),
    );
    const real = logits(pictures.real).map((row) => Math.log(1 - Math.exp(logP(row, K))));
    const made = logits(generated()).map((row) => logP(row, K));
    const expected = -(mean(own) + 0.5 * (mean(real, WEIGHTS) + mean(made)));
    // 1e-6 in the squared lengths of weights is not in the formula: 1e-5 of the outputs of a layer.
    expect(lossOf(walks.discriminator)).toBeCloseTo(expected, 3);
  });

  it("the generator's is the mean squared difference of the features' means", () => {
    const [real, made] = [features(pictures.matched), features(generated())];
    const squares = real[0]!.map((_, j) => (mean(column(real, j), WEIGHTS) - mean(column(made, j))) ** 2);
    const expected = mean(squares);
    expect(expected).toBeGreaterThan(1e-3);
    expect(lossOf(walks.generator) / expected).toBeCloseTo(1, 2);
  });
});

describe("the start of sgan", () => {
  /** The state after the phase has set the scales. */
  function started(before: ReadonlyMap<string, NdArray>): Map<string, NdArray> {
    const { build, feeds } = walks.start;
    const paths = [...build.assigned.keys()];
    const values = interpret([...build.assigned.values()], feeds(before));
    return new Map([...before, ...paths.map((path, i) => [path, values[i]!] as const)]);
  }
  const first = initialState(walks.start.build.state, 1);
  const after = started(first);

  it("gives the logits of the batch mean 0 and variance 1", () => {
    const build = new Build(false);
    const out = model.heads.classify!.build(build.root, { picture: streams.real.x, n: N } as never);
    const fed = Object.fromEntries([...after].map(([path, value]) => [STATE_PREFIX + path, value]));
    const values = Array.from(interpret([out], fed)[0]!.data);
    for (let j = 0; j < K; j++) {
      const own = values.filter((_, i) => i % K === j);
      expect(mean(own)).toBeCloseTo(0, 6);
      // But for 1e-6 that is added to the variance.
      expect(mean(own.map((v) => v * v))).toBeCloseTo(1, 3);
    }
  });

  it("sets them once: a second time, and in a run that begins with trained weights, they stay", () => {
    for (const [path, { data }] of started(after))
      expect(Array.from(data), path).toEqual(Array.from(after.get(path)!.data));
  });
});

it("sgan begins anew where few labelled pictures are not learnt, in time to have seen each often, and never where labels are many", () => {
  const stallsOf = (net: string, labelled: number, guessed = 0) =>
    sgan
      .build(parseOptions(sgan, { net, width: 0.04, guessed }), {
        ...{ height: 28, width: 28, channels: 1, mirror: false, classes: ["a", "b", "c"] },
        examples: { labelled, unlabelled: 6000 - labelled },
      })
      .stages.map(({ stalls }) => stalls?.after);
  expect(stallsOf("dense", 100)).toEqual([10_000]);
  expect(stallsOf("dense", 20)).toEqual([10_000]);
  expect(stallsOf("dense", 1000, 0.5)).toEqual([100_000, undefined]);
  expect(stallsOf("dense", 6000)).toEqual([undefined]);
  // What its first steps look like has not been measured.
  expect(stallsOf("conv", 100)).toEqual([undefined]);
  expect(model.stages[0]!.stalls).toBeUndefined();
});

it("sgan is judged by the cross entropy of labels, not by that of mixed pictures or soft labels, which cannot be low", () => {
  const spec = { height: 4, width: 4, channels: 1, mirror: false, classes: ["a", "b", "c"] };
  const few = sgan.build(parseOptions(sgan, { width: 0.04, latent: 2, guessed: 0.5 }), {
    ...spec,
    examples: { labelled: 10, unlabelled: 90 },
  });
  const told = (more: CompileOptions = {}) =>
    compileModel(few, spec, 2, more).stages.flatMap(({ phases }) =>
      phases.flatMap(({ graph }) => [...graph.log.keys()].map((loss) => `${graph.name}/${loss}`)),
    );
  const { loss } = few.stages[0]!.stalls!;
  expect(told()).toContain(loss);
  for (const more of [{ augmentation: { mixup: 0.2 } }, { augmentation: { cutmix: 1 } }, { soft: true }])
    expect(told(more)).not.toContain(loss);
});

describe("the generator of convolutions", () => {
  it("begins with pictures that differ: what they have in common is the lesser part of how their pixels vary", () => {
    const { heads } = sgan.build(parseOptions(sgan, { net: "conv", width: 0.5 }), {
      ...{ height: 16, width: 16, channels: 3, mirror: false },
      classes: ["a", "b", "c"],
    });
    const [n, build] = [32, new Build(true)];
    const sampled = applyHead(heads.sample!, build.root, n, {});
    const fed: Record<string, NdArray> = {};
    for (const [path, value] of initialState(build.state, 1)) fed[STATE_PREFIX + path] = value;
    for (const [path, spec] of build.noises) {
      const data = new Float32Array(sizeOf(spec.shape));
      drawNoise(spec, path, 1, 0, data);
      fed[NOISE_PREFIX + path] = ndarray("float32", spec.shape, data);
    }
    const [found] = interpret([sampled], fed);
    const pixels = Array.from({ length: n }, (_, i) => Array.from(found!.data.slice(i * 768, (i + 1) * 768)));
    const variance = (values: number[]) => {
      const middle = mean(values);
      return mean(values.map((value) => (value - middle) ** 2));
    };
    const within = mean(Array.from({ length: 768 }, (_, p) => variance(column(pixels, p))));
    // With noise of a mean of 1/2, by batch norm or without, it is 0.27, and training led to one picture for all noise.
    expect(within / variance(pixels.flat())).toBeGreaterThan(0.5);
  });
});
