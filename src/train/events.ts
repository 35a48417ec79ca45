// What training tells: one stream that the progress line, the files, trackers and charts all read.
import type { MetricInfo } from "../metrics/metric.ts";

/** Numbers by name: `PHASE/LOSS`, `validation/METRIC`, … */
export type Metrics = Readonly<Record<string, number>>;

/** The first event of a run, and of a run that goes on. */
export interface StartEvent {
  readonly type: "start";
  /** Name of the model. */
  readonly model: string;
  /** Path of the run folder; absent where `fit` is called by itself, and in the log of a run, which may be moved. */
  readonly run?: string;
  /** Trained numbers. */
  readonly parameters: number;
  /** Name of the backend that computes. */
  readonly backend: string;
  /** Training pictures. */
  readonly examples: number;
  /** Those of them with a label. */
  readonly labelled: number;
  /** Of the first stage. */
  readonly stepsPerEpoch: number;
  /** Step the run goes on from; 0 for a new one. */
  readonly step: number;
  /** The metrics that validation will give. */
  readonly metrics: readonly MetricInfo[];
}

/** A line for people: what was loaded, which stage begins, what a refresh found. */
export interface NoteEvent {
  readonly type: "note";
  /** The step that comes next, from 1. */
  readonly step: number;
  /** A line. */
  readonly text: string;
}

/** The end of a training step. */
export interface StepEvent {
  readonly type: "step";
  /** Steps done, from 1. */
  readonly step: number;
  /** From 1. */
  readonly epoch: number;
  /** Share of the planned training that is done, 0..1. */
  readonly progress: number;
  /** Of training, over all processes of the run. */
  readonly seconds: number;
  /** Seconds that are left, as planned now. */
  readonly remaining: number;
  /** Pictures of the stage's first stream. */
  readonly imagesPerSecond: number;
  /** `PHASE/LOSS` */
  readonly losses: Metrics;
  /** Of the last phase that took part. */
  readonly learningRate: number;
}

/** How far a stage is that is solved and has no steps. It is shown, and not kept in logs. */
export interface SolveEvent {
  readonly type: "solve";
  /** The step that comes next, from 1: the solve counts as one. */
  readonly step: number;
  /** Of training, over all processes of the run. */
  readonly seconds: number;
  /** What is done now, for people. */
  readonly what: string;
  /** How much of that is done, 0..1. */
  readonly share: number;
}

/** The end of an epoch or of a stage, with validation. */
export interface EpochEvent {
  readonly type: "epoch";
  /** From 1. */
  readonly epoch: number;
  /** Steps done, from 1. */
  readonly step: number;
  /** Of training, over all processes of the run. */
  readonly seconds: number;
  /**
   * Mean training losses of the epoch (`train/PHASE/LOSS`) and validation metrics (`validation/METRIC`); of an adversarial
   * model also losses on validation pictures (`validation/PHASE/LOSS`) and what it is watched by (`watch/…`).
   */
  readonly metrics: Metrics;
  /** Whether the checkpoint is the best so far. */
  readonly best: boolean;
}

/**
 * What a model that samples makes of the same noise at the end of each epoch, or one that translates of the same pictures. It is shown, and
 * not kept in logs.
 */
export interface SamplesEvent {
  readonly type: "samples";
  /** From 1. */
  readonly epoch: number;
  /** Steps done, from 1. */
  readonly step: number;
  /** Bytes `[n, h, w, c]`; of a model that is asked for classes, all classes in turn. */
  readonly pixels: Uint8Array;
}

/** Something goes wrong in training, or no longer does: see train/alarms.ts. */
export interface AlarmEvent {
  readonly type: "alarm";
  /** From 1. */
  readonly epoch: number;
  /** Steps done, from 1. */
  readonly step: number;
  /** Name of the alarm. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Whether it goes wrong now, or no longer. */
  readonly state: "begins" | "ends";
  /** What is seen, with its numbers; empty where it ends. */
  readonly text: string;
  /** What to try, the most promising first. */
  readonly advice: readonly string[];
}

/** What a stream of batches cost. */
export interface StreamCost {
  /** Pictures a batch. */
  readonly size: number;
  /** Milliseconds for one batch, made beside the steps. */
  readonly milliseconds: number;
}

/** The last event of a run, or of the part of it that ran in this process. */
export interface EndEvent {
  readonly type: "end";
  /** The budget was used up, a target was reached, nothing got better for long, or somebody stopped it. */
  readonly reason: "planned" | "until" | "patience" | "interrupted";
  /** The last one, from 1. */
  readonly epoch: number;
  /** Steps done. */
  readonly step: number;
  /** Of training, over all processes of the run. */
  readonly seconds: number;
  /** Those of the last epoch. */
  readonly metrics: Metrics;
  /** How often each labelled and each unlabelled example was seen, on average. */
  readonly epochsPerExample: { readonly labelled: number; readonly unlabelled: number };
  /** By stream, as measured in this process. */
  readonly streams: Readonly<Record<string, StreamCost>>;
}

/** Everything that training tells. */
export type RunEvent =
  | StartEvent
  | NoteEvent
  | StepEvent
  | SolveEvent
  | EpochEvent
  | SamplesEvent
  | AlarmEvent
  | EndEvent;
