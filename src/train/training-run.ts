// A run while it trains: where it stands, what it holds beside the program's state, and what happens to that at the end of a step, an
// epoch and a stage. The loop itself is fit.ts.
import { firstNotFinite, sizeOf } from "../base/array.ts";
import { now } from "../base/clock.ts";
import { fail } from "../base/errors.ts";
import type { Table } from "../data/batches.ts";
import { exampleCounts, type ImageSet } from "../data/dataset.ts";
import type { Fitted } from "../metrics/metric.ts";
import type { Program } from "../runtime/program.ts";
import { settleAverages } from "./averages.ts";
import type { CompiledModel, CompiledStage } from "./compiled.ts";
import type { EndEvent, Metrics, NoteEvent, RunEvent, StartEvent } from "./events.ts";
import type { Checkpoint, FitOptions } from "./fit-options.ts";
import { featureTable, firstViews } from "./frozen-features.ts";
import type { Goals } from "./goals.ts";
import type { StepResult } from "./pipeline.ts";
import type { PreparedRun } from "./prepare.ts";
import { copyOf, newProgress, phaseStepsAfter, type TrainingProgress } from "./progress.ts";
import { AskedHeads, makeTables, savedTables } from "./refresh.ts";
import { drawSamples, drawTranslations, translated } from "./samples.ts";
import { softTable } from "./soft-labels.ts";
import { StageStreams } from "./stage-streams.ts";
import { beginAnew, type Stalled, stalled } from "./stall.ts";
import type { Validator } from "./validate.ts";
import type { Watch } from "./watch.ts";

/** Why a run ends before its budget is used up. */
export type EarlyEnd = Exclude<EndEvent["reason"], "planned">;

/** One run, from its start or from where a checkpoint left it. */
export class TrainingRun {
  /** The graphs of all stages. */
  readonly compiled: CompiledModel;
  /** Where it stands. */
  readonly progress: TrainingProgress;
  /** A row for each training picture, which refreshes write. */
  readonly tables: Readonly<Record<string, Table>>;
  /** The batches of the stage that goes on. */
  streams: StageStreams;
  private readonly soft: Readonly<Record<string, Table>>;
  private readonly goals: Goals;
  /** Those of the last epoch. */
  private metrics: Metrics;
  private fitted: Fitted;
  private readonly begun = now();
  private readonly before: number;
  private saved = now();
  /** What the batches of stages that have ended have cost. */
  private costs: EndEvent["streams"] = {};
  /** Pictures that are translated after each epoch. */
  private translated: Promise<ImageSet | undefined> | undefined;

  constructor(
    readonly options: FitOptions,
    { compiled, goals }: Pick<PreparedRun, "compiled" | "goals">,
    readonly program: Program,
    private readonly validator: Validator,
    private readonly watch: Watch | undefined,
  ) {
    const { resume, from, model, data } = options;
    this.compiled = compiled;
    this.goals = goals;
    this.progress = copyOf(resume?.progress ?? { ...newProgress(), ...(from ? { isTuned: true } : {}) });
    this.tables = makeTables(model.tables, data.train.labels.length, resume?.tables);
    this.soft = softTable(data.train, data.classes.length, data.train.added?.soft !== undefined);
    this.metrics = resume?.metrics ?? {};
    this.fitted = resume?.fitted ?? new Map();
    this.before = this.progress.seconds;
    if (this.progress.step > 0 && Object.keys(this.progress.phaseSteps).length === 0)
      this.progress.phaseSteps = phaseStepsAfter(compiled.stages[0]!.stage.phases, this.progress.step);
    this.streams = this.streamsOfStage();
  }

  // ---------------------------------------------------------------------------------------------- time, and what is told

  /** Seconds of training, over all processes of the run. */
  get elapsed(): number {
    return this.before + now() - this.begun;
  }

  /** Since the last checkpoint. */
  get secondsSinceSaved(): number {
    return now() - this.saved;
  }

  startEvent(): StartEvent {
    const { name, backend, data } = this.options;
    return {
      type: "start",
      model: name,
      parameters: [...this.compiled.specs.values()].reduce(
        (total, { trainable, shape }) => total + (trainable ? sizeOf(shape) : 0),
        0,
      ),
      backend: backend.name,
      examples: data.train.labels.length,
      labelled: exampleCounts(data.train).labelled,
      stepsPerEpoch: this.streams.stepsPerEpoch,
      step: this.progress.step,
      metrics: this.compiled.metrics.map(({ needs: _, slow: __, compute: ___, ...info }) => info),
    };
  }

  note(text: string): NoteEvent {
    return { type: "note", step: this.progress.step + 1, text };
  }

  endEvent(reason: EndEvent["reason"]): EndEvent {
    const { stage, step, seen } = this.progress;
    const { labelled, unlabelled } = exampleCounts(this.options.data.train);
    return {
      type: "end",
      reason,
      epoch: stage.epochsBefore + Math.ceil(stage.step / this.streams.stepsPerEpoch),
      step,
      seconds: this.elapsed,
      metrics: this.metrics,
      epochsPerExample: {
        labelled: labelled > 0 ? seen.labelled / labelled : 0,
        unlabelled: unlabelled > 0 ? seen.unlabelled / unlabelled : 0,
      },
      streams: this.costs,
    };
  }

  // ---------------------------------------------------------------------------------------------- stages

  /** The stage that goes on. */
  get stage(): CompiledStage {
    return this.compiled.stages[this.progress.stage.index]!;
  }

  get isLastStage(): boolean {
    return this.progress.stage.index === this.compiled.stages.length - 1;
  }

  /** Before the first step: there is a checkpoint from then on. */
  async begin(): Promise<void> {
    this.watch?.begin(this.progress);
    await this.save("last");
  }

  /** What heads of the stage say of training pictures. */
  askedHeads(): AskedHeads {
    const { data, batch, features } = this.options;
    return new AskedHeads(this.stage, this.program, data.train, batch, featureTable(firstViews(features?.train)));
  }

  /** Whether the stage got nowhere. */
  stalled(): Stalled | undefined {
    return stalled(this.stage.stage, this.progress, this.metrics, this.streams.stepsPerEpoch);
  }

  /** Gives all that the stage moves other first values, and it the steps that are left. */
  async beginAnew(): Promise<void> {
    const { compiled, progress } = this;
    await beginAnew(this.stage, compiled.specs, this.options, this.program, progress, this.streams.stepsPerEpoch);
    // They were made for other progress.
    this.streams.forget();
    this.watch?.begin(progress);
  }

  /** At the end of a stage. */
  countCosts(): void {
    this.costs = { ...this.costs, ...this.streams.costs };
  }

  /** Goes on to the stage after. */
  nextStage(): void {
    const { compiled, program, progress } = this;
    const { index, step, epochsBefore } = progress.stage;
    const epochs = Math.ceil(Math.max(1, step) / this.streams.stepsPerEpoch);
    progress.stage = { index: index + 1, step: 0, planned: null, epochsBefore: epochsBefore + epochs };
    settleAverages(this.stage.phases, compiled.specs, program);
    this.streams = this.streamsOfStage();
  }

  private streamsOfStage(): StageStreams {
    const { data, seed, augmentation, sampling, features } = this.options;
    return new StageStreams(this.stage.streams, {
      ...{ data, seed, augmentation, sampling, stage: this.progress.stage.index },
      tables: { ...this.tables, ...featureTable(features?.train), ...this.soft },
    });
  }

  // ---------------------------------------------------------------------------------------------- steps and epochs

  /** Counts a step. @throws `E_NAN` for a loss that is not finite */
  stepEnded({ batches, losses, phases }: StepResult): void {
    const { progress } = this;
    this.streams.count(batches, progress.seen);
    for (const name of phases) progress.phaseSteps[name] = (progress.phaseSteps[name] ?? 0) + 1;
    for (const [name, value] of Object.entries(losses)) {
      if (!Number.isFinite(value)) refuseNan(`loss ${name}`, progress.step + 1, value);
      const [sum, count] = progress.totals[name] ?? [0, 0];
      progress.totals[name] = [sum + value, count + 1];
    }
    progress.step++;
    progress.stage.step++;
  }

  /** What the model makes of noise or of pictures, which are the same in each epoch; undefined of one that makes none. */
  private async shown(): Promise<Uint8Array | undefined> {
    const { program, compiled } = this;
    const { data, seed, batch, model } = this.options;
    if (compiled.samples) return drawSamples(program, compiled.samples, data.classes.length, seed);
    if (!compiled.translations) return undefined;
    this.translated ??= translated(data, !model.heads.translate!.takes.includes("label"));
    const set = await this.translated;
    return set && drawTranslations(program, compiled.translations, set, { size: batch, seed });
  }

  /** Validates, tells of it, and saves (`ended`: with the stage): in that order, so that no checkpoint is ahead of what was told. */
  async *endEpoch(epoch: number, ended: boolean, stopping: boolean): AsyncGenerator<RunEvent, void> {
    const { progress, goals } = this;
    const found = await this.validator.run(this.stage.metrics);
    const seen = { ...meansOf(progress.totals), ...found.metrics };
    const samples = await this.shown();
    const watched = await this.watch?.look(progress, seen, found.predictions);
    this.metrics = { ...seen, ...watched?.metrics };
    progress.totals = {};
    if (this.options.model.bestKeeps) progress.highest = goals.highestOf(this.metrics, progress.highest);
    const best = goals.isBest(this.metrics, progress.best, progress.highest);
    if (best) progress.best = { epoch, values: goals.valuesOf(this.metrics) };
    const isLast = ended && this.isLastStage;
    const isUsed = best || isLast || this.reachedGoal() !== undefined || (stopping && progress.best === null);
    this.fitted = await found.fit(isUsed);
    const { step: at } = progress;
    const told: RunEvent[] = [
      { type: "epoch", epoch, step: at, seconds: this.elapsed, metrics: this.metrics, best },
      ...(samples ? [{ type: "samples" as const, epoch, step: at, pixels: samples }] : []),
      ...(watched?.changes ?? []).map((change) => ({ type: "alarm" as const, epoch, step: at, ...change })),
    ];
    // Whoever leaves before the last of them goes on from before the epoch's end, and is told all of them again.
    yield* told.slice(0, -1);
    try {
      yield told.at(-1)!;
    } finally {
      await (best ? this.save("best", "last") : this.save("last"));
    }
  }

  /** Whether a target is reached, or nothing got better for long: known from the last epoch, in a resumed run too. */
  reachedGoal(): EarlyEnd | undefined {
    const { best, stage } = this.progress;
    const epochs = stage.epochsBefore + Math.floor(stage.step / this.streams.stepsPerEpoch);
    // A stage is given its time, even if the best checkpoint is one of a stage before.
    const waited = best && this.isLastStage ? epochs - Math.max(best.epoch, stage.epochsBefore) : 0;
    return this.goals.reached(this.metrics, waited);
  }

  /** Saves in the middle of an epoch (`stopping`: as the run ends there). No step may be in flight. */
  async saveBetween(stopping: boolean): Promise<void> {
    // The last checkpoint is the one to be used where none is the best.
    if (stopping && this.progress.best === null) this.fitted = await (await this.validator.run([])).fit(true);
    await this.save("last");
  }

  /** @throws `E_NAN` for a weight that is not finite */
  private async save(...which: Checkpoint[]): Promise<void> {
    const { progress, metrics, fitted } = this;
    progress.seconds = this.elapsed;
    const state = this.program.snapshot();
    // A step can spoil the weights, and only the loss of the next would tell.
    for (const [path, { data }] of state) {
      const at = firstNotFinite(data);
      if (at >= 0) refuseNan(`weight ${path}`, progress.step, data[at]!);
    }
    await this.options.save?.(which, {
      state,
      progress: copyOf(progress),
      metrics,
      fitted,
      tables: savedTables(this.tables, this.options.data.train.labels.length),
    });
    this.saved = now();
  }
}

function refuseNan(what: string, step: number, value: number): never {
  fail(
    "E_NAN",
    `${what} is ${value} at step ${step}; the last good checkpoint is kept, but --resume would come to the same. Start a new run with a lower learning rate (--set rate=…), with --from this one if it had got anywhere`,
  );
}

function meansOf(totals: TrainingProgress["totals"]): Record<string, number> {
  return Object.fromEntries(Object.entries(totals).map(([name, [sum, count]]) => [`train/${name}`, sum / count]));
}
