import { describe, expect, it } from "vitest";
import { cnn } from "../../src/models/cnn.ts";
import { fastBatch, fastTraining, fastWidths } from "../../src/models/fast-training.ts";
import { hybrid } from "../../src/models/hybrid.ts";
import { parseOptions } from "../../src/models/index.ts";
import type { Model, ParameterGroup } from "../../src/models/model.ts";
import { multiscale } from "../../src/models/multiscale.ts";
import { separateBatch } from "../../src/models/separate.ts";

/** Pictures of one size, so many of them, all with labels. */
const pictures = (side: number, labelled: number) => ({
  ...{ height: side, width: side },
  examples: { labelled, unlabelled: 0 },
});

describe("batches of a fast net", () => {
  it("are 512 pictures, or fewer where an epoch would be under sixteen steps, down to 64", () => {
    const batches = [60000, 8192, 8191, 1237, 100].map((labelled) => fastBatch(pictures(28, labelled)));
    expect(batches).toEqual([512, 512, 256, 64, 64]);
  });

  it("have as many pixels as 64 pictures of 224x224 at most, down to 32 pictures, whatever asks for them", () => {
    const sides = [28, 32, 64, 79, 80, 112, 128, 224, 225, 1024];
    expect(sides.map((side) => fastBatch(pictures(side, 60000)))).toEqual([
      ...[512, 512, 512, 512, 256, 256, 128],
      ...[64, 32, 32],
    ]);
    // Of few pictures the other rule has its say.
    expect([28, 224].map((side) => fastBatch(pictures(side, 100)))).toEqual([64, 64]);
    const colour = (side: number) => ({ ...pictures(side, 60000), channels: 3, classes: ["a", "b"], mirror: true });
    expect([28, 32, 224].map((side) => separateBatch(colour(side)))).toEqual([512, 512, 64]);
    const models: [Model, options: Record<string, unknown>][] = [
      [cnn, { net: "fast" }],
      [hybrid, {}],
      [multiscale, {}],
    ];
    for (const [model, options] of models)
      expect(
        [28, 32, 224].map((side) => model.batch!(colour(side), parseOptions(model, options))),
        model.name,
      ).toEqual([512, 512, 64]);
  });
});

describe("how a fast net is trained", () => {
  const rule = (optimizer: "muon" | "sgd" | "adam", labelled: number) =>
    fastTraining(optimizer, ["net/"], ["head/"], 1, fastBatch(pictures(28, labelled)));
  const groups = (updates: ReturnType<typeof rule>["updates"]) =>
    updates.filter((update): update is ParameterGroup => typeof update !== "string");

  it("goes by the batch: in proportion for SGD, as its root for Muon, and not for Adam", () => {
    // Batches of 512 and of 64 pictures.
    const [large, small] = [60000, 100].map((labelled) => ({
      sgd: rule("sgd", labelled).learningRate,
      adam: rule("adam", labelled).learningRate,
      muon: rule("muon", labelled).learningRate * groups(rule("muon", labelled).updates)[0]!.rateScale!,
    }));
    expect(small!.sgd).toBeCloseTo(large!.sgd / 8, 12);
    expect(small!.muon).toBeCloseTo(large!.muon / Math.sqrt(8), 12);
    expect(small!.adam).toBe(large!.adam);
    expect(fastTraining("sgd", ["net/"], [], 1, 512).learningRate).toBe(large!.sgd);
  });

  it("by SGD takes the same share of all weights a step, whatever their rate", () => {
    const all = groups(rule("sgd", 60000).updates);
    expect(all.map(({ rateScale = 1, decayScale = 1 }) => rateScale * decayScale)).toEqual(all.map(() => 1));
    // The bias of the whitening layer comes after no normalisation.
    const rates = Object.fromEntries(all.map(({ prefix, suffix = "", rateScale = 1 }) => [prefix + suffix, rateScale]));
    expect(rates).toEqual({ "net//weights": 1, "net/": 64, "net/whiten/": 1, "head/": 1 / 81 });
  });
});

describe("widths of a fast net", () => {
  const of = (side: number, channels: number, mirror: boolean, text = "auto") =>
    fastWidths(text, { height: side, width: side, channels, mirror });

  it("are as in the source for colour, and less for grey", () => {
    expect(of(32, 3, true)).toEqual([64, 256, 256]);
    expect(of(28, 1, true)).toEqual([48, 160, 192]);
    expect(of(28, 1, false)).toEqual([32, 64, 128]);
  });

  it("are the least of grey from few labels, and as ever of colour", () => {
    const few = (channels: number) =>
      fastWidths("auto", { height: 28, width: 28, channels, mirror: true }, { fewLabels: true });
    expect(few(1)).toEqual([32, 64, 128]);
    expect(few(3)).toEqual([64, 256, 256]);
  });

  it("have narrower groups before them for each doubling of the side, three at most", () => {
    expect(of(45, 3, true)).toHaveLength(3);
    expect(of(64, 3, true)).toEqual([32, 64, 256, 256]);
    expect(of(1024, 3, true)).toEqual([16, 16, 32, 64, 256, 256]);
  });

  it("are what is asked for", () => {
    expect(of(64, 3, true, "8-16")).toEqual([8, 16]);
  });
});
