// What is done with latent vectors: drawing pictures from a mixture, and explaining by the nearest picture of another class.
// The model is made by hand: latent vectors are the pixels themselves, and two of its three classes are the brightness of the upper
// rows, so that what must come out is known.
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { ndarray } from "../../src/base/array.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant, type Tensor } from "../../src/graph/tensor.ts";
import { mixtureOf } from "../../src/metrics/mixture-quantity.ts";
import { head } from "../../src/models/heads.ts";
import { defineModel } from "../../src/models/model.ts";
import { explain, STEPS_BETWEEN } from "../../src/predict/explain.ts";
import { drawCodes, hasMixture, sampleMixture } from "../../src/predict/mixture-sampler.ts";
import { TrainedModel } from "../../src/predict/trained.ts";
import { NATIVE, stopAfter } from "../helpers.ts";

const SIDE = 6;
const SIZE = SIDE * SIDE;

/** Logits: dark, bright: how far the mean of the rows 0 to 2 is below or above a half; odd: never. */
const byHand = defineModel({
  name: "by-hand",
  title: "pixels as they are",
  cite: "2026",
  options: z.object({}),
  build() {
    const weights = Float32Array.from({ length: SIZE * 3 }, (_, at) => {
      const [pixel, k] = [Math.floor(at / 3), at % 3];
      return pixel < 3 * SIDE && k < 2 ? ((2 * k - 1) * 20) / (3 * SIDE) : 0;
    });
    const classify = (x: Tensor) =>
      g.sub(
        g.matmul(g.sub(g.flatten(x), 0.5), constant(ndarray("float32", [SIZE, 3], weights))),
        constant(ndarray("float32", [1, 3], [0, 0, 30])),
      );
    const picture = (latent: Tensor) => g.reshape(latent, [latent.shape[0]!, SIDE, SIDE, 1]);
    return {
      stages: [],
      latentSize: SIZE,
      heads: {
        classify: head(["picture"], "logits", (_scope, { picture }) => classify(picture)),
        encode: head(["picture"], "latent", (_scope, { picture }) => g.flatten(picture)),
        decode: head(["latent"], "picture", (_scope, { latent }) => g.clip(picture(latent), 0, 1)),
      },
    };
  },
});

/** Components of the dark and the bright class: all pixels 0.2 or 0.8, each with a deviation of 0.05. */
const fitted = new Map([
  ["mixture/classes", ndarray("float32", [2], [0, 1])],
  ["mixture/shares", ndarray("float32", [2], [0.25, 0.75])],
  [
    "mixture/means",
    ndarray(
      "float32",
      [2, SIZE],
      Float32Array.from({ length: 2 * SIZE }, (_, i) => (i < SIZE ? 0.2 : 0.8)),
    ),
  ],
  ["mixture/factors", ndarray("float32", [2, SIZE], new Float32Array(2 * SIZE).fill(0.05))],
]);
const config = {
  model: "by-hand",
  options: {},
  data: { height: SIDE, width: SIDE, channels: 1, classes: ["dark", "bright", "odd"], mirror: false },
};
const backend = NATIVE;
const model = new TrainedModel(config, { state: new Map(), fitted }, backend, byHand);
afterAll(() => model.dispose());

describe("an explanation", () => {
  const dark = new Uint8Array(SIZE).fill(64);

  it("is of the class that is asked for, changes what the class depends on, and nothing else", async () => {
    const [found] = await explain(model, dark, [1]);
    expect(found).toMatchObject({ from: 0, to: 1, valid: true });
    expect(found!.after[1]).toBeGreaterThan(0.9);
    const change = (row: number) => {
      let total = 0;
      for (let x = 0; x < SIDE; x++) total += Math.abs(found!.changed[row * SIDE + x]! - 64) / 255 / SIDE;
      return total;
    };
    // The mean of three rows must rise from 0.25 to above a half.
    expect((change(0) + change(1) + change(2)) / 3).toBeGreaterThan(0.25);
    // Row 3 counts where the picture is moved up. The search begins where all rows changed by 0.25, and ends before it rests.
    for (const row of [4, 5]) expect(change(row)).toBeLessThan(0.08);
    // Nearer than the middle of the other class.
    expect(found!.distance).toBeLessThan(0.8 - 0.25);
  });

  it("goes to the second likeliest class when none is asked for, in steps that come ever nearer to it", async () => {
    // Two pictures at once: a dark and a bright one.
    const [toBright, toDark] = await explain(model, Uint8Array.of(...dark, ...new Uint8Array(SIZE).fill(190)));
    expect([toBright!.to, toDark!.to]).toEqual([1, 0]);
    expect(toBright!.between).toHaveLength(STEPS_BETWEEN * SIZE);
    const chances = (await model.classify(toBright!.between)).map(({ probabilities }) => probabilities.bright!);
    expect([...chances].sort((a, b) => a - b)).toEqual(chances);
  });

  it("stays what it is where the picture is of the class already, and refuses a class without a mixture", async () => {
    const [found] = await explain(model, new Uint8Array(SIZE), [0]);
    expect(found).toMatchObject({ from: 0, to: 0, valid: true, distance: 0 });
    await expect(explain(model, dark, [2])).rejects.toThrowError(/no mixture of class "odd"/);
  });

  it("ends by a signal, between two steps of the search", async () => {
    const [whole, stopped] = [stopAfter(Number.POSITIVE_INFINITY), stopAfter(20)];
    const found = await explain(model, dark, [1], { signal: whole });
    expect(found).toEqual(await explain(model, dark, [1]));
    // Halvings of the line and steps of Adam, and what is told in the end.
    expect(whole.asked).toBeGreaterThan(60);
    await expect(explain(model, dark, [1], { signal: stopped })).rejects.toThrowError("stopped by the signal");
    expect(stopped.asked).toBe(21);
  });
});

describe("the sampler of the mixture", () => {
  it("draws components by their shares, around their means, and the same for the same seed", () => {
    const components = mixtureOf(fitted)!;
    const { latent, labels } = drawCodes(components, 4000, 1);
    expect(drawCodes(components, 4000, 1)).toEqual({ latent, labels });
    // A share of 4,000 draws varies by 0.7 %.
    expect(labels.reduce((a, b) => a + b, 0) / 4000).toBeCloseTo(0.75, 1);
    let [sum, square] = [0, 0];
    const bright = latent.filter((_, at) => labels[Math.floor(at / SIZE)] === 1);
    for (const value of bright) {
      sum += value / bright.length;
      square += (value - 0.8) ** 2 / bright.length;
    }
    // 100,000 draws: deviations of 0.0002 and 0.0002.
    expect(Math.abs(sum - 0.8)).toBeLessThan(0.001);
    expect(Math.abs(Math.sqrt(square) - 0.05)).toBeLessThan(0.001);
  });

  it("draws from full covariances", () => {
    const factor = Float64Array.of(1, 0, 2, 0.5);
    const { latent } = drawCodes([{ class: 0, share: 1, mean: new Float64Array(2), factor }], 20_000, 0);
    let [xy, xx, yy] = [0, 0, 0];
    for (let i = 0; i < 20_000; i++) {
      const [x, y] = [latent[2 * i]!, latent[2 * i + 1]!];
      xx += (x * x) / 20_000;
      xy += (x * y) / 20_000;
      yy += (y * y) / 20_000;
    }
    // Moments of 20,000 draws are right to about 1 %, of values up to 4.25.
    expect(Math.abs(xx - 1)).toBeLessThan(0.05);
    expect(Math.abs(xy - 2)).toBeLessThan(0.1);
    expect(Math.abs(yy - 4.25)).toBeLessThan(0.2);
  });

  it("gives pictures of the class that is asked for, and none without a mixture", async () => {
    for (const wanted of [0, 1]) {
      const { data, shape } = await sampleMixture(model, 20, { wanted });
      expect(shape).toEqual([20, SIDE, SIDE, 1]);
      const answers = await model.classify(Uint8Array.from(data, (value) => Math.round(255 * value)));
      for (const { label } of answers) expect(label).toBe(config.data.classes[wanted]);
    }
    const bare = new TrainedModel(config, { state: new Map(), fitted: new Map() }, backend, byHand);
    expect(hasMixture(bare)).toBe(false);
    expect(() => sampleMixture(bare, 3)).toThrowError(/no mixture to draw from/);
  });
});
