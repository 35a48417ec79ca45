// What is asked of a training run, and what it hands over to be saved.
import type { NdArray } from "../base/array.ts";
import type { Augmentation } from "../data/augment.ts";
import type { Dataset } from "../data/dataset.ts";
import type { ClassWeighting } from "../data/imbalance.ts";
import type { Sampling } from "../data/order.ts";
import type { Fitted } from "../metrics/metric.ts";
import type { BuiltModel } from "../models/model.ts";
import type { Backend } from "../runtime/backend.ts";
import type { State } from "../runtime/program.ts";
import type { Metrics } from "./events.ts";
import type { FrozenFeatures } from "./frozen-features.ts";
import type { Budget, TrainingProgress } from "./progress.ts";
import type { PretrainedWeights } from "./weights.ts";

/** All that a checkpoint holds. */
export interface Snapshot {
  /** Parameters, averages, running statistics and optimizer slots, by path. */
  readonly state: State;
  /** Where training stood. */
  readonly progress: TrainingProgress;
  /** Those of the last epoch. */
  readonly metrics: Metrics;
  /** What was fitted on validation pictures at the last epoch. */
  readonly fitted: Fitted;
  /** Per-example tables `[N, …]` of the training pictures, by name. */
  readonly tables: ReadonlyMap<string, NdArray>;
}

/** The two states that are kept: the newest, and the best by validation. */
export type Checkpoint = "last" | "best";

/** What `fit` trains, on what, and for how long. */
export interface FitOptions extends Budget {
  /** Name of the model, for people. */
  readonly name: string;
  /** What is trained. */
  readonly model: BuiltModel;
  /** What it is trained on. */
  readonly data: Dataset;
  /** What computes. */
  readonly backend: Backend;
  /** Of first weights, noise, order and changes of pictures. */
  readonly seed: number;
  /** Pictures a step. */
  readonly batch: number;
  /** How training pictures are changed. */
  readonly augmentation: Augmentation;
  /** Default `shuffled`. */
  readonly sampling?: Sampling;
  /** Default `none`. */
  readonly classWeighting?: ClassWeighting;
  /** Ends when a validation metric reaches a value. */
  readonly until?: { readonly metric: string; readonly value: number };
  /** Ends after this many epochs of the last stage without a better checkpoint; 0 (the default): never. */
  readonly patience?: number;
  /** Decay of moving averages where a phase says none. Default 0.999. */
  readonly emaDecay?: number;
  /** Weights of a trained run to begin from (fine-tuning). */
  readonly from?: PretrainedWeights;
  /** Path prefixes of parameters that stay as they are. */
  readonly freeze?: readonly string[];
  /** What a frozen part gives for the pictures, computed beforehand. */
  readonly features?: FrozenFeatures;
  /** A checkpoint to go on from. */
  readonly resume?: Pick<Snapshot, "state" | "progress" | "metrics" | "fitted" | "tables">;
  /** Called with everything worth saving: as the `last` state at least every `saveSeconds`, as the `best` so far also. */
  save?(which: readonly Checkpoint[], snapshot: Snapshot): void | Promise<void>;
  /** Default 60. */
  readonly saveSeconds?: number;
  /** Asked after every step until it is so; the run then ends after the steps in flight. */
  interrupted?(): boolean;
}
