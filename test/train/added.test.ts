// A run whose training part has added pictures: in which steps they are, and that it goes on exactly.
import { describe, expect, it } from "vitest";
import { withAdded } from "../../src/data/added.ts";
import { inMemory } from "../../src/data/pixels.ts";
import * as g from "../../src/graph/ops/index.ts";
import { classLoss } from "../../src/nn/losses.ts";
import type { Snapshot } from "../../src/train/fit-options.ts";
import { data, phase, STEPS, train } from "./tiny.ts";

// Two white pictures; none of the data's own is white.
const white = { ...data.train, pixels: inMemory(2, new Uint8Array(4).fill(255)), labels: Int32Array.of(0, 1) };
const added = withAdded(data, { ...data, name: "white", train: white }, 0.5);
const watching = phase("a", {
  loss(scope, batch, streams) {
    const { loss } = phase("a").loss(scope, batch, streams);
    return { loss, log: { loss, brightest: g.max(batch.x) } };
  },
});
const model = { stages: [{ phases: [watching] }], heads: {} };

/** The class loss of odds that are the same for each picture, and stay as they are. */
const leaning = phase("a", {
  learningRate: 0,
  loss(scope, batch) {
    // Odds of three to one for the first class.
    const row = scope.child("a").param("value", [1, 2], () => Float32Array.of(Math.log(3), 0));
    const loss = classLoss(g.broadcast(row, [2, 2]), batch);
    return { loss, log: { loss } };
  },
});

describe("a run with added pictures that have soft labels", () => {
  const soft = withAdded(data, { ...data, train: { ...white, soft: Float32Array.of(0.5, 0.5, 0.25, 0.75) } }, 1);
  const lossesOf = async (set: typeof data, more: Parameters<typeof train>[1] = {}) =>
    (await train({ stages: [{ phases: [leaning] }], heads: {} }, { data: set, epochs: 5, ...more })).steps.map(
      ({ losses }) => losses["a/loss"]!,
    );
  /** The loss of a picture whose first class has the probability p. */
  const against = (p: number) => -(p * Math.log(0.75) + (1 - p) * Math.log(0.25));

  it("learns these in place of their labels, and the labels of its own pictures", async () => {
    const losses = await lossesOf(soft);
    // Both added pictures in each of the first seven steps; then two of the data's own, of a class each in an epoch's two steps.
    for (const loss of losses.slice(0, 7)) expect(loss).toBeCloseTo((against(0.5) + against(0.25)) / 2, 6);
    expect(losses.slice(8)[0]! + losses.slice(8)[1]!).toBeCloseTo(against(1) + against(0), 6);
    const hard = await lossesOf(withAdded(data, { ...data, train: white }, 1));
    for (const loss of hard.slice(0, 7)) expect(loss).toBeCloseTo((against(1) + against(0)) / 2, 6);
    expect(hard.slice(7)).toEqual(losses.slice(7));
  });
});

describe("a run with added pictures", () => {
  it("takes as many steps as without them, of which the last 30 % show the data's own pictures alone", async () => {
    const { steps, end } = await train(model, { data: added, epochs: 5 });
    expect(steps.length).toBe(5 * STEPS);
    // float32 of 255 times 1/255.
    expect(steps.map(({ losses }) => losses["a/brightest"]! > 0.999)).toEqual([
      ...new Array(7).fill(true),
      ...new Array(3).fill(false),
    ]);
    // Two places a step, and six examples: four of the data's own, two added.
    expect(end.epochsPerExample.labelled).toBe((2 * 10) / 6);
  });

  it("that is stopped before the last steps and again within them ends with the same bits", async () => {
    const straight = await train(model, { data: added, epochs: 5 });
    let resume: Snapshot | undefined;
    for (const stop of [3, 8, 10]) {
      let seen = resume?.progress.step ?? 0;
      const part = await train(model, { data: added, epochs: 5, resume, interrupted: () => ++seen >= stop });
      resume = part.saves.at(-1)!.snapshot;
    }
    expect(resume!.progress.step).toBe(10);
    expect(resume!.state).toEqual(straight.saves.at(-1)!.snapshot.state);
  });
});
