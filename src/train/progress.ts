// How far a run is: with the state and the tables, all that is needed to go on exactly.
import type { Phase } from "../models/model.ts";

/** The length of a run. */
export interface Budget {
  /** In epochs of the first stream, shared by the stages … */
  readonly epochs?: number;
  /** … or in minutes of training: steps are then planned from the speed seen. */
  readonly minutes?: number;
}

/** What is remembered of the epochs before. */
export interface Watched {
  /** Numbers of the last epochs, the oldest first. */
  epochs: Record<string, number>[];
  /** Thumbnails of the first samples of the last epoch, which are always made from the same noise. */
  samples: number[];
  /** Names of the alarms that have begun and not ended. */
  raised: string[];
}

/** Where a run stands after a step. */
export interface TrainingProgress {
  /** Steps done. */
  step: number;
  /** Seconds of training. */
  seconds: number;
  /** The stage that goes on. */
  stage: {
    index: number;
    /** Steps done in it. */
    step: number;
    /** Steps that it will take, as planned so far; null while that is unknown. */
    planned: number | null;
    /** Epochs of the stages before, and of this one before it began anew. */
    epochsBefore: number;
    /** Steps of it before it began anew, as it had got nowhere. Default: it did not. */
    stepsBefore?: number;
  };
  /** Whether the run began with weights of another one. Default: no. */
  isTuned?: boolean;
  /** What `planned` was made from. */
  budget: { epochs: number | null; minutes: number | null };
  /** Factor on all learning rates, below 1 where the run was set back as its numbers ran away. Default 1. */
  rateFactor?: number;
  /** Steps that each phase has taken. */
  phaseSteps: Record<string, number>;
  /** Sum and number of each loss since the epoch began. */
  totals: Record<string, [sum: number, count: number]>;
  /** The best epoch so far, and the metrics by which it was chosen. */
  best: { epoch: number; values: Record<string, number> } | null;
  /** The highest values so far of metrics that the best epoch must keep, for a model that names some. */
  highest?: Record<string, number>;
  /** What an adversarial model was watched by so far; older checkpoints do not say. */
  watch?: Watched;
  /** Examples seen with and without a label, over all streams. */
  seen: { labelled: number; unlabelled: number };
}

/** How much of the stage is done, 0..1; 0 while its length is not known. */
export const shareDone = ({ stage: { step, planned } }: Pick<TrainingProgress, "stage">): number =>
  step / (planned ?? Number.POSITIVE_INFINITY);

/** That of a run that has not begun. */
export function newProgress(): TrainingProgress {
  return {
    step: 0,
    seconds: 0,
    stage: { index: 0, step: 0, planned: null, epochsBefore: 0 },
    budget: { epochs: null, minutes: null },
    phaseSteps: {},
    totals: {},
    best: null,
    seen: { labelled: 0, unlabelled: 0 },
  };
}

/** A copy that shares nothing. */
export function copyOf(progress: TrainingProgress): TrainingProgress {
  const { stage, budget, phaseSteps, totals, best, highest, watch, seen } = progress;
  return {
    ...progress,
    stage: { ...stage },
    budget: { ...budget },
    phaseSteps: { ...phaseSteps },
    totals: Object.fromEntries(Object.entries(totals).map(([name, [sum, count]]) => [name, [sum, count]])),
    best: best && { ...best, values: { ...best.values } },
    ...(highest ? { highest: { ...highest } } : {}),
    ...(watch
      ? {
          watch: {
            epochs: watch.epochs.map((seen) => ({ ...seen })),
            samples: [...watch.samples],
            raised: [...watch.raised],
          },
        }
      : {}),
    seen: { ...seen },
  };
}

/** The steps that phases without windows have taken after `steps` steps of the first stage: older checkpoints do not say. */
export const phaseStepsAfter = (phases: readonly Phase[], steps: number): Record<string, number> =>
  Object.fromEntries(phases.map(({ name, every = 1 }) => [name, Math.ceil(steps / every)]));
