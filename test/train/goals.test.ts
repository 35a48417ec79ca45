import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import * as g from "../../src/graph/ops/index.ts";
import type { FittedQuantity, Metric, MetricInfo } from "../../src/metrics/metric.ts";
import { head } from "../../src/models/heads.ts";
import type { BuiltModel } from "../../src/models/model.ts";
import { zerosInit } from "../../src/nn/init.ts";
import { perExample } from "../../src/nn/losses.ts";
import type { Scope } from "../../src/nn/scope.ts";
import type { FitOptions } from "../../src/train/fit-options.ts";
import { data, type EndedRun, phase, pictures, STEPS, train } from "./tiny.ts";

/** The values of a metric after each epoch. */
type Script = readonly [better: MetricInfo["better"], values: readonly number[]];

/** A buffer that counts the steps taken: what is scripted depends on the state alone, in a resumed run too. */
const counter = (scope: Scope) => scope.child("plain").buffer("steps", [], zerosInit);

const plain = phase("plain");

/** A model whose validation metrics are written down beforehand. Those of `best` choose its best checkpoint; default: all. */
const scripted = (
  scripts: Readonly<Record<string, Script>>,
  best = Object.keys(scripts),
  bestKeeps?: BuiltModel["bestKeeps"],
): BuiltModel => ({
  stages: [
    {
      phases: [
        {
          ...plain,
          loss(scope, ...batches) {
            scope.child("plain").assign("steps", g.add(counter(scope), 1));
            return plain.loss(scope, ...batches);
          },
        },
      ],
    },
  ],
  heads: {
    steps: head(["picture"], "score", (scope, { picture }) => g.add(g.mul(perExample(picture), 0), counter(scope))),
  },
  metrics: Object.entries(scripts).map(
    ([name, [better, values]]): Metric => ({
      ...{ name, title: name, better, unit: "", needs: ["steps"] },
      compute: (predictions) => values[predictions.output("steps")[0]! / STEPS - 1],
    }),
  ),
  ...{ best, bestKeeps },
});

const score = (...values: number[]) => scripted({ score: ["higher", values] });
const bestEpochs = ({ epochs }: EndedRun) => epochs.filter(({ best }) => best).map(({ epoch }) => epoch);
const unvalidated = { ...data, validation: undefined };

describe("patience", () => {
  it("ends a run after so many epochs without a better checkpoint, of which an equal one is not better", async () => {
    const { end, epochs } = await train(score(0.5, 0.7, 0.6, 0.7, 0.9), { epochs: 5, patience: 2 });
    expect(end).toMatchObject({ reason: "patience", epoch: 4, step: 4 * STEPS });
    expect(epochs.length).toBe(4);
  });

  it("begins anew with each better checkpoint", async () => {
    const run = await train(score(0.5, 0.4, 0.6, 0.5, 0.4, 0.9), { epochs: 6, patience: 2 });
    expect(run.end).toMatchObject({ reason: "patience", epoch: 5 });
    expect(bestEpochs(run)).toEqual([1, 3]);
  });

  it("of 0 never ends a run", async () => {
    expect((await train(score(0.5, 0.4, 0.3, 0.2), { epochs: 4 })).end).toMatchObject({ reason: "planned", epoch: 4 });
  });

  it("of a model with stages is counted in the last alone, from where it begins", async () => {
    const model = score(0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1);
    const [first] = model.stages;
    const second = { phases: first!.phases.map((one) => ({ ...one, name: "second" })) };
    const { end } = await train({ ...model, stages: [first!, second] }, { epochs: 8, patience: 2 });
    // Stages of four epochs: the second is given two.
    expect(end).toMatchObject({ reason: "patience", epoch: 6 });
  });
});

describe("what is fitted", () => {
  /** How often each of two quantities was fitted, and with which saves it was kept. */
  async function fitted(model: BuiltModel, options: Partial<FitOptions>) {
    const counts = { quick: 0, slow: 0 };
    const quantity = (name: "quick" | "slow"): FittedQuantity => ({
      ...{ name, needs: ["steps"], slow: name === "slow" },
      fit: () => ({ [name]: ndarray("float32", [], [++counts[name]]) }),
    });
    const run = await train({ ...model, fitted: [quantity("quick"), quantity("slow")] }, options);
    const kept = run.saves.map(({ which, snapshot }) => [which.join(), [...snapshot.fitted.keys()].join()]);
    return { counts, kept };
  }
  const both = "quick,slow";

  it("and is slow is so for the best checkpoints and the one with which the run ends, the rest for each", async () => {
    const { counts, kept } = await fitted(score(0.5, 0.4, 0.6, 0.3, 0.2), { epochs: 5 });
    expect(counts).toEqual({ quick: 5, slow: 3 });
    expect(kept).toEqual([
      ["last", ""],
      ["best,last", both],
      ["last", "quick"],
      ["best,last", both],
      ["last", "quick"],
      ["last", both],
    ]);
  });

  it.each<[string, Partial<FitOptions>]>([
    ["a target", { until: { metric: "score", value: 0.2 } }],
    ["no patience", { patience: 2 }],
  ])("is so with the last checkpoint of a run that ends by %s", async (_by, options) => {
    const values = scripted({ score: ["lower", [0.3, 0.5, 0.2]], other: ["higher", [0.5, 0.4, 0.3]] }, ["other"]);
    const { kept } = await fitted(values, { epochs: 9, ...options });
    expect(kept.slice(-2)).toEqual([
      ["last", "quick"],
      ["last", both],
    ]);
  });

  it("is so in the last stage alone where no metric chooses a checkpoint", async () => {
    const model = scripted({ score: ["higher", [1, 1, 1, 1]] }, []);
    const [first] = model.stages;
    const second = { phases: first!.phases.map((one) => ({ ...one, name: "second" })) };
    const { counts } = await fitted({ ...model, stages: [first!, second] }, { epochs: 4 });
    expect(counts).toEqual({ quick: 4, slow: 1 });
  });
});

describe("a target", () => {
  it.each([
    { better: "higher", values: [0.1, 0.3, 0.5, 0.2] },
    { better: "lower", values: [0.9, 0.7, 0.5, 0.6] },
  ] as const)("of a metric of which $better is better ends the run when it is reached", async ({ better, values }) => {
    const model = scripted({ score: [better, values] });
    const { end } = await train(model, { epochs: 4, until: { metric: "score", value: 0.5 } });
    expect(end).toMatchObject({ reason: "until", epoch: 3, metrics: { "validation/score": 0.5 } });
  });

  it("that validation cannot give is refused: one of what is fitted on it, or of classes where no picture has a label", async () => {
    const model = score(0.5);
    const until = { metric: "temperature", value: 1 };
    await expect(train(model, { until })).rejects.toThrowError(/no validation metric "temperature"; known: score/);
    const unlabelled = { ...data, validation: { ...data.validation!, labels: data.validation!.labels.map(() => -1) } };
    // Two pixels are two logits.
    const classify = head(["picture"], "logits", (_scope, { picture }) => g.flatten(picture));
    const classifier = { ...model, best: ["accuracy"], heads: { ...model.heads, classify } };
    for (const goal of [{ until: { metric: "accuracy", value: 1 } }, { patience: 1 }])
      await expect(train(classifier, { ...goal, data: unlabelled })).rejects.toThrowError(
        /no validation picture has a label/,
      );
  });

  it("that is not reached, or only by NaN, leaves the run as long as planned", async () => {
    const until = { metric: "score", value: 0.5 };
    for (const model of [score(0.1, 0.2, Number.NaN), scripted({ score: ["lower", [0.9, 0.8, Number.NaN]] })])
      expect((await train(model, { epochs: 3, until })).end).toMatchObject({ reason: "planned", epoch: 3 });
  });
});

describe("the best checkpoint", () => {
  it("is chosen by the first metric; the second decides where it is equal, and is not asked where it is not", async () => {
    const model = scripted({
      first: ["higher", [0.5, 0.5, 0.5, 0.5, 0.6, 0.4]],
      second: ["lower", [3, 2, 2, 4, 9, 1]],
    });
    const run = await train(model, { epochs: 6 });
    expect(bestEpochs(run)).toEqual([1, 2, 5]);
    expect(run.saves.filter(({ which }) => which.includes("best")).map(({ snapshot }) => snapshot.progress)).toEqual(
      [1, 2, 5].map((epoch) =>
        expect.objectContaining({ step: epoch * STEPS, best: expect.objectContaining({ epoch }) }),
      ),
    );
  });

  it("keeps its share of what was highest so far: one that no longer does gives way to the next that does", async () => {
    const model = scripted(
      {
        distance: ["lower", [5, 4, 3, 6, 2, 5, 4]],
        covered: ["higher", [0.5, 0.5, 0.4, 0.8, 0.7, 0.76, 0.75]],
      },
      ["distance"],
      { covered: 0.95 },
    );
    const run = await train(model, { epochs: 7 });
    // The third covers too little; with the fourth, so does the second. The sixth keeps 0.95 of 0.8, the seventh does not.
    expect(bestEpochs(run)).toEqual([1, 2, 4, 6]);
    const { best, highest } = run.saves.at(-1)!.snapshot.progress;
    expect([best?.values, highest]).toEqual([{ distance: 5, covered: 0.76 }, { covered: 0.8 }]);
    const unknown = scripted({ score: ["higher", [1]] }, ["score"], { covered: 0.95 });
    await expect(train(unknown, { epochs: 1 })).rejects.toThrowError(/chooses its best checkpoint by "covered"/);
  });

  it("is never one of which a metric is NaN", async () => {
    expect(bestEpochs(await train(score(Number.NaN, 0.5, Number.NaN, 0.6), { epochs: 4 }))).toEqual([2, 4]);
    const model = scripted({ first: ["higher", [0.5, 0.6, 0.7]], second: ["lower", [1, Number.NaN, 1]] });
    expect(bestEpochs(await train(model, { epochs: 3 }))).toEqual([1, 3]);
  });

  it.each([
    { what: "a model that names no metric for it", model: scripted({ score: ["higher", [0.5, 0.6]] }, []), data },
    { what: "data without validation pictures", model: score(0.5, 0.6), data: unvalidated },
    { what: "a model without heads", model: { heads: {}, stages: [{ phases: [plain] }] }, data },
  ])("of $what is not told: only the last is saved", async ({ model, data }) => {
    const run = await train(model, { epochs: 2, data });
    expect(run.end).toMatchObject({ reason: "planned", step: 2 * STEPS });
    expect(bestEpochs(run)).toEqual([]);
    // Before the first step, and after each epoch.
    expect(run.saves.map(({ which, snapshot }) => [which, snapshot.progress.step])).toEqual([
      [["last"], 0],
      [["last"], STEPS],
      [["last"], 2 * STEPS],
    ]);
  });

  it("of class metrics is not told on pictures without labels; the run ends as planned, with the other metrics", async () => {
    const classify = head(["picture"], "logits", (_scope, { picture }) => g.flatten(picture));
    const { heads, ...model } = score(0.5, 0.6);
    const run = await train(
      { ...model, heads: { ...heads, classify }, best: ["accuracy", "nll"] },
      { epochs: 2, data: { ...data, validation: pictures([-1, -1, -1]) } },
    );
    expect(run.end.reason).toBe("planned");
    expect(run.end.metrics).toEqual({ "train/plain/loss": expect.any(Number), "validation/score": 0.6 });
    expect(run.saves.every(({ which }) => which.join() === "last")).toBe(true);
  });
});

describe("goals that nothing tells of", () => {
  it.each([
    {
      what: "a target of an unknown metric",
      options: { until: { metric: "scroe", value: 1 } },
      message: /--until scroe=1: there is no validation metric "scroe"; known: score/,
    },
    {
      what: "a target without validation pictures",
      options: { until: { metric: "score", value: 1 }, data: unvalidated },
      message: /--until score=1: .* there are no validation pictures/,
    },
    {
      what: "patience without validation pictures",
      options: { patience: 1, data: unvalidated },
      message: /--patience 1: .* there are no validation pictures/,
    },
    {
      what: "patience with a model that names no metric",
      options: { patience: 1 },
      model: scripted({ score: ["higher", [0.5]] }, []),
      message: /--patience 1: .* this model names no metric/,
    },
  ])("are refused before training: $what", async ({ options, message, model = score(0.5) }) => {
    const saved: unknown[] = [];
    await expect(train(model, { epochs: 1, save: (which) => void saved.push(which), ...options })).rejects.toThrowError(
      expect.objectContaining({ code: "E_OPTION", message: expect.stringMatching(message) }),
    );
    expect(saved).toEqual([]);
  });
});

describe("a run that has ended and is resumed", () => {
  const model = score(0.5, 0.7, 0.6, 0.65, 0.8, 0.9);
  const last = ({ saves }: EndedRun) => saves.at(-1)!.snapshot;

  it.each([
    { reason: "planned", goals: { epochs: 3 } },
    { reason: "patience", goals: { epochs: 6, patience: 2 } },
    { reason: "until", goals: { epochs: 6, until: { metric: "score", value: 0.7 } } },
  ])("takes no further step, and says the same: $reason", async ({ reason, goals }) => {
    const run = await train(model, goals);
    expect(run.end.reason).toBe(reason);
    const again = await train(model, { ...goals, resume: last(run) });
    expect([again.steps, again.epochs, again.saves]).toEqual([[], [], []]);
    const { reason: why, epoch, step, metrics } = run.end;
    expect(again.end).toMatchObject({ reason: why, epoch, step, metrics });
  });

  it("with another target goes on, to the state of the run that had it from the beginning", async () => {
    const until = (value: number) => ({ epochs: 6, until: { metric: "score", value } });
    const resumed = await train(model, { ...until(0.8), resume: last(await train(model, until(0.6))) });
    expect(resumed.steps.map(({ step }) => step)).toEqual([5, 6, 7, 8, 9, 10]);
    expect(resumed.end).toMatchObject({ reason: "until", epoch: 5 });
    expect(last(resumed).state).toEqual(last(await train(model, until(0.8))).state);
  });
});
