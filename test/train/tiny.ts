// What tests of the training loop share: a data set of a few small pictures, a phase that costs nothing, and a run of `fit` with
// what it told and saved.
import type { Dataset, ImageSet } from "../../src/data/dataset.ts";
import { inMemory } from "../../src/data/pixels.ts";
import * as g from "../../src/graph/ops/index.ts";
import type { BuiltModel, Phase } from "../../src/models/model.ts";
import { zerosInit } from "../../src/nn/init.ts";
import { sgd } from "../../src/nn/optim.ts";

import type { EndEvent, EpochEvent, StepEvent } from "../../src/train/events.ts";
import { fit } from "../../src/train/fit.ts";
import type { Checkpoint, FitOptions, Snapshot } from "../../src/train/fit-options.ts";
import { allOf, NATIVE } from "../helpers.ts";

/** Pictures of 1 x 2 bytes with given labels. */
export const pictures = (labels: readonly number[]): ImageSet => ({
  ...{ height: 1, width: 2, channels: 1 },
  pixels: inMemory(
    2,
    Uint8Array.from({ length: 2 * labels.length }, (_, i) => (53 * i + 20) % 256),
  ),
  labels: Int32Array.from(labels),
});

/** Four pictures of two classes for training, in batches of two: an epoch is `STEPS` steps. */
export const data: Dataset = {
  ...{ name: "tiny", classes: ["a", "b"], mirror: false, warnings: [] },
  train: pictures([0, 1, 0, 1]),
  validation: pictures([0, 1, 1]),
};
export const STEPS = 2;

/** A phase that moves the parameter `NAME/value` towards the mean pixel. */
export const phase = (name: string, more: Partial<Phase> = {}): Phase => ({
  name,
  updates: [`${name}/`],
  optimizer: sgd(),
  learningRate: 0.1,
  schedule: () => 1,
  loss(scope, { x }) {
    const loss = g.square(g.sub(scope.child(name).param("value", [], zerosInit), g.mean(x)));
    return { loss, log: { loss } };
  },
  ...more,
});

/** A run of `fit` that has ended: what it told, and each save with its snapshot. */
export interface EndedRun {
  readonly steps: readonly StepEvent[];
  readonly epochs: readonly EpochEvent[];
  readonly end: EndEvent;
  readonly notes: readonly string[];
  readonly saves: readonly { readonly which: readonly Checkpoint[]; readonly snapshot: Snapshot }[];
}

/** Trains a model on the tiny data. */
export async function train(model: BuiltModel, options: Partial<FitOptions> = {}): Promise<EndedRun> {
  const saves: EndedRun["saves"][number][] = [];
  const run = fit({
    ...{ name: "tiny", model, data, backend: NATIVE, seed: 1, batch: 2, augmentation: {} },
    save: (which, snapshot) => {
      saves.push({ which, snapshot });
    },
    ...options,
  });
  const events = await allOf(run);
  return {
    steps: events.filter((event) => event.type === "step"),
    epochs: events.filter((event) => event.type === "epoch"),
    end: events.find((event) => event.type === "end")!,
    notes: events.flatMap((event) => (event.type === "note" ? [event.text] : [])),
    saves,
  };
}
