import { describe, expect, it } from "vitest";
import { type NdArray, ndarray, type TypedArray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { NOISE_PREFIX, SCALAR_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import { input, type Tensor } from "../../src/graph/tensor.ts";
import {
  batchNorm,
  conditionalGroupNorm,
  conv,
  dense,
  dropout,
  gaussianNoise,
  groupNorm,
  layerNorm,
  residual,
  spectralNorm,
  weightNorm,
} from "../../src/nn/layers.ts";
import { convDecoder, convEncoder, defaultDepth } from "../../src/nn/nets.ts";
import {
  adam,
  applyOptimizer,
  clipByGlobalNorm,
  type Optimizer,
  optimizerScalar,
  rmsprop,
  sgd,
} from "../../src/nn/optim.ts";
import { Build, initialState } from "../../src/nn/scope.ts";
import { expectClose, randomArray } from "../helpers.ts";

/** Values of a layer's output and assigned buffers at its first weights. */
function values(layer: (build: Build) => Tensor, feeds: Record<string, NdArray>, training = true) {
  const build = new Build(training);
  const y = layer(build);
  for (const [path, value] of initialState(build.state, 1)) feeds[STATE_PREFIX + path] = value;
  const [first, ...assigned] = interpret([y, ...build.assigned.values()], feeds);
  return {
    y: first!,
    assigned: Object.fromEntries([...build.assigned.keys()].map((name, i) => [name, assigned[i]!])),
    feeds,
    build,
  };
}

const moments = (data: ArrayLike<number>) => {
  const list = Array.from(data);
  const mean = list.reduce((a, b) => a + b, 0) / list.length;
  return { mean, variance: list.reduce((t, v) => t + (v - mean) ** 2, 0) / list.length };
};

describe("normalisation", () => {
  const x = input("x", [8, 3, 3, 4]);
  const feeds = () => ({ x: randomArray([8, 3, 3, 4], 1, [1, 5]) });
  const channel = (y: NdArray, c: number) => y.data.filter((_: number, i: number) => i % 4 === c);

  it("batchNorm gives each channel mean 0 and variance 1, and moves running statistics by a tenth", () => {
    const { y, assigned, feeds: fed } = values((build) => batchNorm(build.root, x), feeds());
    for (let c = 0; c < 4; c++) {
      const { mean, variance } = moments(channel(y, c));
      // ε = 1e-5 on a variance near 1.3 takes 1e-5 away.
      expect([Math.abs(mean) < 1e-9, Math.abs(variance - 1) < 2e-5]).toEqual([true, true]);
      const own = moments(channel(fed.x!, c));
      expect(assigned.mean!.data[c]).toBeCloseTo(0.1 * own.mean, 6);
      expect(assigned.variance!.data[c]).toBeCloseTo(0.9 + 0.1 * own.variance * (72 / 71), 6);
    }
  });

  it("warm, batchNorm's running statistics are the mean of the first batches in the measure of averaged weights", () => {
    const one = input("x", [4, 1]);
    // Batches of equal pictures: the values 1, 2, 3, ….
    let state = [0, 0];
    let expected = 0;
    for (let step = 1; step <= 40; step++) {
      const build = new Build(true);
      batchNorm(build.root, one, { momentum: 0.25, warm: true });
      const feeds: Record<string, NdArray> = { x: ndarray("float32", [4, 1], new Float32Array(4).fill(step)) };
      for (const [path, value] of initialState(build.state, 1)) feeds[STATE_PREFIX + path] = value;
      for (const [i, path] of ["mean", "steps"].entries())
        feeds[STATE_PREFIX + path] = ndarray("float32", [1], Float32Array.of(state[i]!));
      state = interpret([build.assigned.get("mean")!, build.assigned.get("steps")!], feeds).map(({ data }) => data[0]!);
      // As of averaged weights (train/averages.ts): of step / (step + 9) is kept what the decay, 0.75, allows.
      const kept = Math.min(0.75, step / (step + 9));
      expected = kept * expected + (1 - kept) * step;
      // Fed in float32.
      expect(state[0]! / expected).toBeCloseTo(1, 5);
      expect(state[1]).toBe(step);
    }
  });

  it("batchNorm outside training uses the running statistics (0 and 1 at first)", () => {
    const { y, feeds: fed } = values((build) => batchNorm(build.root, x), feeds(), false);
    expect(y.data[5]).toBeCloseTo(fed.x!.data[5]! / Math.sqrt(1 + 1e-5), 9);
  });

  it("conditionalGroupNorm is groupNorm with a scale of 1 and a shift of 0, plus what is linear in the condition", () => {
    const plain = values((build) => groupNorm(build.root, x, 2), feeds()).y;
    const zero = { shape: [8, 3], dtype: "float32", data: new Float32Array(24) } as const;
    const condition = input("condition", [8, 3]);
    const layer = (build: Build) => conditionalGroupNorm(build.root, x, condition, 2);
    expect(values(layer, { ...feeds(), condition: zero }).y.data).toEqual(plain.data);
    const given = randomArray([8, 3], 5);
    const { y, feeds: fed } = values(layer, { ...feeds(), condition: given });
    const linear = (name: string, row: number, c: number) =>
      [0, 1, 2].reduce(
        (sum, k) => sum + given.data[3 * row + k]! * fed[`${STATE_PREFIX}${name}/weights`]!.data[4 * k + c]!,
        0,
      );
    const expected = Array.from(plain.data, (value, i) => {
      const [row, c] = [Math.floor(i / 36), i % 4];
      return value * (1 + linear("scale", row, c)) + linear("shift", row, c);
    });
    expectClose(y.data, Float64Array.from(expected), 1e-9, "conditionalGroupNorm");
  });

  it("layerNorm normalises each row, groupNorm each group of each picture: v becomes (v - mean) / √(variance + ε)", () => {
    const { feeds: fed, y: rows } = values((build) => layerNorm(build.root, x), feeds());
    const groups = values((build) => groupNorm(build.root, x, 2), feeds()).y;
    const given = Array.from(fed.x!.data);
    /** Every value normalised among those that `key` puts together with it. */
    const normalised = (key: (i: number) => string) => {
      const sets = new Map<string, number[]>();
      given.forEach((v, i) => void sets.set(key(i), [...(sets.get(key(i)) ?? []), v]));
      return given.map((v, i) => {
        const { mean, variance } = moments(sets.get(key(i))!);
        return (v - mean) / Math.sqrt(variance + 1e-5);
      });
    };
    // Both are float64, summed in another order.
    expectClose(rows.data, Float64Array.from(normalised((i) => `${i >> 2}`)), 1e-9, "layerNorm");
    const ofGroup = (i: number) => `${Math.floor(i / 36)} ${(i % 4) >> 1}`;
    expectClose(groups.data, Float64Array.from(normalised(ofGroup)), 1e-9, "groupNorm");
  });

  it("weightNorm makes each unit's weights of length 1 at first; spectralNorm brings the largest singular value to 1", () => {
    const row = input("x", [3, 3]);
    const identity = ndarray("float32", [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    const { y } = values((build) => dense(build.root, row, 5, { bias: false, weights: weightNorm }), { x: identity });
    for (let unit = 0; unit < 5; unit++)
      expect(Math.hypot(y.data[unit]!, y.data[5 + unit]!, y.data[10 + unit]!)).toBeCloseTo(1, 6);
    // Power iteration converges with the ratio of singular values: fifty rounds leave less than 1e-3 here.
    let u: NdArray | undefined;
    let w: NdArray | undefined;
    for (let round = 0; round < 50; round++) {
      const build = new Build(true);
      const out = dense(build.root, row, 3, { bias: false, weights: spectralNorm });
      const state = initialState(build.state, 3);
      const fed: Record<string, NdArray> = { x: identity };
      for (const [path, value] of state) fed[STATE_PREFIX + path] = path === "u" && u ? u : value;
      [w, u] = interpret([out, build.assigned.get("u")!], fed) as [NdArray, NdArray];
    }
    let v = [1, 0.3, -0.2];
    let sigma = 0;
    for (let i = 0; i < 500; i++) {
      const wv = [0, 1, 2].map((r) => [0, 1, 2].reduce((t, c) => t + w!.data[3 * r + c]! * v[c]!, 0));
      const back = [0, 1, 2].map((c) => [0, 1, 2].reduce((t, r) => t + w!.data[3 * r + c]! * wv[r]!, 0));
      sigma = Math.sqrt(Math.hypot(...back));
      v = back.map((value) => value / Math.hypot(...back));
    }
    expect(sigma).toBeCloseTo(1, 3);
  });
});

describe("noise layers", () => {
  const x = input("x", [4]);
  const noise = (name: string, data: number[]) => ({
    x: ndarray("float32", [4], [1, 2, 3, 4]),
    [`${NOISE_PREFIX}${name}`]: ndarray("float32", [4], data),
  });
  it("dropout zeroes places whose uniform noise is at most the rate, scales the rest, and rests outside training", () => {
    expect([...values((b) => dropout(b.root, x, 0.5), noise("dropout", [0.1, 0.6, 0.4, 0.9])).y.data]).toEqual([
      0, 4, 0, 8,
    ]);
    expect([...values((b) => dropout(b.root, x, 0.5), noise("dropout", [0, 0, 0, 0]), false).y.data]).toEqual([
      1, 2, 3, 4,
    ]);
  });
  it("dropout of an image drops whole channels", () => {
    const image = input("x", [1, 2, 2, 2]);
    const feeds = {
      x: randomArray([1, 2, 2, 2], 1, [1, 2]),
      [`${NOISE_PREFIX}dropout`]: ndarray("float32", [1, 1, 1, 2], [0.2, 0.8]),
    };
    const kept = values((b) => dropout(b.root, image, 0.5), feeds).y.data;
    expect([...kept]).toEqual([...feeds.x!.data].map((value, i) => (i % 2 === 0 ? 0 : 2 * value)));
  });
  it("gaussianNoise adds noise times the deviation while training", () => {
    expect([...values((b) => gaussianNoise(b.root, x, 0.5), noise("gaussian", [1, -1, 0, 2])).y.data]).toEqual([
      1.5, 1.5, 3, 5,
    ]);
  });
});

/** A convolution of stride 1 of two 4x4 images with an odd kernel, zeros around them. */
function plainConv(x: TypedArray, { shape, data: w }: NdArray): Float64Array {
  const [k, , c, o] = shape as [number, number, number, number];
  const out = new Float64Array(2 * 16 * o);
  out.forEach((_, at) => {
    const [n, row, column, to] = [Math.floor(at / o / 16), Math.floor(at / o / 4) % 4, Math.floor(at / o) % 4, at % o];
    for (let i = 0; i < k; i++)
      for (let j = 0; j < k; j++) {
        const [y, z] = [row + i - (k >> 1), column + j - (k >> 1)];
        if (y < 0 || y > 3 || z < 0 || z > 3) continue;
        for (let from = 0; from < c; from++)
          out[at]! += x[((n * 4 + y) * 4 + z) * c + from]! * w[((i * k + j) * c + from) * o + to]!;
      }
  });
  return out;
}

describe("encoders and decoders", () => {
  it.each([
    [28, 28, 1],
    [32, 32, 3],
    [17, 40, 3],
    [5, 4, 1],
    [100, 64, 3],
  ])("fit pictures of %ix%ix%i", (h, w, c) => {
    const build = new Build(true);
    const depth = defaultDepth(h, w);
    const net = { width: 4, depth, activation: "relu", blocks: 1, norm: "batch" } as const;
    const maps = convEncoder(build.root.child("e"), input("x", [2, h, w, c]), net);
    const halved = (side: number) => Math.ceil(side / 2 ** depth);
    expect(maps.shape).toEqual([2, halved(h), halved(w), 4 << (depth - 1)]);
    // Deep enough to be small, but not under 4 pixels where there is a choice.
    expect(Math.min(h, w) / 2 ** depth >= 4 || depth === 1).toBe(true);
    expect(convDecoder(build.root.child("d"), input("z", [2, 6]), [h, w, c], net).shape).toEqual([2, h, w, c]);
  });

  it("residual is relu(shortcut + norm(conv(relu(norm(conv(x)))))), the shortcut a 1x1 convolution where channels change", () => {
    for (const channels of [3, 5]) {
      const x = input("x", [2, 4, 4, 3]);
      const { y, feeds, build } = values(
        (b) => residual(b.root, x, channels),
        { x: randomArray([2, 4, 4, 3], 5) },
        false,
      );
      const part = (name: string) => feeds[STATE_PREFIX + name];
      expect(part("shortcut/weights")?.shape).toEqual(channels === 3 ? undefined : [1, 1, 3, 5]);
      expect([...build.state.keys()].filter((path) => path.endsWith("bias"))).toEqual([]);
      // Outside training and at first, normalisation divides by √(1 + ε) alone.
      const norm = (data: Float64Array) => data.map((v) => v / Math.sqrt(1 + 1e-5));
      const relu = (data: Float64Array) => data.map((v) => Math.max(0, v));
      const first = relu(norm(plainConv(feeds.x!.data, part("conv1/weights")!)));
      const second = norm(plainConv(first, part("conv2/weights")!));
      const shortcut = channels === 3 ? feeds.x!.data : plainConv(feeds.x!.data, part("shortcut/weights")!);
      // Both are float64, summed in another order.
      expectClose(y.data, relu(second.map((v, i) => v + shortcut[i]!)), 1e-9, `residual of ${channels} channels`);
    }
  });
});

describe("a scope", () => {
  it("shares a parameter asked for twice and refuses another shape", () => {
    const scope = new Build(true).root;
    const x = input("x", [2, 8, 8, 3]);
    expect(conv(scope, x, 4, 3).inputs[1]).toBe(conv(scope, x, 4, 3).inputs[1]);
    expect(() => conv(scope, x, 5, 3)).toThrowError(
      /parameter "weights" is \[3,3,3,4\] and is asked for again as \[3,3,3,5\]/,
    );
  });
});

describe("optimizers", () => {
  /** Five steps on gradient g_t = w + t/10 from w = 1, as numbers. */
  function run(optimizer: Optimizer, rate = 0.1): number {
    const state = new Map<string, number>();
    let w = 1;
    for (let t = 1; t <= 5; t++) {
      const scalars = optimizer.scalars({ step: t, learningRate: rate, decayScale: 1 });
      const p = input("p", []);
      const trained = [{ path: "p", parameter: p, gradient: input("g", []) }];
      const updates = applyOptimizer("f", optimizer, trained, (path) => input(path, []));
      const one = (value: number): NdArray => ({ shape: [], dtype: "float32", data: Float64Array.of(value) });
      const fed: Record<string, NdArray> = { p: one(w), g: one(w + t / 10) };
      for (const path of updates.keys()) if (path !== "p") fed[path] = one(state.get(path) ?? 0);
      for (const [name, value] of Object.entries(scalars)) fed[SCALAR_PREFIX + optimizerScalar("f", name)] = one(value);
      const next = interpret([...updates.values()], fed);
      [...updates.keys()].forEach((path, i) => {
        if (path === "p") w = next[i]!.data[0]!;
        else state.set(path, next[i]!.data[0]!);
      });
    }
    return w;
  }
  /** The published update rules, written out. */
  function plain(rule: (g: number, t: number, s: Record<string, number>, w: number) => number): number {
    const slots: Record<string, number> = {};
    let w = 1;
    for (let t = 1; t <= 5; t++) w = rule(w + t / 10, t, slots, w);
    return w;
  }
  it("adam equals Kingma & Ba's algorithm 1; adamw decays the weight beside it", () => {
    const step = (decay: number) =>
      plain((g, t, s, w) => {
        s.m = 0.9 * (s.m ?? 0) + 0.1 * g;
        s.v = 0.999 * (s.v ?? 0) + 0.001 * g * g;
        return w * (1 - 0.1 * decay) - (0.1 * (s.m / (1 - 0.9 ** t))) / (Math.sqrt(s.v / (1 - 0.999 ** t)) + 1e-8);
      });
    expect(run(adam())).toBeCloseTo(step(0), 12);
    expect(run(adam({ decay: 0.05 }))).toBeCloseTo(step(0.05), 12);
  });
  it("sgd with momentum and Nesterov, and rmsprop, equal their formulas", () => {
    expect(run(sgd())).toBeCloseTo(
      plain((g, _t, _s, w) => w - 0.1 * g),
      12,
    );
    expect(run(sgd({ momentum: 0.9 }))).toBeCloseTo(
      plain((g, _t, s, w) => w - 0.1 * (s.v = 0.9 * (s.v ?? 0) + g)),
      12,
    );
    expect(run(sgd({ momentum: 0.9, nesterov: true }))).toBeCloseTo(
      plain((g, _t, s, w) => w - 0.1 * (g + 0.9 * (s.v = 0.9 * (s.v ?? 0) + g))),
      12,
    );
    expect(run(rmsprop())).toBeCloseTo(
      plain((g, _t, s, w) => w - (0.1 * g) / (Math.sqrt((s.v = 0.99 * (s.v ?? 0) + 0.01 * g * g)) + 1e-8)),
      12,
    );
  });
  it("clipByGlobalNorm scales to the limit, and leaves shorter gradients", () => {
    const feeds = { a: randomArray([3], 1), b: randomArray([2, 2], 2) };
    const norm = (arrays: NdArray[]) =>
      Math.sqrt(arrays.flatMap((x) => Array.from(x.data)).reduce((t, v) => t + v * v, 0));
    const clipped = (limit: number) => interpret(clipByGlobalNorm([input("a", [3]), input("b", [2, 2])], limit), feeds);
    expect(norm(clipped(0.5))).toBeCloseTo(0.5, 9);
    expect(norm(clipped(100))).toBeCloseTo(norm(Object.values(feeds)), 9);
  });
});
