// A model as the graphs of its steps: what training runs.
import type { FittedQuantity, Metric } from "../metrics/metric.ts";
import type { Stage } from "../models/model.ts";
import type { StateSpec } from "../nn/scope.ts";
import type { Step } from "../predict/feeds.ts";
import type { StepGraph } from "../runtime/program.ts";
import type { PhaseStep } from "./phase-step.ts";
import type { ResolvedStream } from "./stage-streams.ts";

/** A stage with the graphs of its steps. */
export interface CompiledStage {
  readonly stage: Stage;
  readonly phases: readonly PhaseStep[];
  /** The streams that its phases read, in the order of the model; the first measures its epochs. */
  readonly streams: readonly ResolvedStream[];
  /** For each head that its refresh asks, the graph of its rows for a batch of plain pictures. */
  readonly predictions: ReadonlyMap<string, Step>;
  /** Those metrics that say something in this stage, as no network that they measure is trained later only. */
  readonly metrics: readonly Metric[];
}

/** Graphs that tell how an adversarial model trains; none changes the state. */
export interface WatchSteps {
  /** Of a model that draws samples and judges pictures. */
  readonly judgement?: {
    /** What the discriminator makes of a batch of plain pictures, with averaged weights. */
    readonly discriminate: Step;
    /** How much it moves with each of a batch of samples, `[n]`. */
    readonly slope: Step;
  };
  /** By phase: its losses, as in training. */
  readonly losses: ReadonlyMap<string, Step>;
}

/** A model as graphs, ready to be compiled by a backend. */
export interface CompiledModel {
  /** In the order in which they are trained. */
  readonly stages: readonly CompiledStage[];
  /** Per-example outputs on a batch with averaged weights, for validation. */
  readonly validate: Step;
  /** What is fitted with the help of training pictures, and what it is given of these, as `validate`. */
  readonly training: readonly { readonly quantity: FittedQuantity; readonly step: Step }[];
  /** `SAMPLES` pictures of the head `sample`, with averaged weights, where the model has it. */
  readonly samples?: Step;
  /** Translations of a batch of plain pictures, with averaged weights, of a model that translates and does not sample. */
  readonly translations?: Step;
  /** What an adversarial model is watched by. */
  readonly watch?: WatchSteps;
  /** The metrics that are computed in validation. */
  readonly metrics: readonly Metric[];
  /** What is fitted on validation pictures. */
  readonly fitted: readonly FittedQuantity[];
  /** Everything that the state holds, with first values; averages are at `averagePath` of their parameter. */
  readonly specs: ReadonlyMap<string, StateSpec>;
}

/** All graphs of a model, each once. */
export function graphsOf({ stages, validate, training, samples, translations, watch }: CompiledModel): StepGraph[] {
  const steps = [
    ...stages.flatMap(({ phases, predictions }) => [...phases, ...predictions.values()]),
    validate,
    ...training.map(({ step }) => step),
    ...(samples ? [samples] : []),
    ...(translations ? [translations] : []),
    ...(watch?.judgement ? Object.values(watch.judgement) : []),
    ...(watch?.losses.values() ?? []),
  ];
  // Stages may ask the same head.
  return [...new Map(steps.map(({ graph }) => [graph.name, graph])).values()].filter(
    ({ updates, log }) => updates.size + log.size > 0,
  );
}
