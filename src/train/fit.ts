// The only training loop. An async generator of events; leaving it stops training after the steps in flight.
import { firstNotFinite, sizeOf } from "../base/array.ts";
import { breath, now } from "../base/clock.ts";
import { fail } from "../base/errors.ts";
import type { Table } from "../data/batches.ts";
import { type Added, type ExampleCounts, exampleCounts } from "../data/dataset.ts";
import { OWN_ALONE_FROM } from "../data/streams.ts";
import type { Fitted } from "../metrics/metric.ts";
import { averagePath } from "../nn/scope.ts";
import { Program } from "../runtime/program.ts";
import type { EndEvent, Metrics, NoteEvent, RunEvent } from "./events.ts";
import type { Checkpoint, FitOptions } from "./fit-options.ts";
import { featureTable, firstViews } from "./frozen-features.ts";
import type { Goals } from "./goals.ts";
import { Pipeline, type StepResult } from "./pipeline.ts";
import { budgetShares, StagePlan } from "./plan.ts";
import { type PreparedRun, prepare } from "./prepare.ts";
import { copyOf, newProgress, phaseStepsAfter, type TrainingProgress } from "./progress.ts";
import { AskedHeads, makeTables, Refresher, savedTables } from "./refresh.ts";
import { drawSamples } from "./samples.ts";
import { softTable } from "./soft-labels.ts";
import { Solving } from "./solving.ts";
import { StageStreams } from "./stage-streams.ts";
import { otherSeed, type Stalled, stalled } from "./stall.ts";
import type { CompiledModel, CompiledStage } from "./steps.ts";
import { Validator } from "./validate.ts";
import { Watch } from "./watch.ts";
import { firstState, picturesToMeasure } from "./weights.ts";

/**
 * Trains a model and yields what happens.
 * @param prepared what `prepare` made of the same options, where it has been done
 * @throws as `prepare`; `E_NAN` when a loss, a weight or an output on validation pictures stops being finite
 */
export async function* fit(options: FitOptions, prepared?: PreparedRun): AsyncGenerator<RunEvent, void> {
  const { data, seed, batch } = options;
  const { compiled, goals, state, loaded } = prepared ?? (await prepare(options));
  const program = await Program.create(options.backend, graphsOf(compiled), state);
  try {
    const validation = featureTable(options.features?.validation);
    const train = featureTable(firstViews(options.features?.train));
    const validator = await Validator.create(program, compiled, data, seed, batch, { validation, train });
    const watch = await Watch.create(program, compiled, options);
    yield* new TrainingRun(options, compiled, program, validator, watch, goals, loaded).events();
  } finally {
    await program.dispose();
  }
}

const graphsOf = ({ stages, validate, training, samples, watch }: CompiledModel) => {
  const steps = [
    ...stages.flatMap(({ phases, predictions }) => [...phases, ...predictions.values()]),
    validate,
    ...training.map(({ step }) => step),
    ...(samples ? [samples] : []),
    ...(watch ? [watch.discriminate, watch.slope, ...watch.losses.values()] : []),
  ];
  // Stages may ask the same head.
  return [...new Map(steps.map(({ graph }) => [graph.name, graph])).values()].filter(
    ({ updates, log }) => updates.size + log.size > 0,
  );
};

/** How often it is told how far a solve is, and asked whether it shall go on. */
const TOLD_SECONDS = 0.1;

/** Why a run ends before its budget is used up. */
type EarlyEnd = Exclude<EndEvent["reason"], "planned">;

/** One run of the loop: the stages in order, each step by step. */
class TrainingRun {
  private readonly progress: TrainingProgress;
  private readonly tables: Record<string, Table>;
  private readonly soft: Readonly<Record<string, Table>>;
  private metrics: Metrics;
  private fitted: Fitted;
  private readonly begun = now();
  private readonly before: number;
  private saved = now();
  /** Those of the stage that goes on, and what those of the stages before have cost. */
  private streams: StageStreams | undefined;
  private costs: EndEvent["streams"] = {};

  constructor(
    private readonly options: FitOptions,
    private readonly compiled: CompiledModel,
    private readonly program: Program,
    private readonly validator: Validator,
    private readonly watch: Watch | undefined,
    private readonly goals: Goals,
    private readonly loaded: string | undefined,
  ) {
    const { resume, from, model, data } = options;
    this.progress = copyOf(resume?.progress ?? { ...newProgress(), ...(from ? { isTuned: true } : {}) });
    this.tables = makeTables(model.tables, data.train.labels.length, resume?.tables);
    this.soft = softTable(data.train, data.classes.length, data.train.added?.soft !== undefined);
    this.metrics = resume?.metrics ?? {};
    this.fitted = resume?.fitted ?? new Map();
    this.before = this.progress.seconds;
    if (this.progress.step > 0 && Object.keys(this.progress.phaseSteps).length === 0)
      this.progress.phaseSteps = phaseStepsAfter(compiled.stages[0]!.stage.phases, this.progress.step);
  }

  private get elapsed(): number {
    return this.before + now() - this.begun;
  }

  async *events(): AsyncGenerator<RunEvent, void> {
    const { data } = this.options;
    const { stages } = this.compiled;
    const { progress } = this;
    const shares = budgetShares(stages.map(({ stage }) => stage));
    this.streams = this.streamsOf(progress.stage.index);
    yield this.startEvent();
    if (this.loaded) yield this.note(this.loaded);
    if (data.train.added && progress.step === 0) yield this.note(addedNote(data.train.added));
    if (progress.step === 0) {
      this.watch?.begin(progress);
      await this.save("last");
    }
    let reason: EndEvent["reason"] = this.reachedGoal() ?? "planned";
    while (reason === "planned") {
      const { index } = progress.stage;
      const streams = this.streams;
      const { stage } = stages[index]!;
      const plan = stage.solve
        ? undefined
        : new StagePlan(progress, this.options, shares[index]!, streams.stepsPerEpoch);
      const stall = this.stalledBy(stages[index]!);
      if (stall) yield this.note(stall.text);
      if (stall?.isAnew) await this.beginAnew(stages[index]!);
      if (stages.length > 1 && progress.stage.step === 0)
        yield this.note(`stage ${index + 1} of ${stages.length}${stage.name ? `: ${stage.name}` : ""}`);
      const asked = this.askedHeads(stages[index]!);
      const running = plan ? this.stage(stages[index]!, streams, asked, plan) : this.solve(stages[index]!, asked);
      reason = (yield* running) ?? "planned";
      // It got nowhere.
      if (reason === "planned" && progress.stage.step < progress.stage.planned!) continue;
      this.costs = { ...this.costs, ...streams.costs };
      if (reason !== "planned" || index + 1 === stages.length) break;
      const epochsBefore =
        progress.stage.epochsBefore + Math.ceil(Math.max(1, progress.stage.step) / streams.stepsPerEpoch);
      progress.stage = { index: index + 1, step: 0, planned: null, epochsBefore };
      this.settle(index + 1);
      this.streams = this.streamsOf(index + 1);
    }
    const { stepsPerEpoch } = this.streams;
    yield {
      type: "end",
      reason,
      epoch: progress.stage.epochsBefore + Math.ceil(progress.stage.step / stepsPerEpoch),
      step: progress.step,
      seconds: this.elapsed,
      metrics: this.metrics,
      epochsPerExample: epochsPerExample(exampleCounts(data.train), progress.seen),
      streams: this.costs,
    };
  }

  /** The steps of one stage, from where it stands to its end or to where it got nowhere. @returns why the run ends with it, if it does */
  private async *stage(
    compiled: CompiledStage,
    streams: StageStreams,
    asked: AskedHeads,
    plan: StagePlan,
  ): AsyncGenerator<RunEvent, EarlyEnd | undefined> {
    const { progress, program } = this;
    const pipeline = new Pipeline(program, compiled.phases, streams, plan, this.options.seed, progress);
    const reason = yield* this.steps(pipeline, compiled, streams, asked, plan);
    // Here nothing is in flight. What fails leaves its noise to the program.
    pipeline.dispose();
    return reason;
  }

  private async *steps(
    pipeline: Pipeline,
    compiled: CompiledStage,
    streams: StageStreams,
    asked: AskedHeads,
    plan: StagePlan,
  ): AsyncGenerator<RunEvent, EarlyEnd | undefined> {
    const { data, seed, interrupted, saveSeconds = 60 } = this.options;
    const { progress } = this;
    const { stage } = progress;
    const refresher = new Refresher(compiled, stage.index, asked, data.train, this.tables, seed, streams.stepsPerEpoch);
    const endsBefore = (step: number) => plan.isBoundary(step) || refresher.isDue(step);
    let [stopping, saving] = [false, false];
    /** No more steps are begun until the state has been used. */
    let held = true;
    for (;;) {
      if (held && pipeline.length === 0 && stage.step < plan.planned) {
        if (refresher.isDue(stage.step)) {
          for (const text of await refresher.run(stage.step, plan.progressAt(stage.step))) yield this.note(text);
          streams.forget();
        }
        held = false;
      }
      if (!held) pipeline.fill(stage.step, endsBefore);
      if (pipeline.length === 0) return undefined;
      const result = await pipeline.next();
      const epoch = plan.epochOf(stage.step);
      this.stepEnded(result, streams);
      plan.stepEnded(this.elapsed, pipeline.length);
      const validates = plan.isBoundary(stage.step);
      stopping ||= interrupted?.() ?? false;
      saving ||= now() - this.saved > saveSeconds;
      held = validates || stopping || saving || refresher.isDue(stage.step);
      // The next steps are computed while this one is told of.
      if (!held) pipeline.fill(stage.step, endsBefore);
      const seconds = this.elapsed;
      const pace = plan.pace(seconds);
      yield {
        type: "step",
        step: progress.step,
        epoch,
        progress: plan.overall,
        seconds,
        remaining: plan.remaining(seconds),
        imagesPerSecond: pace > 0 ? streams.size / pace : 0,
        losses: result.losses,
        learningRate: result.learningRate,
      };
      if (!held || pipeline.length > 0) continue;
      if (validates) {
        yield* this.endEpoch(epoch, stage.step >= plan.planned, stopping);
        const goal = this.reachedGoal();
        if (goal) return goal;
        if (!stopping && this.stalledBy(compiled)) return undefined;
      } else if (stopping || saving) {
        // The last checkpoint is the one to be used where none is the best.
        if (stopping && progress.best === null) this.fitted = await (await this.validator.run([])).fit(true);
        await this.save("last");
      }
      // Whoever stops a run after its last step has not cut it short.
      if (stopping && progress.stage.step < plan.planned) return "interrupted";
      saving = false;
    }
  }

  /** A stage that is solved and not stepped: its one step is done, or it has not begun. @returns as `stage` */
  private async *solve(compiled: CompiledStage, asked: AskedHeads): AsyncGenerator<RunEvent, EarlyEnd | undefined> {
    const { progress, options } = this;
    const { stage } = progress;
    if (stage.step > 0) return undefined;
    const solving = new Solving(compiled.stage.solve!, stage.index, options, asked);
    const running = solving.run();
    let told = 0;
    for (let next = await running.next(); ; next = await running.next()) {
      for (const text of solving.newNotes()) yield this.note(text);
      if (next.done) {
        solving.write(next.value, this.compiled.specs, this.program);
        break;
      }
      if (now() - told < TOLD_SECONDS) continue;
      await breath();
      if (options.interrupted?.()) {
        await running.return(undefined as never);
        return "interrupted";
      }
      told = now();
      yield { type: "solve", step: progress.step + 1, seconds: this.elapsed, ...next.value };
    }
    solving.count(progress.seen);
    progress.step++;
    stage.step = stage.planned = 1;
    yield* this.endEpoch(stage.epochsBefore + 1, true, false);
    return this.reachedGoal();
  }

  private askedHeads(stage: CompiledStage): AskedHeads {
    const { data, batch, features } = this.options;
    return new AskedHeads(stage, this.program, data.train, batch, featureTable(firstViews(features?.train)));
  }

  /**
   * Before a stage: parameters that it does not move become their averages, which they are evaluated with, and which would
   * otherwise stay behind for good.
   */
  private settle(stage: number): void {
    const moved = new Set(this.compiled.stages[stage]!.phases.flatMap(({ graph }) => [...graph.updates.keys()]));
    for (const path of this.compiled.specs.keys()) {
      const average = averagePath(path);
      if (this.compiled.specs.has(average) && !moved.has(path))
        this.program.read(path).data.set(this.program.read(average).data);
    }
  }

  private stalledBy({ stage }: CompiledStage): Stalled | undefined {
    return stalled(stage, this.progress, this.metrics, this.streams!.stepsPerEpoch);
  }

  /** Gives all that a stage moves other first values, and the stage the steps that are left of it. */
  private async beginAnew({ phases }: CompiledStage): Promise<void> {
    const { program, progress, compiled, watch } = this;
    const { data } = this.options;
    const seed = otherSeed(this.options.seed);
    const first = firstState(compiled.specs, seed, await picturesToMeasure(compiled.specs, data.train, seed));
    for (const { graph, phase } of phases) {
      for (const path of graph.updates.keys()) program.read(path).data.set(first.get(path)!.data);
      delete progress.phaseSteps[phase.name];
    }
    const { index, step, planned, epochsBefore } = progress.stage;
    const epochs = step / this.streams!.stepsPerEpoch;
    const anew = { planned: planned! - step, epochsBefore: epochsBefore + epochs, stepsBefore: step };
    progress.stage = { index, step: 0, ...anew };
    // They were made for other progress.
    this.streams!.forget();
    watch?.begin(progress);
  }

  private stepEnded({ batches, losses, phases }: StepResult, streams: StageStreams): void {
    const { progress } = this;
    streams.count(batches, progress.seen);
    for (const name of phases) progress.phaseSteps[name] = (progress.phaseSteps[name] ?? 0) + 1;
    for (const [name, value] of Object.entries(losses)) {
      if (!Number.isFinite(value)) refuseNan(`loss ${name}`, progress.step + 1, value);
      const [sum, count] = progress.totals[name] ?? [0, 0];
      progress.totals[name] = [sum + value, count + 1];
    }
    progress.step++;
    progress.stage.step++;
  }

  /** Validates, tells of it, and saves (`ended`: with the stage): in that order, so that no checkpoint is ahead of what was told. */
  private async *endEpoch(epoch: number, ended: boolean, stopping: boolean): AsyncGenerator<RunEvent, void> {
    const { progress } = this;
    const found = await this.validator.run(this.compiled.stages[progress.stage.index]!.metrics);
    const seen = { ...meansOf(progress.totals), ...found.metrics };
    const step = this.compiled.samples;
    const { data, seed } = this.options;
    const samples = step && (await drawSamples(this.program, step, data.classes.length, seed));
    const watched = await this.watch?.look(progress, seen, found.predictions);
    this.metrics = { ...seen, ...watched?.metrics };
    progress.totals = {};
    if (this.options.model.bestKeeps) progress.highest = this.goals.highestOf(this.metrics, progress.highest);
    const best = this.goals.isBest(this.metrics, progress.best, progress.highest);
    if (best) progress.best = { epoch, values: this.goals.valuesOf(this.metrics) };
    const isLast = ended && progress.stage.index + 1 === this.compiled.stages.length;
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
  private reachedGoal(): EarlyEnd | undefined {
    const { best, stage } = this.progress;
    const epochs = stage.epochsBefore + Math.floor(stage.step / this.streams!.stepsPerEpoch);
    const isLast = stage.index === this.compiled.stages.length - 1;
    // A stage is given its time, even if the best checkpoint is one of a stage before.
    const waited = best && isLast ? epochs - Math.max(best.epoch, stage.epochsBefore) : 0;
    return this.goals.reached(this.metrics, waited);
  }

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

  private streamsOf(stage: number): StageStreams {
    const { data, seed, augmentation, sampling, features } = this.options;
    return new StageStreams(this.compiled.stages[stage]!.streams, {
      ...{ data, seed, augmentation, sampling, stage },
      tables: { ...this.tables, ...featureTable(features?.train), ...this.soft },
    });
  }

  private startEvent(): RunEvent {
    const { name, backend, data } = this.options;
    const { labels } = data.train;
    return {
      type: "start",
      model: name,
      parameters: [...this.compiled.specs.values()].reduce(
        (total, { trainable, shape }) => total + (trainable ? sizeOf(shape) : 0),
        0,
      ),
      backend: backend.name,
      examples: labels.length,
      labelled: exampleCounts(data.train).labelled,
      stepsPerEpoch: this.streams!.stepsPerEpoch,
      step: this.progress.step,
      metrics: this.compiled.metrics.map(({ needs: _, slow: __, compute: ___, ...info }) => info),
    };
  }

  private note(text: string): NoteEvent {
    return { type: "note", step: this.progress.step + 1, text };
  }
}

/** What part added pictures have in training, for people. */
const addedNote = ({ count, share }: Added): string =>
  `${count} added pictures take ${Number((100 * share).toPrecision(3))} % of each batch, and nothing of the last ${Math.round(100 * (1 - OWN_ALONE_FROM))} % of the steps`;

/** How often each labelled and each unlabelled example was seen on average. */
function epochsPerExample(
  { labelled, unlabelled }: ExampleCounts,
  seen: TrainingProgress["seen"],
): EndEvent["epochsPerExample"] {
  return {
    labelled: labelled > 0 ? seen.labelled / labelled : 0,
    unlabelled: unlabelled > 0 ? seen.unlabelled / unlabelled : 0,
  };
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
