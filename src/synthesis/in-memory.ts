// Training without a run folder, for models that are used at once and not kept.
import { chooseAugmentation } from "../data/augment.ts";
import { type Dataset, ownCount } from "../data/dataset.ts";
import { parseOptions } from "../models/index.ts";
import type { Model } from "../models/model.ts";
import { TrainedModel } from "../predict/trained.ts";
import type { Backend } from "../runtime/backend.ts";
import { fit } from "../train/fit.ts";
import type { Snapshot } from "../train/fit-options.ts";

/** How a model is trained in memory. */
export interface InMemoryOptions {
  /** Those of the model; the rest has its defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Of a model of several stages, as good as: each takes its share, rounded. */
  readonly steps: number;
  /** Pictures a step; at most as many as the training part has of its own. */
  readonly batch: number;
  /** As `--augment` of a run. */
  readonly augment: string;
  readonly seed: number;
  readonly backend: Backend;
}

/** Trains a model on the training part of `data`. @returns the model as the last step leaves it */
export async function trainInMemory(
  model: Model,
  data: Dataset,
  { options, steps, batch, augment, seed, backend }: InMemoryOptions,
): Promise<TrainedModel> {
  const { height, width, channels } = data.train;
  const { classes, mirror } = data;
  const spec = { height, width, channels, classes, mirror };
  const pictures = ownCount(data.train);
  const size = Math.min(batch, pictures);
  let last: Snapshot | undefined;
  const training = fit({
    name: model.name,
    model: model.build(parseOptions(model, options), spec),
    ...{ data, backend, batch: size, seed },
    augmentation: chooseAugmentation(augment, channels, mirror),
    // Epochs need not be whole: the last one ends with the last step.
    epochs: steps / Math.ceil(pictures / size),
    save(_which, snapshot) {
      last = snapshot;
    },
  });
  for await (const _ of training);
  return new TrainedModel({ model: model.name, options, data: spec }, last!, backend, model);
}
