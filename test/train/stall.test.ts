// A stage that got nowhere begins anew.
import { describe, expect, it } from "vitest";
import * as g from "../../src/graph/ops/index.ts";
import type { BuiltModel, Stall } from "../../src/models/model.ts";
import { normalInit } from "../../src/nn/init.ts";
import { adam } from "../../src/nn/optim.ts";
import { averagePath } from "../../src/nn/scope.ts";
import { otherSeed } from "../../src/train/stall.ts";
import { compileModel } from "../../src/train/steps.ts";
import { phase, STEPS, train } from "./tiny.ts";

/** One number that moves, and one that keeps its random first value and is judged by it: nothing helps it. */
const model = (stalls: Stall | undefined, stages: BuiltModel["stages"] = []): BuiltModel => ({
  heads: {},
  stages: [
    ...stages,
    {
      phases: [
        phase("net", {
          updates: ["net/", { prefix: "net/first", rateScale: 0 }],
          optimizer: adam(),
          loss(scope, { x }) {
            const net = scope.child("net");
            const value = net.param("value", [], normalInit(1));
            const first = net.param("first", [], normalInit(1));
            const noise = scope.noise("noise", []);
            const loss = g.square(g.sub(value, g.add(g.mean(x), g.mul(noise, first))));
            return { loss, log: { first: g.abs(first) } };
          },
        }),
      ],
      stalls,
    },
  ],
});
const rule = (more: Partial<Stall> = {}): Stall => ({ loss: "net/first", above: 0, after: 2 * STEPS, ...more });
const SPEC = { height: 1, width: 2, channels: 1, mirror: false, classes: ["a", "b"] };
/** Ten epochs of two steps. */
const ended = (stalls: Stall | undefined, more: Parameters<typeof train>[1] = {}) =>
  train(model(stalls), { epochs: 10, ...more });
const firstOf = async (run: ReturnType<typeof ended>, save: number) =>
  (await run).saves.at(save)!.snapshot.state.get("net/first")!.data[0];

describe("a stage that got nowhere", () => {
  it("begins anew, once, with the first values of another seed and for the steps that are left", async () => {
    const run = await ended(rule());
    expect(run.notes).toEqual([
      expect.stringMatching(
        /^net\/first is .* after 4 steps, .* begins anew from other first weights, for the 16 steps that are left$/,
      ),
      expect.stringMatching(/again, so it goes on; try another --seed$/),
    ]);
    // As many steps and epochs as were asked for, one after the other.
    expect(run.steps.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(run.epochs.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 10 }, (_, i) => i + 1));
    // It never moves: it is the first value of whatever seed was used.
    const own = await firstOf(ended(undefined), -1);
    const other = await firstOf(ended(undefined, { seed: otherSeed(1) }), -1);
    expect(own).not.toBe(other);
    expect(await firstOf(ended(rule()), 1)).toBe(own);
    expect(await firstOf(ended(rule()), -1)).toBe(other);
    const { progress, state } = run.saves.at(-1)!.snapshot;
    expect(progress.stage).toEqual({ index: 0, step: 16, planned: 16, epochsBefore: 2, stepsBefore: 4 });
    // Adam's step number began anew with its slots, and the average with its parameter.
    expect(progress.phaseSteps).toEqual({ net: 16 });
    expect(state.has(averagePath("net/value"))).toBe(true);
  });

  it("goes on where it got somewhere, and where too little is left", async () => {
    const plain = await ended(undefined);
    const [good, late] = [await ended(rule({ above: 100 })), await ended(rule({ after: 6 * STEPS }))];
    expect(good.notes).toEqual([]);
    expect(late.notes).toEqual([expect.stringContaining("too little of it is left to begin anew: try another --seed")]);
    for (const { saves } of [good, late])
      expect(saves.at(-1)!.snapshot.state).toEqual(plain.saves.at(-1)!.snapshot.state);
  });

  it("does the same in a run that goes on from any of its checkpoints", async () => {
    const straight = await ended(rule());
    const last = straight.saves.at(-1)!.snapshot;
    for (const { snapshot } of straight.saves.slice(0, -1)) {
      const { saves, notes } = await ended(rule(), { resume: snapshot });
      expect(saves.at(-1)!.snapshot.state).toEqual(last.state);
      expect(notes).toEqual(straight.notes.slice(straight.notes.length - notes.length));
      const { seconds: _, ...progress } = saves.at(-1)!.snapshot.progress;
      expect({ ...last.progress, seconds: 0 }).toEqual({ ...progress, seconds: 0 });
    }
  });

  it("counts the steps before in a run that goes on with other epochs, and asks as that run would", async () => {
    const straight = await ended(rule());
    const snapshotAt = (step: number) =>
      straight.saves.find(({ snapshot }) => snapshot.progress.step === step)!.snapshot;
    // It began anew after the second epoch.
    for (const epochs of [7, 12]) {
      const { steps, saves } = await ended(rule(), { resume: snapshotAt(3 * STEPS), epochs });
      expect(steps.at(-1)!.step).toBe(epochs * STEPS);
      expect(saves.at(-1)!.snapshot.progress.stage.planned).toBe((epochs - 2) * STEPS);
    }
    // Where it is asked, the steps that are left are those of the new budget: too few, and more.
    const short = await ended(rule(), { resume: snapshotAt(2 * STEPS), epochs: 3 });
    expect(short.notes).toEqual([expect.stringContaining("too little of it is left to begin anew")]);
    const long = await ended(rule(), { resume: snapshotAt(2 * STEPS), epochs: 12 });
    expect(long.notes[0]).toMatch(/for the 20 steps that are left$/);
    expect(long.steps.at(-1)!.step).toBe(12 * STEPS);
  });

  it("goes on in a run that began with weights of another one, also where that run was stopped and goes on", async () => {
    const from = { state: (await ended(undefined)).saves.at(-1)!.snapshot.state };
    const tuned = await ended(rule(), { from });
    const goesOn = expect.stringContaining("it goes on, as its first weights are another run's: try another --from");
    expect(tuned.notes.slice(1)).toEqual([goesOn]);
    const [last, plain] = [tuned, await ended(undefined, { from })].map(({ saves }) => saves.at(-1)!.snapshot.state);
    expect(last).toEqual(plain);
    const { snapshot } = tuned.saves.find(({ snapshot }) => snapshot.progress.step === STEPS)!;
    expect((await ended(rule(), { resume: snapshot })).notes).toEqual([goesOn]);
  });

  it.each<[string, BuiltModel["stages"], RegExp]>([
    ["a loss that it lacks", model(rule({ loss: "net/none" })).stages, /"net\/none", .* expected one of net\/first$/],
    [
      "a loss of another stage",
      model(rule({ loss: "before/loss" }), [{ phases: [phase("before")] }]).stages,
      /"before\/loss", which is no loss of their stage; expected one of net\/first$/,
    ],
    ["no steps", model(rule({ after: 0 })).stages, /after 0 steps; expected more than 0/],
    [
      "a phase that continues one of a stage before",
      [
        { phases: [phase("one")] },
        {
          phases: [phase("two", { updates: ["one/"], loss: phase("one").loss, continues: "one" })],
          stalls: rule({ loss: "two/loss" }),
        },
      ],
      /"two" continues "one" of a stage before/,
    ],
  ])("is refused with %s", (_, stages, message) => {
    expect(() => compileModel({ heads: {}, stages }, SPEC, 2)).toThrowError(
      expect.objectContaining({ code: "E_NAME", message: expect.stringMatching(message) }),
    );
  });

  it("may name a loss that mixed pictures and soft labels lack", () => {
    const lacking = model(rule({ loss: "net/none" }));
    expect(() => compileModel(lacking, SPEC, 2, { augmentation: { mixup: 0.2 } })).not.toThrow();
    expect(() => compileModel(lacking, SPEC, 2, { soft: true })).not.toThrow();
  });

  it("leaves what another stage moved as it is", async () => {
    const before = { phases: [phase("before")] };
    const run = await train(model(rule(), [before]), { epochs: 20 });
    const plain = await train(model(undefined, [before]), { epochs: 20 });
    expect(run.notes.some((text) => text.includes("begins anew"))).toBe(true);
    const moved = ({ saves }: typeof run) => saves.at(-1)!.snapshot.state.get("before/value")!.data[0];
    expect(moved(run)).toBe(moved(plain));
    expect(moved(run)).toBeGreaterThan(0);
  });
});
