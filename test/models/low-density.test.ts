// What keeps a generator where pictures are rare: the penalty and its threshold in plain numbers, and what they do to a generator.
import { describe, expect, it } from "vitest";
import { ndarray, zeros } from "../../src/base/array.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels } from "../../src/data/splits.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { NOISE_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import { constant } from "../../src/graph/tensor.ts";
import { parseOptions } from "../../src/models/index.ts";
import { lowDensity } from "../../src/models/low-density.ts";
import type { Batch, RefreshContext } from "../../src/models/model.ts";
import { sgan } from "../../src/models/sgan.ts";
import { Build, initialState } from "../../src/nn/scope.ts";
import { Random } from "../../src/random/random.ts";
import { trainGan } from "../train/small-gan.ts";

const N = 20;
const size = { height: 8, width: 8, channels: 1, mirror: false, classes: ["a", "b"] };
const random = new Random(1, "low density");
const pictures = ndarray(
  "float32",
  [N, 8, 8, 1],
  Float32Array.from({ length: 64 * N }, () => random.uniform()),
);

describe("the low-density penalty", () => {
  const density = lowDensity(size);
  /** The penalty of `pictures` at a threshold, and the log density of each of them, without noise. */
  function numbers(threshold: number, undecoded = 0): { penalty: number; densities: Float64Array | ArrayLike<number> } {
    const build = new Build(true);
    const x = constant(pictures);
    // Of pictures that do not decode, a batch has neither rows nor weights.
    const rows = (value: number) => constant(ndarray("float32", [N], new Float32Array(N).fill(value, undecoded)));
    const batch = { tables: { threshold: rows(threshold) }, weights: rows(0.5) } as unknown as Batch;
    const penalty = density.penalty(build.root, x, batch);
    const densities = density.head.logDensity!.build(build.root, { picture: x, n: N } as never);
    const feeds = Object.fromEntries([
      ...[...initialState(build.state, 1)].map(([path, value]) => [STATE_PREFIX + path, value]),
      ...[...build.noises].map(([path, { shape }]) => [NOISE_PREFIX + path, zeros(shape)]),
    ]);
    const [found, each] = interpret([penalty, densities], feeds);
    return { penalty: found!.data[0]!, densities: each!.data };
  }

  it("is by how much those of a tenth of the pictures that are likelier than the threshold are so", () => {
    const [first, second] = Array.from(numbers(0).densities) as [number, number];
    const [rarer, likelier] = [Math.min(first, second), Math.max(first, second)];
    expect(likelier - rarer).toBeGreaterThan(1e-3);
    // The threshold is a float32, of hundreds of nats: 2e-5.
    expect(numbers(likelier + 1).penalty).toBe(0);
    expect(numbers(rarer - 1).penalty).toBeCloseTo((first + second) / 2 - (rarer - 1), 3);
    const between = (rarer + likelier) / 2;
    expect(numbers(between).penalty).toBeCloseTo(likelier - between, 3);
    expect(numbers(between, 3).penalty).toBeCloseTo(likelier - between, 3);
  });

  it("has the tenth percentile of the training pictures as threshold, and tells it", async () => {
    const threshold = new Float32Array(14);
    const notes: string[] = [];
    // 0, -10, -20, … -100: the tenth percentile of eleven is the second from below. Three more do not decode.
    const rows = Float32Array.from({ length: 14 }, (_, i) => (i < 11 ? -10 * i : -1e4));
    const usable = Int32Array.from({ length: 11 }, (_, i) => i);
    const note = (text: string) => void notes.push(text);
    const context = { predict: async () => rows, usable, tables: { threshold }, note };
    await density.refresh.run(context as unknown as RefreshContext);
    expect([...threshold]).toEqual(new Array(14).fill(-90));
    expect(notes).toEqual([expect.stringContaining("below a log density of -90.0 nats, as 10 % of the training")]);
  });
});

describe("sgan with lowDensity", () => {
  const data = withLabels(glyphs({ train: 320, test: 10 }), 10, 1);
  const spec = { height: 28, width: 28, channels: 1, mirror: false, classes: data.classes };
  const build = (options: Record<string, unknown>) => sgan.build(parseOptions(sgan, { width: 0.1, ...options }), spec);

  it("trains the density first, then the game, then with guessed labels where it is asked", () => {
    const stages = (options: Record<string, unknown>) => build(options).stages.map(({ name }) => name);
    expect(stages({})).toEqual(["adversarial"]);
    expect(stages({ lowDensity: 0.1 })).toEqual(["density", "adversarial"]);
    expect(stages({ lowDensity: 0.1, guessed: 0.3 })).toEqual(["density", "adversarial", "with guessed labels"]);
  });

  it("lets the rate fall late, and with guessed labels along a cosine over the whole part that learns from them", () => {
    const rates = (options: Record<string, unknown>) =>
      build(options).stages.map(({ phases }) => [0, 0.5, 2 / 3, 1].map((at) => phases.at(-1)!.schedule(at)));
    const close = (values: number[]) => values.map((value) => expect.closeTo(value, 12));
    expect(rates({})).toEqual([close([1, 1, 1, 0])]);
    expect(rates({ guessed: 0.3 })).toEqual([close([1, 1, 1, 1]), close([1, 0.5, 0.25, 0])]);
  });

  it("makes pictures that are less likely the more it weighs", { tags: ["long"] }, async () => {
    const excess = async (lowDensity: number) => {
      const { epochs } = await trainGan(build({ lowDensity }), data, { epochs: 16, batch: 64 });
      return epochs.at(-1)!.metrics["train/generator/tooLikely"]!;
    };
    const [weak, strong] = [await excess(1e-9), await excess(0.1)];
    // Without weight, pictures are by far likelier than the rarest real ones.
    expect(weak).toBeGreaterThan(10);
    expect(strong).toBeLessThan(weak / 3);
  });
});
