// What training tells: one stream that the progress line, the files, trackers and charts all read.

export type Metrics = Readonly<Record<string, number>>;

export interface StartEvent {
  readonly type: "start";
  readonly model: string;
  readonly parameters: number;
  readonly backend: string;
  readonly examples: number;
  readonly labelled: number;
  readonly stepsPerEpoch: number;
  /** Step the run goes on from; 0 for a new one. */
  readonly step: number;
}

export interface StepEvent {
  readonly type: "step";
  /** Steps done, from 1. */
  readonly step: number;
  readonly epoch: number;
  /** Share of the planned training that is done, 0..1. */
  readonly progress: number;
  readonly seconds: number;
  readonly remaining: number;
  readonly imagesPerSecond: number;
  /** `PHASE/LOSS` */
  readonly losses: Metrics;
  readonly rate: number;
}

export interface EpochEvent {
  readonly type: "epoch";
  readonly epoch: number;
  readonly step: number;
  readonly seconds: number;
  /** Mean training losses of the epoch and validation metrics (`validation/…`). */
  readonly metrics: Metrics;
  readonly best: boolean;
}

export interface EndEvent {
  readonly type: "end";
  readonly reason: "planned" | "until" | "patience" | "interrupted";
  readonly epoch: number;
  readonly step: number;
  readonly seconds: number;
  readonly metrics: Metrics;
  /** How often each labelled and each unlabelled example was seen, on average. */
  readonly passes: { readonly labelled: number; readonly unlabelled: number };
}

export type RunEvent = StartEvent | StepEvent | EpochEvent | EndEvent;
