import { describe, expect, it } from "vitest";
import { zeros } from "../../src/base/array.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant } from "../../src/graph/tensor.ts";
import type { Metric } from "../../src/metrics/metric.ts";
import { head } from "../../src/models/heads.ts";
import type { BuiltModel, Phase, StreamSpec } from "../../src/models/model.ts";
import { zerosInit } from "../../src/nn/init.ts";
import { adam } from "../../src/nn/optim.ts";
import { averagePath, type Scope } from "../../src/nn/scope.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { compileModel } from "../../src/train/steps.ts";
import { NATIVE } from "../helpers.ts";
import { smallGan } from "./small-gan.ts";
import { data, type EndedRun, phase, STEPS, train } from "./tiny.ts";

const spec = { ...{ height: 1, width: 2, channels: 1 }, classes: data.classes, mirror: false };
const modelOf = (...stages: (readonly Phase[])[]): BuiltModel => ({
  heads: {},
  stages: stages.map((phases) => ({ phases })),
});
const compile = (...stages: (readonly Phase[])[]) => compileModel(modelOf(...stages), spec, 2);

/** The steps that tell of a loss of a phase. */
const stepsOf = ({ steps }: EndedRun, name: string) =>
  steps.filter(({ losses }) => `${name}/loss` in losses).map(({ step }) => step);

describe("a phase", () => {
  it("of an adversarial model may be called as the head that it moves", () => {
    const model = smallGan((_root, n) => constant(zeros([n, 1, 2, 1])));
    const phases = [{ ...model.stages[0]!.phases[0]!, name: "discriminate" }];
    const { watch } = compileModel({ ...model, stages: [{ phases }] }, spec, 2);
    const names = [watch!.judgement!.discriminate, ...watch!.losses.values()].map(({ graph }) => graph.name);
    expect(new Set(names).size).toBe(2);
  });

  it("moves a group by an optimizer of its own, of which the parameters of the group alone have slots", () => {
    const loss: Phase["loss"] = (scope) => {
      const [bias, weights] = ["bias", "weights"].map((name) => scope.child("one").param(name, [2], zerosInit));
      const total = g.sum(g.add(g.square(bias!), weights!));
      return { loss: total, log: { loss: total } };
    };
    const updates = ["one/", { prefix: "one/", suffix: "/bias", optimizer: adam(), rateScale: 3 }];
    const { specs, stages } = compile([phase("one", { updates, loss })]);
    const slots = [...specs.keys()].filter((path) => path.startsWith("optimizer/"));
    expect(slots.map((path) => path.split("/").slice(-2).join("/"))).toEqual(["bias/m", "bias/v"]);
    // Of SGD the rate itself, three times that of Adam, whose corrections of a first step cancel.
    const scalars = Object.entries(stages[0]!.phases[0]!.scalars({ one: 1 }, 0.1));
    const scalarOf = (end: string) => scalars.find(([name]) => name.endsWith(end))![1];
    expect(scalarOf("/rate")).toBe(0.1);
    expect(scalarOf("/size")).toBeCloseTo(0.3, 12);
  });

  it("runs on every n-th step of its stage from the first, inside its window of the stage, whose end is left out", async () => {
    const first = [
      phase("always"),
      phase("third", { every: 3 }),
      phase("middle", { window: [0.25, 0.75] }),
      phase("both", { every: 2, window: [0.5, 1] }),
    ];
    // In the second stage there are steps without any phase.
    const second = [phase("late", { every: 2, window: [0.25, 0.75] })];
    // Two stages of 12 steps.
    const run = await train(modelOf(first, second), { epochs: 24 / STEPS });
    expect(run.steps.length).toBe(24);
    const expected = {
      always: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
      third: [1, 4, 7, 10],
      // Progress before step s is (s - 1) / 12: 3/12 to 8/12.
      middle: [4, 5, 6, 7, 8, 9],
      both: [7, 9, 11],
      // The second stage begins anew: steps 13 to 24, of which 17 begins at 4/12 and 21 at 8/12.
      late: [17, 19, 21],
    };
    for (const [name, steps] of Object.entries(expected)) expect(stepsOf(run, name), name).toEqual(steps);
    expect(run.saves.at(-1)!.snapshot.progress.phaseSteps).toEqual(
      Object.fromEntries(Object.entries(expected).map(([name, steps]) => [name, steps.length])),
    );
  });

  it("has memory for its noise while its stage lasts: the next stage does not hold twice", async () => {
    let arrays = 0;
    const backend: Backend = {
      ...NATIVE,
      allocate(shape, dtype) {
        arrays++;
        return NATIVE.allocate(shape, dtype);
      },
      release(array) {
        arrays--;
        NATIVE.release(array);
      },
    };
    const held: Record<string, Set<number>> = { first: new Set(), second: new Set() };
    const noisy = (name: string) =>
      phase(name, {
        schedule: () => {
          held[name]!.add(arrays);
          return 1;
        },
        loss(scope) {
          const value = scope.child(name).param("value", [], zerosInit);
          const loss = g.mean(g.square(g.sub(value, scope.noise("noise", [5]))));
          return { loss, log: { loss } };
        },
      });
    await train(modelOf([noisy("first")], [noisy("second")]), { backend, epochs: 4 });
    expect(held.first!.size).toBe(1);
    expect(held.second).toEqual(held.first);
    expect(arrays).toBe(0);
  });

  it("moves its parameter on the steps that it takes alone: by SGD towards the mean pixel, in closed form", async () => {
    const run = await train(modelOf([phase("always"), phase("third", { every: 3 })]), { epochs: 6, batch: 4 });
    const mean = [20, 73, 126, 179, 232, 29, 82, 135].reduce((sum, byte) => sum + byte / 255 / 8, 0);
    // Each step leaves 1 - 2 · 0.1 of the way. float32: 6 steps of 6e-8.
    const movedBy = (steps: number) => expect.closeTo(mean * (1 - 0.8 ** steps), 5);
    const { state } = run.saves.at(-1)!.snapshot;
    expect(state.get("always/value")!.data[0]).toEqual(movedBy(6));
    expect(state.get("third/value")!.data[0]).toEqual(movedBy(2));
  });

  it('with emaDecay "none" keeps no averages; heads then read the parameters', async () => {
    const model: BuiltModel = {
      ...modelOf([phase("bare", { emaDecay: "none" }), phase("averaged")]),
      heads: {
        bare: head(["picture"], "score", (scope, { n }) =>
          g.broadcast(scope.child("bare").param("value", [], zerosInit), [n]),
        ),
      },
      metrics: [
        {
          ...{ name: "bare", title: "bare", better: "neither", unit: "", needs: ["bare"] },
          compute: (predictions) => predictions.output("bare")[0],
        },
      ],
    };
    const { saves, end } = await train(model, { epochs: 1 });
    const { state } = saves.at(-1)!.snapshot;
    expect([...state.keys()].filter((path) => path.startsWith("average/"))).toEqual([averagePath("averaged/value")]);
    expect(state.get("bare/value")!.data[0]).toBeGreaterThan(0);
    expect(end.metrics["validation/bare"]).toBe(state.get("bare/value")!.data[0]);
  });
});

describe("the metrics of a network", () => {
  /** Two stages, each of which moves one parameter, and a metric of each, of both, and of one that nothing moves. */
  const value = (scope: Scope, name: string) => scope.child(name).param("value", [], zerosInit);
  const reads = { first: ["first"], second: ["second"], both: ["first", "second"], fixed: ["fixed"] };
  const staged = (averages: Partial<Phase> = {}): BuiltModel => ({
    stages: [{ phases: [phase("first", averages)] }, { phases: [phase("second", averages)] }],
    heads: Object.fromEntries(
      Object.entries(reads).map(([name, of]) => [
        name,
        head(["picture"], "score", (scope, { n }) =>
          g.broadcast(
            of.map((one) => value(scope, one)).reduce((a, b) => g.add(a, b)),
            [n],
          ),
        ),
      ]),
    ),
    metrics: Object.keys(reads).map(
      (name): Metric => ({
        ...{ name, title: name, better: "neither", unit: "", needs: [name] },
        compute: (predictions) => predictions.output(name)[0],
      }),
    ),
  });
  const told = ({ epochs }: EndedRun) =>
    epochs.map(({ metrics }) =>
      Object.keys(metrics)
        .filter((name) => name.startsWith("validation/"))
        .map((name) => name.slice("validation/".length)),
    );

  it.each([{}, { emaDecay: "none" as const }])(
    "that a later stage trains are told from that stage on, with the phases' %j",
    async (averages) => {
      const run = await train(staged(averages), { epochs: 4 });
      const [early, late] = [
        ["first", "fixed"],
        ["first", "second", "both", "fixed"],
      ];
      expect(told(run)).toEqual([early, early, late, late]);
    },
  );

  it("that is kept as it is are told from the beginning: it may come from another run", async () => {
    const run = await train({ ...staged(), stages: staged().stages.slice(0, 1) }, { epochs: 1 });
    expect(told(run)).toEqual([Object.keys(reads)]);
  });
});

describe("phases that do not fit are refused", () => {
  /** A phase whose loss reads the moving average of the parameter of `of`. */
  const pupil = (of: string) =>
    phase("pupil", {
      loss(scope, ...batches) {
        const loss = phase("pupil").loss(scope, ...batches);
        return { ...loss, log: { teacher: scope.averaged.child(of).param("value", [], zerosInit) } };
      },
    });

  it("where one reads an average that no phase keeps", () => {
    expect(() => compile([phase("teacher", { emaDecay: "none" }), pupil("teacher")])).toThrowError(
      expect.objectContaining({
        code: "E_NAME",
        message: expect.stringMatching(/"pupil" reads the moving average of "teacher\/value", which no phase keeps/),
      }),
    );
    // A phase after it, and one of another stage, may keep it.
    expect(() => compile([pupil("teacher"), phase("teacher")])).not.toThrow();
    expect(() => compile([pupil("teacher")], [phase("teacher")])).not.toThrow();
  });

  it("where two have one name, in one stage or in two", () => {
    const refused = expect.objectContaining({
      code: "E_NAME",
      message: expect.stringMatching(/two phases are called "twin"; give each a name of its own/),
    });
    expect(() => compile([phase("twin"), phase("twin")])).toThrowError(refused);
    expect(() => compile([phase("twin")], [phase("other"), phase("twin")])).toThrowError(refused);
  });

  it("where a stream takes pictures by what is no table of one number a picture", () => {
    const model = modelOf([phase("one")]);
    const tables = { trust: { shape: [], fill: 0 }, guess: { shape: [2], fill: 0 } };
    const of = (stream: StreamSpec) => () => compileModel({ ...model, tables, streams: { batch: stream } }, spec, 2);
    expect(of({ only: "trust" })).not.toThrow();
    for (const stream of [{ only: "other" }, { only: "guess" }, { only: "trust", second: true }])
      expect(of(stream)).toThrowError(
        expect.objectContaining({
          code: "E_NAME",
          message: expect.stringMatching(
            /the stream "batch" takes pictures by the table "\w+"; that is to be a table of the/,
          ),
        }),
      );
  });

  it("where a prefix is that of no parameter of its loss", () => {
    expect(() => compile([phase("one", { updates: ["one/", { prefix: "two/" }] })])).toThrowError(
      expect.objectContaining({
        code: "E_NAME",
        message: expect.stringMatching(/"one" moves "two\/", and none of its parameters begins so, .*: one\/value/),
      }),
    );
  });

  it("where two groups have one prefix, or another group takes all of one's parameters", () => {
    const updates = [{ prefix: "one/" }, { prefix: "one/", rateScale: 2 }];
    expect(() => compile([phase("one", { updates })])).toThrowError(/"one" moves "one\/" in two groups; name it once/);
    const longer = ["one/", { prefix: "one/value" }];
    expect(() => compile([phase("one", { updates: longer })])).toThrowError(
      /"one" moves "one\/", and none .* longer ones/,
    );
  });

  it("where a group of a prefix and a suffix has no parameter, or is named twice", () => {
    const none = [{ prefix: "one/" }, { prefix: "one/", suffix: "/bias" }];
    expect(() => compile([phase("one", { updates: none })])).toThrowError(/"one" moves "one\/…\/bias", and none/);
    const twice = [
      { prefix: "one/", suffix: "/value" },
      { prefix: "one/", suffix: "/value" },
    ];
    expect(() => compile([phase("one", { updates: twice })])).toThrowError(/moves "one\/…\/value" in two groups/);
  });

  it("where one keeps no average of what another averages: the average would stand still", () => {
    const still = phase("still", { updates: ["one/"], emaDecay: "none", loss: phase("one").loss });
    for (const stages of [[[phase("one"), still]], [[phase("one")], [still]]])
      expect(() => compile(...stages)).toThrowError(
        /"still" moves "one\/value" and keeps no average of it, another phase does/,
      );
  });

  it("where one has the name of a graph of the loop's own", () => {
    for (const name of ["validate", "predict classify"])
      expect(() => compile([phase(name)])).toThrowError(`a phase cannot be called "${name}"`);
  });

  it("where a parameter's path is that of averages, slots, tables or fitted quantities", () => {
    for (const name of ["average", "optimizer", "fitted", "table"])
      expect(() => compile([phase(name)])).toThrowError(`"${name}/value": names that begin with "${name}/" are taken`);
  });

  it("where all that one moves is frozen, before anything is saved", async () => {
    const saved: unknown[] = [];
    const options = { epochs: 1, freeze: ["one/"], save: (which: unknown) => void saved.push(which) };
    await expect(train(modelOf([phase("one"), phase("two")]), options)).rejects.toThrowError(
      expect.objectContaining({
        code: "E_OPTION",
        message: expect.stringMatching(/"one" has nothing to train: all that it moves is frozen/),
      }),
    );
    expect(saved).toEqual([]);
  });
});
