// How many steps a stage takes: from epochs, or from minutes and the speed seen so far.
import type { Stage } from "../models/model.ts";
import type { Budget, TrainingProgress } from "./progress.ts";

/** Steps that are timed before a run by the clock is planned; then twice as many, and so on, since the first may be slow ones. */
const PLAN_AFTER = 20;

/** The part of the run's budget that each stage has: from and to, in 0..1. */
export function budgetShares(stages: readonly Stage[]): [from: number, to: number][] {
  const parts = stages.map(({ share, solve }) => share ?? (solve ? 0 : 1));
  // Where all is solved there is nothing to share.
  const total = parts.reduce((sum, part) => sum + part, 0) || 1;
  let sofar = 0;
  return parts.map((part, k) => {
    const from = sofar / total;
    sofar += part;
    return [from, k === stages.length - 1 ? 1 : sofar / total];
  });
}

/** The plan of one stage. It reads and writes `progress.stage.planned`. */
export class StagePlan {
  /** From where steps are timed: the pace is that since then, … */
  private timed: { step: number; seconds: number } | undefined;
  /** … for so many steps. */
  private window = PLAN_AFTER;
  /** Seconds a step in the window before, which count until some of this one are timed; 0 in the first one. */
  private knownPace = 0;
  /** Seconds of training when the last step ended. */
  private seconds: number;

  constructor(
    private readonly progress: TrainingProgress,
    private readonly budget: Budget,
    private readonly share: readonly [from: number, to: number],
    private readonly stepsPerEpoch: number,
  ) {
    const { epochs = null, minutes = null } = budget;
    const { stage } = progress;
    const isNew = stage.planned === null || progress.budget.epochs !== epochs || progress.budget.minutes !== minutes;
    progress.budget = { epochs, minutes };
    this.seconds = progress.seconds;
    if (!isNew) return;
    stage.planned = null;
    if (epochs !== null) {
      const steps = Math.round((share[1] - share[0]) * epochs * stepsPerEpoch);
      stage.planned = Math.max(1, steps - (stage.stepsBefore ?? 0));
    } else if (progress.seconds >= this.deadline) stage.planned = stage.step;
  }

  /** Seconds of training at which the stage ends; infinite for a run of epochs. */
  private get deadline(): number {
    const { minutes } = this.budget;
    return minutes === undefined ? Number.POSITIVE_INFINITY : minutes * 60 * this.share[1];
  }

  /** Steps that the stage will take; infinite while that is unknown. */
  get planned(): number {
    return this.progress.stage.planned ?? Number.POSITIVE_INFINITY;
  }

  /** Progress of the stage before its step `step`, 0..1; by the time that is over until the speed is known. */
  progressAt(step: number): number {
    if (Number.isFinite(this.planned)) return step / this.planned;
    if (!Number.isFinite(this.deadline)) return 0;
    const from = (this.deadline * this.share[0]) / this.share[1];
    return Math.min(1, Math.max(0, (this.seconds - from) / (this.deadline - from)));
  }

  /** Progress of the whole run, 0..1. */
  get overall(): number {
    const [from, to] = this.share;
    return from + (to - from) * this.progressAt(this.progress.stage.step);
  }

  /** Whether the state is needed after so many steps of the stage: an epoch or the stage ends there. */
  isBoundary(step: number): boolean {
    return step % this.stepsPerEpoch === 0 || step >= this.planned;
  }

  /** The epoch that a step of the stage belongs to, from 1. */
  epochOf(step: number): number {
    return this.progress.stage.epochsBefore + Math.floor(step / this.stepsPerEpoch) + 1;
  }

  /** Seconds a step, 0 while unknown. */
  pace(seconds: number): number {
    const { timed } = this;
    const steps = timed ? this.progress.stage.step - timed.step : 0;
    const isKnown = this.knownPace > 0 && steps < PLAN_AFTER;
    return timed && steps > 0 && !isKnown ? (seconds - timed.seconds) / steps : this.knownPace;
  }

  /** Seconds that are left of the stage. */
  remaining(seconds: number): number {
    return Number.isFinite(this.planned)
      ? (this.planned - this.progress.stage.step) * this.pace(seconds)
      : this.deadline - seconds;
  }

  /** Takes note of a step's end; plans anew where the clock decides. Steps in flight are not taken back. */
  stepEnded(seconds: number, inFlight: number): void {
    const { stage } = this.progress;
    this.seconds = seconds;
    this.timed ??= { step: stage.step, seconds };
    if (this.budget.minutes === undefined) return;
    const endAfter = (steps: number) => {
      stage.planned = stage.step + Math.max(inFlight, steps);
    };
    const pace = this.pace(seconds);
    const windowEnds = stage.step - this.timed.step === this.window;
    if ((windowEnds || stage.step % this.stepsPerEpoch === 0) && pace > 0)
      endAfter(Math.floor((this.deadline - seconds) / pace));
    if (windowEnds) {
      this.timed = { step: stage.step, seconds };
      this.knownPace = pace;
      this.window *= 2;
    }
    if (seconds > this.deadline) endAfter(0);
  }
}
