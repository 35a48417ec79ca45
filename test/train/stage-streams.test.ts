import { describe, expect, it } from "vitest";
import { batchInputs } from "../../src/data/batches.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import type { BuiltModel, Streams } from "../../src/models/model.ts";
import { resolveStreams, StageStreams } from "../../src/train/stage-streams.ts";
import { pictures } from "./tiny.ts";

const modelOf = (streams?: Streams): BuiltModel => ({
  heads: {},
  stages: [],
  ...(streams && { streams }),
});
const resolved = (streams?: Streams) => resolveStreams(modelOf(streams), 8, {});

describe("the streams of a model", () => {
  it("are one of all pictures with the run's augmentation, where it declares none", () => {
    expect(resolved()).toEqual([{ name: "batch", spec: {}, size: 8, views: { x: "augmented" }, mixes: false }]);
  });

  it("have sizes that are shares of the run's batch, at least one picture", () => {
    expect(resolved({ a: { share: 0.5 }, b: { share: 3 }, c: { share: 0.01 } }).map(({ size }) => size)).toEqual([
      4, 24, 1,
    ]);
  });

  it("mix pictures where the run does and their first view is the augmented one", () => {
    const mixing = resolveStreams(modelOf({ a: {}, b: { views: { x: "plain" } } }), 8, { mixup: 0.2 });
    expect(mixing.map(({ mixes }) => mixes)).toEqual([true, false]);
  });

  it("may be of a second data source, which is refused where there is none", async () => {
    const [train, second] = [glyphs({ train: 40, test: 10 }).train, glyphs({ train: 30, test: 10, seed: 9 }).train];
    const data = { ...glyphs({ train: 40, test: 10 }), train, second };
    const options = { data, seed: 1, augmentation: {}, tables: {}, stage: 0 };
    const streams = new StageStreams(resolved({ own: {}, other: { second: true } }), options);
    const feeds = await streams.at(0, 0);
    const row = new Uint8Array(784);
    const bytes = (name: string) => (feeds[batchInputs(name).view("x")]!.data as Uint8Array).slice(0, 784);
    const isIn = (set: typeof train, picture: Uint8Array) =>
      set.labels.some((_, i) => {
        set.pixels.read(i, row, 0);
        return row.every((value, k) => value === picture[k]);
      });
    expect([isIn(train, bytes("own")), isIn(second, bytes("other"))]).toEqual([true, true]);
    expect([isIn(second, bytes("own")), isIn(train, bytes("other"))]).toEqual([false, false]);
    expect(
      () =>
        new StageStreams(resolved({ other: { second: true } }), { ...options, data: { ...data, second: undefined } }),
    ).toThrowError(/the stream "other" needs a second data source; this data has one/);
  });

  it("leave out what a table of the model leaves out, as soon as they are told that it has changed", async () => {
    const train = pictures([0, 1, ...new Array(30).fill(-1)]);
    const data = { name: "tiny", classes: ["a", "b"], mirror: false, warnings: [], train };
    const trust = { shape: [], rows: Float32Array.from(train.labels, (label) => Number(label >= 0)) };
    const streams = new StageStreams(resolved({ bank: { only: "trust" } }), {
      ...{ data, seed: 1, augmentation: {}, tables: { trust }, stage: 0 },
    });
    const { labels } = batchInputs("bank");
    const labelled = async (step: number) =>
      [...(await streams.at(step, 0))[labels]!.data].filter((label) => label >= 0);
    expect(await labelled(0)).toHaveLength(8);
    // A batch is made beforehand, and the table changes.
    streams.prepare(1, 0);
    trust.rows.fill(1);
    streams.forget();
    expect((await labelled(1)).length).toBeLessThan(3);
  });

  it("measure an epoch in pictures of the training part, however few the first stream goes through", async () => {
    const train = pictures([0, 1, ...new Array(30).fill(-1)]);
    const data = { name: "tiny", classes: ["a", "b"], mirror: false, warnings: [], train };
    const options = { data, seed: 1, augmentation: {}, tables: {}, stage: 0 };
    const few = new StageStreams(resolved({ labelled: { from: "labelled" } }), options);
    expect([few.stepsPerEpoch, new StageStreams(resolved(), options).stepsPerEpoch]).toEqual([4, 4]);
    expect(new StageStreams([], options).stepsPerEpoch).toBe(32);
    // Two pictures, again and again: no batch is cut short.
    const { weights, labels } = batchInputs("labelled");
    const feeds = await few.at(3, 0);
    expect([...feeds[weights]!.data]).toEqual(new Array(8).fill(1));
    expect([...feeds[labels]!.data].sort()).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  });

  it("count the examples that they show, padding apart, and what they cost", async () => {
    const train = pictures([0, 1, -1]);
    const data = { name: "tiny", classes: ["a", "b"], mirror: false, warnings: [], train };
    const streams = new StageStreams(resolved({ all: {} }), { data, seed: 1, augmentation: {}, tables: {}, stage: 0 });
    const seen = { labelled: 0, unlabelled: 0 };
    streams.count(await streams.at(0, 0), seen);
    expect(seen).toEqual({ labelled: 2, unlabelled: 1 });
    expect(streams.costs.all).toMatchObject({ size: 8 });
    expect(streams.costs.all!.milliseconds).toBeGreaterThan(0);
  });
});
