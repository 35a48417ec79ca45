// A run whose training part has added pictures: in which steps they are, and that it goes on exactly.
import { describe, expect, it } from "vitest";
import { withAdded } from "../../src/data/added.ts";
import { inMemory } from "../../src/data/pixels.ts";
import * as g from "../../src/graph/ops/index.ts";
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
