// Training without a run folder: as many steps as are asked for.
import { describe, expect, it } from "vitest";
import type { Model } from "../../src/models/model.ts";
import { trainInMemory } from "../../src/synthesis/in-memory.ts";
import { backend, data, model } from "../run/small-run.ts";

/** The model, and the progress of each of its steps, in order. */
function watched(): { progress: Set<number>; model: Model } {
  const progress = new Set<number>();
  const schedule = (at: number) => {
    progress.add(at);
    return 1;
  };
  return {
    progress,
    model: {
      ...model,
      build(options, spec) {
        const built = model.build(options as { breaksAt: number }, spec);
        const stages = built.stages.map((stage) => ({
          ...stage,
          phases: stage.phases?.map((phase) => ({ ...phase, schedule })),
        }));
        return { ...built, stages } as typeof built;
      },
    },
  };
}

describe("training in memory", () => {
  // An epoch is two steps of five pictures.
  it.each([1, 3, 4])("of %d steps takes so many, wherever an epoch ends", async (steps) => {
    const { progress, model } = watched();
    const trained = await trainInMemory(model, data, {
      ...{ options: {}, steps, batch: 5, augment: "none", seed: 0, backend },
    });
    await trained.dispose();
    expect([...progress].map((at) => Math.round(at * steps))).toEqual(Array.from({ length: steps }, (_, i) => i));
  });
});
