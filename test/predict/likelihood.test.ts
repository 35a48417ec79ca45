// The likelihood of a set, for a model whose likelihood is known in closed form.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ndarray } from "../../src/base/array.ts";
import { binarise, staticDraws } from "../../src/data/binarise.ts";
import { gather, type ImageSet } from "../../src/data/dataset.ts";
import { inMemory } from "../../src/data/pixels.ts";
import * as g from "../../src/graph/ops/index.ts";
import { head } from "../../src/models/heads.ts";
import { defineModel, type LikelihoodSpec } from "../../src/models/model.ts";
import { estimateLikelihood, likelihoodFindings, likelihoodText } from "../../src/predict/likelihood.ts";
import { TrainedModel } from "../../src/predict/trained.ts";
import { NATIVE, stopAfter } from "../helpers.ts";

const DRAWS = 4;
const spec = { height: 4, width: 4, channels: 1, classes: ["a", "b"], mirror: false };

/**
 * Weights of draws w = e^(-ε²/2 + s) with ε of N(0, 1) and s the sum of the pixels: their mean is e^s / √2. A pixel that is neither 0
 * nor 1 would add far more.
 */
const known = (of: LikelihoodSpec["of"], penalty: number) =>
  defineModel({
    name: "known",
    title: "a likelihood in closed form",
    cite: "Written for the tests, 2026",
    options: z.object({}),
    build: () => ({
      stages: [],
      likelihood: { of, draws: DRAWS },
      heads: {
        logLikelihood: head(["picture"], "score", (scope, { picture, n }) => {
          const noise = scope.noise("draw", [n, DRAWS]);
          const grey = g.mul(g.mul(picture, g.sub(1, picture)), penalty);
          const score = g.sum(g.add(picture, grey), [1, 2, 3]);
          const weights = g.add(g.mul(g.square(noise), -0.5), g.reshape(score, [n, 1]));
          return g.sub(g.logSumExp(weights, 1), Math.log(DRAWS));
        }),
      },
    }),
  });
const weights = { state: new Map([["unused", ndarray("float32", [], [0])]]), fitted: new Map() };
const trained = (of: LikelihoodSpec["of"], penalty = 0) =>
  new TrainedModel({ model: "known", options: {}, data: spec }, weights, NATIVE, known(of, penalty));

/** Pictures that are different in every pixel, so that their draws are independent. */
const picturesOf = (n: number, level: (i: number) => number): ImageSet => ({
  ...{ height: 4, width: 4, channels: 1 },
  pixels: inMemory(
    16,
    Uint8Array.from({ length: 16 * n }, (_, i) => level(i)),
  ),
  labels: new Int32Array(n).fill(-1),
});

describe("the estimated likelihood", () => {
  it("comes near ln E[w] with many draws, states its standard error, and is below it with few", async () => {
    const model = trained("levels");
    const set = picturesOf(300, (i) => (i * 2654435761) % 251);
    const [few, many] = [await estimateLikelihood(model, set, 3), await estimateLikelihood(model, set, 400)];
    expect([few.draws, many.draws, many.n]).toEqual([DRAWS, 400, 300]);
    // With 400 draws, ln of the mean weight is lower than ln E[w] by Var[w] / (2 · 400 · E[w]²): 2e-4.
    const sums = Array.from({ length: 300 }, (_, p) =>
      Array.from({ length: 16 }, (_, i) => ((16 * p + i) * 2654435761) % 251).reduce((a, b) => a + b / 255, 0),
    );
    const truth = sums.reduce((a, b) => a + b) / 300 - 0.5 * Math.LN2;
    // A picture's estimate deviates by √(0.155 / 400) = 0.02, the mean over 300 by 0.0011: four of these.
    expect(Math.abs(many.mean - truth)).toBeLessThan(0.0046);
    expect(few.mean).toBeLessThan(many.mean);
    const spread = Math.sqrt(sums.reduce((t, s) => t + (s - truth - 0.5 * Math.LN2) ** 2, 0) / 299 / 300);
    expect(many.standardError / spread).toBeCloseTo(1, 1);
    expect(many.bitsPerDimension).toBeCloseTo(-many.mean / (16 * Math.LN2), 9);
    expect((await estimateLikelihood(model, set, 4, { pictures: 7 })).n).toBe(7);
    const signal = stopAfter(3);
    await expect(estimateLikelihood(model, set, 400, { signal })).rejects.toThrowError("stopped by the signal");
    expect(signal.asked).toBe(4);
    await model.dispose();
  });

  it("draws grey pixels once as 0 or 1 for a model of binary pixels, and leaves black and white as they are", async () => {
    const model = trained("binary", 1000);
    const grey = await estimateLikelihood(
      model,
      picturesOf(400, () => 51),
      8,
    );
    // No pixel was grey: the mean sum is that of Bernoulli draws with p = 0.2, 16 of them in 400 pictures; four standard errors.
    const drawn = 16 * 0.2 - 0.5 * Math.LN2;
    expect(Math.abs(grey.mean - drawn)).toBeLessThan(4 * Math.sqrt((16 * 0.2 * 0.8 + 0.02) / 400) + 0.03);
    expect(grey.binarisation).toBe("dynamic");
    const black = await estimateLikelihood(
      model,
      picturesOf(5, (i) => (i % 2) * 255),
      4,
    );
    expect(black.binarisation).toBe("static");
    expect(likelihoodText(black)).toMatch(/4 draws a picture, 5 pictures .* of pixels 0 or 1 \(static\)/);
    await model.dispose();
  });

  it("draws pixels once and for all where static ones are asked for: those of the binarised test part, whatever the seed", async () => {
    const model = trained("grey");
    const set = picturesOf(1200, (i) => (i * 2654435761) % 251);
    const pixels = await gather(set);
    binarise(pixels, staticDraws("test"));
    const drawn = { ...set, pixels: inMemory(16, pixels) };
    const call = { binarisation: "static", seed: 3 } as const;
    const [asked, given] = [
      await estimateLikelihood(model, set, 4, call),
      await estimateLikelihood(model, drawn, 4, call),
    ];
    expect(asked).toEqual(given);
    expect([asked.of, asked.binarisation]).toEqual(["binary", "static"]);
    // Pixels that are 0 or 1 have a probability without a word, grey ones have none.
    expect(await estimateLikelihood(model, drawn, 4, { seed: 3 })).toEqual(given);
    expect((await estimateLikelihood(model, set, 4)).of).toBe("grey");
    const dynamic = await estimateLikelihood(model, set, 4, { binarisation: "dynamic", seed: 3 });
    expect(dynamic.binarisation).toBe("dynamic");
    expect(dynamic.mean).not.toBe(asked.mean);
    await model.dispose();
  });

  it("refuses to make pixels 0 or 1 for a model of 256 levels", async () => {
    const model = trained("levels");
    await expect(
      estimateLikelihood(
        model,
        picturesOf(2, () => 7),
        4,
        { binarisation: "static" },
      ),
    ).rejects.toThrowError('of 256 levels: "static" pixels have none');
    await model.dispose();
  });

  it("is a number of an evaluation: nats of pixels 0 or 1, bits of levels, with the normal interval of its standard error", () => {
    const estimate = { mean: -80, standardError: 0.5, n: 100, draws: 200 };
    const [nats] = likelihoodFindings({ ...estimate, of: "binary", binarisation: "dynamic" });
    expect([nats!.info.name, nats!.info.better, nats!.value]).toEqual(["nats", "lower", 80]);
    // The quantile of the standard normal distribution at 0.975: 1.959964.
    expect(nats!.interval![0]).toBeCloseTo(80 - 0.5 * 1.959964, 6);
    expect(nats!.interval![1]).toBeCloseTo(80 + 0.5 * 1.959964, 6);
    const [bits] = likelihoodFindings({ ...estimate, of: "levels", bitsPerDimension: 2 });
    expect([bits!.info.name, bits!.value]).toEqual(["bitsPerDimension", 2]);
    // As wide in proportion.
    expect(bits!.interval![1]).toBeCloseTo(2 * (1 + (0.5 * 1.959964) / 80), 8);
    for (const of of ["grey", "density"] as const) expect(likelihoodFindings({ ...estimate, of })).toEqual([]);
  });
});
