// The steps of a stage, of which two are in flight: the second is queued where the backend computes, and noise and batch of the
// one after are made meanwhile.
import type { NdArray, Shape } from "../base/array.ts";
import { IN_FLIGHT, StepFeeds } from "../predict/feeds.ts";
import type { Program } from "../runtime/program.ts";
import type { PhaseStep } from "./phase-step.ts";
import type { StagePlan } from "./plan.ts";
import type { TrainingProgress } from "./progress.ts";
import type { StageStreams } from "./stage-streams.ts";

/** What a step used and reported. */
export interface StepResult {
  /** The batches that it was fed. */
  readonly batches: Readonly<Record<string, NdArray>>;
  /** `PHASE/LOSS` */
  readonly losses: Readonly<Record<string, number>>;
  /** The phases that took part. */
  readonly phases: readonly string[];
  /** The learning rate of the last of them. */
  readonly learningRate: number;
}

/** Begins the steps of one stage in order and keeps them in flight. */
export class Pipeline {
  private readonly inFlight: Promise<StepResult>[] = [];
  /** Whether the last step begun has been handed to the backend, which takes steps in order. */
  private handedOver = true;
  private readonly feeds: readonly StepFeeds[];
  /** What these draw into. */
  private readonly noise: NdArray[] = [];
  /** Steps that each phase has begun. */
  private readonly phaseSteps: Record<string, number>;
  /** Steps of the stages before. */
  private readonly offset: number;
  private readonly rateFactor: number;

  constructor(
    private readonly program: Program,
    private readonly phases: readonly PhaseStep[],
    private readonly streams: StageStreams,
    private readonly plan: StagePlan,
    private readonly seed: number,
    progress: TrainingProgress,
  ) {
    const allocate = (shape: Shape) => {
      const array = program.allocate(shape);
      this.noise.push(array);
      return array;
    };
    this.feeds = phases.map((phase) => new StepFeeds(phase, allocate));
    this.phaseSteps = { ...progress.phaseSteps };
    this.offset = progress.step - progress.stage.step;
    this.rateFactor = progress.rateFactor ?? 1;
  }

  get length(): number {
    return this.inFlight.length;
  }

  /**
   * Begins steps until enough are in flight. `done` steps of the stage have ended; none is begun past a step after which
   * the state is needed (`isBoundary`) before everything in flight has ended.
   */
  fill(done: number, isBoundary: (step: number) => boolean): void {
    while (this.handedOver && this.inFlight.length < IN_FLIGHT) {
      const next = done + this.inFlight.length;
      if (next >= this.plan.planned || (this.inFlight.length > 0 && isBoundary(next))) return;
      const running = this.begin(next);
      // A failure is told where the step is waited for, which may be after an event.
      running.catch(() => {});
      this.inFlight.push(running);
    }
  }

  /** The result of the oldest step in flight, when it has ended. */
  async next(): Promise<StepResult> {
    const result = await this.inFlight[0]!;
    this.inFlight.shift();
    return result;
  }

  /** Frees the noise of the steps, of which none may be in flight and none may be begun afterwards. */
  dispose(): void {
    for (const array of this.noise.splice(0)) this.program.release(array);
  }

  /** Computes a step after those handed over before; what the next one is fed is made meanwhile. */
  private async begin(step: number): Promise<StepResult> {
    this.handedOver = false;
    const progress = this.plan.progressAt(step);
    // Not waited for when they are there: the step is then in flight before anything else is done.
    const batches = this.streams.made(step) ?? (await this.streams.at(step, progress));
    let learningRate = 0;
    const taking = this.phases.map(({ phase }) => takesPart(phase, step, progress));
    const running = this.phases.flatMap((compiled, i) => {
      if (!taking[i]) return [];
      const { phase, graph } = compiled;
      learningRate = phase.learningRate * phase.schedule(progress) * this.rateFactor;
      this.phaseSteps[phase.name] = (this.phaseSteps[phase.name] ?? 0) + 1;
      const scalars = compiled.scalars(this.phaseSteps, learningRate);
      const fed = this.feeds[i]!.at(this.seed, this.offset + step, progress, scalars);
      return [this.program.run(graph.name, { ...batches, ...fed })];
    });
    this.handedOver = true;
    for (const [i, { phase }] of this.phases.entries()) {
      const { every = 1 } = phase;
      this.feeds[i]!.prepare(this.seed, this.offset + step + every - (step % every));
    }
    this.streams.prepare(step + 1, this.plan.progressAt(step + 1));
    const names = this.phases.filter((_, i) => taking[i]).map(({ phase }) => phase.name);
    const losses: Record<string, number> = {};
    for (const [i, log] of (await Promise.all(running)).entries())
      for (const [name, value] of Object.entries(log)) losses[`${names[i]}/${name}`] = value.data[0]!;
    return { batches, losses, phases: names, learningRate };
  }
}

function takesPart({ every = 1, window }: PhaseStep["phase"], step: number, progress: number): boolean {
  return step % every === 0 && (!window || (progress >= window[0] && progress < window[1]));
}
