// Alarms: the rules on numbers that are written down, and faults planted in networks that really train.
import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { type Dataset, gather, range, subset } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withValidation } from "../../src/data/splits.ts";
import * as g from "../../src/graph/ops/index.ts";
import { head } from "../../src/models/heads.ts";
import type { Phase } from "../../src/models/model.ts";
import { constantInit } from "../../src/nn/init.ts";
import type { Scope } from "../../src/nn/scope.ts";
import { alarmChanges, EPOCHS_KEPT } from "../../src/train/alarms.ts";
import { fit } from "../../src/train/fit.ts";
import { NATIVE } from "../helpers.ts";
import { denseGenerator, perfectGenerator, type Rates, smallGan, trainGan } from "./small-gan.ts";
import { phase } from "./tiny.ts";

/** What the epochs before and the last one show, where nothing is wrong. */
const healthy = {
  "validation/coverage": 0.6,
  "validation/diversity": 0.9,
  "validation/kernelDistance": 0.01,
  "validation/discriminatorReal": 0.8,
  "validation/discriminatorGenerated": 0.7,
  "watch/trainingScore": 1.1,
  "watch/validationScore": 1,
  "watch/generatedScore": -1,
  "watch/scoreDeviation": 0.8,
  "watch/sampleChange": 0.02,
  "watch/sampleSlope": 0.3,
  "train/d/loss": 1.2,
  "train/d/gradientNorm": 0.5,
};
/** Norms that grow from epoch to epoch. */
const epochs = (count: number, ...ends: Partial<Record<string, number>>[]) =>
  Array.from({ length: count + ends.length }, (_, i) => ({
    ...healthy,
    "watch/d/parameterNorm": 5 + i,
    "steps/d": 10 * i,
    "moves/d": 100 * i,
    ...ends[i - count],
  })) as Record<string, number>[];
const begun = (history: readonly Record<string, number>[]) => alarmChanges(history, []).map(({ name }) => name);

describe("the rules", () => {
  it("are silent where nothing is wrong, in a first epoch, and where there is nothing to look at", () => {
    for (let count = 0; count <= EPOCHS_KEPT; count++) expect(begun(epochs(count))).toEqual([]);
    expect(begun([{}])).toEqual([]);
    expect(begun([{ "train/joint/loss": 3 }, { "train/joint/loss": 2 }])).toEqual([]);
  });

  const sure = { "validation/discriminatorReal": 0.99, "validation/discriminatorGenerated": 1 };
  it.each<[string, string[], Record<string, number>[]]>([
    ["samples are all the same", ["collapse"], [{ "validation/diversity": 0.01 }]],
    ["samples differ less than half as much as before", ["collapse"], [{ "validation/diversity": 0.4 }]],
    ["less than half of what was covered is", ["collapse"], [{ "validation/coverage": 0.29 }]],
    ["a little less is covered", [], [{ "validation/coverage": 0.31 }]],
    ["the discriminator is sure in two epochs, and nothing gets better", ["discriminator-wins"], [sure, sure]],
    ["it is sure in one epoch", [], [sure]],
    ["it is sure in two epochs, and more is covered", [], [sure, { ...sure, "validation/coverage": 0.65 }]],
    ["it is sure, and nothing tells how samples are", [], [sure, { ...sure, "validation/coverage": Number.NaN }]],
    ["it is sure of one kind alone", [], [sure, { ...sure, "validation/discriminatorReal": 0.9 }]],
    [
      "most of what sets training pictures apart is not seen in validation pictures",
      ["discriminator-memorises"],
      [{ "watch/trainingScore": 3, "watch/validationScore": 0.9 }],
    ],
    [
      "the scores of all kinds are alike",
      [],
      [{ "watch/trainingScore": 0.1, "watch/validationScore": 0, "watch/generatedScore": 0 }],
    ],
    ["a loss is ten times what is usual", ["runaway"], [{ "train/d/loss": 12.1 }]],
    ["a gradient is ten times what is usual", [], [{ "train/d/gradientNorm": 5 }]],
    ["a gradient is a hundred times what is usual", ["runaway"], [{ "train/d/gradientNorm": 51 }]],
    ["weights grow tenfold in an epoch", ["runaway"], [{ "watch/d/parameterNorm": 100 }]],
    ["weights grow by a twentieth a step", ["runaway"], [{ "watch/d/parameterNorm": 30, "moves/d": 440 }]],
    ["what few of its own steps and many others moved grows", [], [{ "watch/d/parameterNorm": 30, "steps/d": 41 }]],
    ["nothing is known of steps that moved it", [], [{ "watch/d/parameterNorm": 30, "moves/d": Number.NaN }]],
    ["scores are hundreds apart", ["runaway"], [{ "watch/generatedScore": -102 }]],
    ["a score does not move with samples", ["picture-gradient"], [{ "watch/sampleSlope": 9e-5 }]],
    ["it hardly moves with samples", [], [{ "watch/sampleSlope": 1.1e-4 }]],
    ["it moves a hundred times as much as is usual", ["picture-gradient"], [{ "watch/sampleSlope": 31 }]],
    ["it moves ten times as much", [], [{ "watch/sampleSlope": 3 }]],
    ["so nothing of it moves", ["picture-gradient"], [{ "watch/sampleSlope": 0, "watch/sampleChange": 0 }]],
    ["samples of the same noise stay", ["frozen"], [{ "watch/sampleChange": 5e-4 }]],
    ["weights stay", ["frozen"], [{ "watch/d/parameterNorm": 9 }]],
    ["weights of a phase stay that took no step", [], [{ "watch/d/parameterNorm": 9, "steps/d": 40 }]],
  ])("where %s: %j", (_what, expected, ends) => {
    expect(begun(epochs(5, ...ends))).toEqual(expected);
  });

  it.each<[string, string[], number[]]>([
    ["in the first epoch samples hardly differ, which is how a generator may begin", [], [0.02]],
    ["in the first epoch samples differ by rounding alone", ["collapse"], [1e-4]],
    ["they differ more with each epoch", [], [0.02, 0.025]],
    ["they differ no more than before", ["collapse"], [0.02, 0.021]],
  ])("where %s: %j", (_what, expected, diversities) => {
    expect(begun(epochs(0, ...diversities.map((value) => ({ "validation/diversity": value }))))).toEqual(expected);
  });

  it("tell of little coverage only after a while without any gain", () => {
    const low = (count: number, last = 0.2) =>
      epochs(count).map((epoch, i) => ({ ...epoch, "validation/coverage": i === count - 1 ? last : 0.2 }));
    expect(begun(low(EPOCHS_KEPT - 1))).toEqual([]);
    expect(begun(low(EPOCHS_KEPT))).toEqual(["collapse"]);
    expect(begun(low(EPOCHS_KEPT, 0.22))).toEqual([]);
  });

  it("count the epochs of a generator alone, not those of a stage before", () => {
    const game = new Array(EPOCHS_KEPT).fill({ ...healthy, "validation/coverage": 0.01 }) as Record<string, number>[];
    const before = [{ "train/density/loss": 3 }, { "train/density/loss": 2 }];
    // The first of a run is what was there before its first step.
    const withBefore = (count: number) => [...before, ...game].slice(0, before.length + count).slice(-EPOCHS_KEPT);
    expect(begun(withBefore(EPOCHS_KEPT - 2))).toEqual([]);
    expect(begun(withBefore(EPOCHS_KEPT - 1))).toEqual(["collapse"]);
  });

  it("do not take a penalty that is seldom due for one that runs away", () => {
    expect(begun([0, 0, 0, 0, 20].map((value) => ({ "train/d/penalty": value })))).toEqual([]);
    expect(begun([1, 1, 1, 1, 20].map((value) => ({ "train/d/penalty": value })))).toEqual(["runaway"]);
  });

  it("tell a beginning once, with what to try, and an end", () => {
    const history = epochs(5, { "validation/coverage": 0.1 });
    const [first] = alarmChanges(history, []);
    expect(first).toMatchObject({ name: "collapse", state: "begins", title: "the generator collapses" });
    expect(first!.text).toBe("samples cover 10.0 % of the real pictures, and covered 60.0 %");
    expect(first!.advice[0]).toContain("DiffAugment");
    expect(alarmChanges(history, ["collapse"])).toEqual([]);
    expect(alarmChanges(epochs(5), ["collapse"])).toMatchObject([{ name: "collapse", state: "ends", text: "" }]);
  });

  it("on the game of the two networks neither begin nor end while nothing moves samples; the others do", () => {
    const wrong = { ...sure, "watch/sampleSlope": 0, "watch/trainingScore": 9, "train/d/loss": 12.1 };
    const history = epochs(5, wrong, wrong);
    expect(begun(history)).toEqual([
      ...["discriminator-wins", "discriminator-memorises", "runaway", "picture-gradient"],
    ]);
    expect(alarmChanges(history, [], false).map(({ name }) => name)).toEqual(["runaway"]);
    expect(alarmChanges(epochs(5), ["collapse", "runaway"], false)).toMatchObject([{ name: "runaway", state: "ends" }]);
  });
});

describe("in training", () => {
  const whole = glyphs({ train: 800, test: 2000 });
  const data = withValidation(whole, 0.2, 1);
  const alarmsOf = async (model: Parameters<typeof trainGan>[0], set: Dataset, count: number) =>
    (await trainGan(model, set, { epochs: count })).alarms.map(({ name, epoch }) => [name, epoch]);
  const dense = (rates?: Rates, loudness = 1) => smallGan(denseGenerator(data, loudness), rates);

  it("nothing is told of a healthy run", async () => {
    expect(await alarmsOf(dense(), data, 5)).toEqual([]);
  });

  it("a generator of one picture collapses in the first epoch", async () => {
    expect(await alarmsOf(dense({}, 0), data, 2)).toEqual([["collapse", 1]]);
  });

  it("rates of 0.1, a hundred times too high, run away in the first epoch", async () => {
    expect(await alarmsOf(dense({ generator: 0.1, discriminator: 0.1 }), data, 1)).toEqual([["runaway", 1]]);
  });

  it("a discriminator with a rate of 0 stands still in the first epoch", async () => {
    expect(await alarmsOf(dense({ discriminator: 0 }), data, 2)).toEqual([["frozen", 1]]);
  });

  it("a discriminator whose score is flat wherever samples are leaves no gradient, and that alone is told", async () => {
    expect(await alarmsOf(smallGan(denseGenerator(data), {}, 1e4), data, 2)).toEqual([["picture-gradient", 1]]);
  });

  it("a discriminator that sees 200 pictures again and again learns them by heart, if nothing else is left to learn", async () => {
    const few = {
      ...data,
      train: subset(
        data.train,
        Int32Array.from({ length: 3200 }, (_, i) => i % 200),
      ),
    };
    const bytes = await gather(whole.test!, range(0, 2000));
    const pool = ndarray(
      "float32",
      [2000, 28, 28, 1],
      Float32Array.from(bytes, (byte) => byte / 255),
    );
    const model = smallGan(perfectGenerator(pool), { generator: 2e-4, discriminator: 2e-3 });
    expect(await alarmsOf(model, few, 2)).toEqual([
      ["discriminator-memorises", expect.toSatisfy((epoch) => epoch <= 2)],
    ]);
  });

  it("nothing is concluded from 19 validation pictures, even of a generator of one picture", async () => {
    const few = (count: number) => ({ ...data, validation: subset(data.validation!, range(0, count)) });
    expect(await alarmsOf(dense({}, 0), few(20), 1)).toEqual([["collapse", 1]]);
    expect(await alarmsOf(dense({}, 0), few(19), 1)).toEqual([]);
  });

  it("a generator of one picture does not collapse before it begins to learn", async () => {
    const model = dense({}, 0);
    const [discriminator, generator] = model.stages[0]!.phases;
    const later: Phase = { ...generator!, window: [0.5, 1] };
    expect(await alarmsOf({ ...model, stages: [{ phases: [discriminator!, later] }] }, data, 4)).toContainEqual([
      "collapse",
      3,
    ]);
  });

  it("weights do not run away for a phase that takes one step of many by which another moves them", async () => {
    const model = dense({ discriminator: 1e-2 });
    const [discriminator, generator] = model.stages[0]!.phases;
    const start: Phase = { ...discriminator!, name: "start", learningRate: 0, window: [0, 0.01] };
    const staged = { ...model, stages: [{ phases: [start, discriminator!, generator!] }] };
    const { alarms, saved } = await trainGan(staged, data, { epochs: 1 });
    expect(saved.progress.phaseSteps).toEqual({ start: 1, discriminator: 20, generator: 20 });
    const [before, after] = saved.progress.watch!.epochs as [Record<string, number>, Record<string, number>];
    // More than one step of a healthy training would add, by which it was told before.
    expect(after["watch/start/parameterNorm"]).toBeGreaterThan(1.05 * before["watch/start/parameterNorm"]!);
    expect(after).toMatchObject({ "moves/start": 21, "moves/discriminator": 21, "moves/generator": 20 });
    expect(alarms.filter(({ name }) => name === "runaway")).toEqual([]);
  });

  it("samples are not expected to change while the generator takes no step", async () => {
    const model = dense();
    const [discriminator, generator] = model.stages[0]!.phases;
    const late = { ...generator!, window: [0.6, 1] as const };
    const staged = { ...model, stages: [{ phases: [discriminator!, late] }] };
    const { alarms, epochs } = await trainGan(staged, data, { epochs: 2 });
    expect(epochs.map(({ metrics }) => "watch/sampleChange" in metrics)).toEqual([false, true]);
    expect(alarms.filter(({ name }) => name === "frozen")).toEqual([]);
  });

  it("a discriminator that goes on after the generator has stopped does not win", async () => {
    const model = dense({ discriminator: 3e-3 });
    const [discriminator, generator] = model.stages[0]!.phases;
    const early = { ...generator!, window: [0, 0.2] as const };
    const staged = { ...model, stages: [{ phases: [discriminator!, early] }] };
    const { alarms, epochs } = await trainGan(staged, data, { epochs: 5 });
    // It is sure of both kinds, and samples stay.
    for (const { metrics } of epochs.slice(-2)) {
      expect(metrics["validation/discriminatorReal"]).toBeGreaterThan(0.98);
      expect(metrics["validation/discriminatorGenerated"]).toBeGreaterThan(0.98);
    }
    expect(alarms).toEqual([]);
  });

  it("a checkpoint is never ahead of what was told: whoever leaves before the alarm goes on from before the epoch", async () => {
    const saves: number[] = [];
    const running = fit({
      ...{ name: "wild", model: dense({}, 0), data, backend: NATIVE, seed: 1, batch: 32, augmentation: {} },
      epochs: 1,
      save: (_which, { progress }) => void saves.push(progress.step),
    });
    for await (const { type } of running) if (type === "samples") break;
    expect(saves).toEqual([0]);
  });

  it("all of it goes on exactly: a run that was stopped tells the same alarms and numbers", async () => {
    const model = dense({ generator: 0.1, discriminator: 0.1 });
    const straight = await trainGan(model, data, { epochs: 2 });
    let seen = 0;
    const first = await trainGan(model, data, { epochs: 2, interrupted: () => ++seen >= 25 });
    const second = await trainGan(model, data, { epochs: 2, resume: first.saved });
    const told = (events: readonly { seconds?: number }[]) => events.map((event) => ({ ...event, seconds: 0 }));
    expect(told([...first.epochs, ...second.epochs])).toEqual(told(straight.epochs));
    expect([...first.alarms, ...second.alarms]).toEqual(straight.alarms);
    expect(straight.alarms.length).toBeGreaterThan(0);
    expect(second.saved.progress.watch).toEqual(straight.saved.progress.watch);
  });
});

describe("what is told of each epoch", () => {
  const data = withValidation(glyphs({ train: 300, test: 10 }), 0.3, 1);

  it("are the losses of each network on training and on validation pictures, norms, and scores", async () => {
    const { epochs } = await trainGan(smallGan(denseGenerator(data)), data, { epochs: 2 });
    const names = Object.keys(epochs[1]!.metrics);
    for (const name of [
      ...["train/discriminator/real", "train/discriminator/gradientNorm", "train/generator/gradientNorm"],
      ...["validation/discriminator/real", "validation/discriminator/generated", "validation/generator/loss"],
      ...["validation/discriminatorReal", "validation/coverage", "validation/diversity", "watch/sampleChange"],
      ...["watch/trainingScore", "watch/generator/parameterNorm", "watch/sampleSlope"],
    ])
      expect(names).toContain(name);
    expect(names).not.toContain("validation/generator/gradientNorm");
  });

  it("are norms that follow from the weights, and losses on validation pictures that follow from what was trained", async () => {
    // At a rate of 0 all stays as it began, where a dense discriminator knows nothing: both losses are near ln 2.
    const still = smallGan(denseGenerator(data), { generator: 0, discriminator: 0 });
    const { epochs, saved } = await trainGan(still, data, { epochs: 1 });
    const { metrics } = epochs[0]!;
    let squares = 0;
    for (const [path, value] of saved.state)
      if (path.startsWith("discriminator/")) for (const weight of value.data) squares += weight ** 2;
    expect(metrics["watch/discriminator/parameterNorm"]).toBeCloseTo(Math.sqrt(squares), 9);
    // Different pictures of the same kind, some 200 and 64 of them: the same mean within a tenth.
    const gap = metrics["validation/discriminator/real"]! - metrics["train/discriminator/real"]!;
    expect(Math.abs(gap)).toBeLessThan(0.1);
  });

  it("is the slope of the score at samples: of a linear score the length of its weights", async () => {
    const weights = (scope: Scope) => scope.child("discriminator").param("weights", [28 * 28, 1], constantInit(0.25));
    const gan = smallGan(denseGenerator(data));
    const moving = phase("linear", {
      ...{ updates: ["discriminator/"], learningRate: 0, emaDecay: "none" },
      loss: (scope) => ({ loss: g.sum(weights(scope)), log: {} }),
    });
    const [, generator] = gan.stages[0]!.phases;
    const linear = {
      ...gan,
      // Of a discriminator that nothing has moved yet there is nothing to tell.
      stages: [{ phases: [generator!] }, { phases: [moving, { ...generator!, name: "second" }] }],
      heads: {
        ...gan.heads,
        discriminate: head(["picture"], "score", (scope, { picture, n }) =>
          g.reshape(g.matmul(g.flatten(picture), weights(scope)), [n]),
        ),
      },
    };
    const { epochs } = await trainGan(linear, data, { epochs: 2 });
    expect("watch/sampleSlope" in epochs[0]!.metrics).toBe(false);
    // 28² weights of 1/4: ‖w‖ = 28 / 4. In float32.
    expect(epochs[1]!.metrics["watch/sampleSlope"]).toBeCloseTo(7, 5);
  });
});
