// The only training loop. An async generator of events; leaving it stops training after the current step.
import { type NdArray, ndarray, sizeOf } from "../base/array.ts";
import { now } from "../base/clock.ts";
import { fail } from "../base/errors.ts";
import type { Augmentation } from "../data/augment.ts";
import { BatchBuffer, TrainingBatches } from "../data/batches.ts";
import type { Dataset, ImageSet } from "../data/dataset.ts";
import { NOISE_PREFIX, SCALAR_PREFIX } from "../graph/names.ts";
import { classificationMetrics, fitTemperature, softmaxRows } from "../metrics/classification.ts";
import type { BuiltModel } from "../models/model.ts";
import { drawNoise, initialState, type NoiseSpec } from "../nn/scope.ts";
import type { Backend } from "../runtime/backend.ts";
import { Program, type State } from "../runtime/program.ts";
import type { EndEvent, Metrics, RunEvent } from "./events.ts";
import { AVERAGE_SCALAR, averagePath, compileModel, type PhaseStep, type Step } from "./steps.ts";

/** Where a run stands: with the state, all that is needed to go on exactly. */
export interface Cursor {
  /** Steps done. */
  step: number;
  /** Seconds of training before this process. */
  seconds: number;
  /** Steps the whole run will take, as planned so far. */
  planned: number;
  bestScore: number | null;
  bestEpoch: number;
}

export interface Snapshot {
  readonly state: State;
  readonly cursor: Cursor;
  readonly metrics: Metrics;
  /** Divides logits, fitted on validation data; 1 without any. */
  readonly temperature: number;
  /** Median and 99th percentile of the negative log-density bound on validation data, nats; absent without the head. */
  readonly novelty?: { readonly median: number; readonly p99: number };
}

export interface FitOptions {
  readonly name: string;
  readonly model: BuiltModel;
  readonly data: Dataset;
  readonly backend: Backend;
  readonly seed: number;
  readonly batch: number;
  readonly augmentation: Augmentation;
  /** Length: epochs, or minutes of training (then steps are planned from the speed seen). */
  readonly epochs?: number;
  readonly minutes?: number;
  /** Ends when a validation metric reaches a value. */
  readonly until?: { readonly metric: string; readonly value: number };
  /** Ends after this many epochs without a better validation score; 0: never. */
  readonly patience?: number;
  /** Decay of the averaged weights. */
  readonly averageDecay?: number;
  /** Weights to begin from (tuning); entries of other shapes are left at their first values. */
  readonly from?: State;
  readonly resume?: { readonly state: State; readonly cursor: Cursor };
  /** Called with everything worth saving; `last` at least every `saveSeconds`. */
  save?(which: "last" | "best", snapshot: Snapshot): void | Promise<void>;
  readonly saveSeconds?: number;
  /** Asked after every step. */
  interrupted?(): boolean;
}

/** Classification metrics whose smaller values are better. */
const SMALLER_IS_BETTER = ["nll", "ece", "mse"];
const PLAN_AFTER = 20;

export async function* fit(options: FitOptions): AsyncGenerator<RunEvent, void> {
  const { model, data, batch } = options;
  const { height, width, channels } = data.train;
  const compiled = compileModel(model, { height, width, channels, classes: data.classes }, batch);
  const state = startState(options, compiled.specs);
  const program = await Program.create(
    options.backend,
    [...compiled.phases, compiled.validate].map((step) => step.graph),
    state,
  );
  try {
    yield* loop(options, program, compiled.phases, compiled.validate, parameterCount(compiled.specs));
  } finally {
    await program.dispose();
  }
}

function startState({ seed, from, resume }: FitOptions, specs: Parameters<typeof initialState>[0]): State {
  const state = initialState(specs, seed);
  // An average starts where its weights start.
  for (const path of specs.keys())
    if (state.has(averagePath(path))) state.set(averagePath(path), copyOf(state.get(path)!));
  if (from)
    for (const [path, value] of from)
      if (!path.startsWith("optimizer/") && state.get(path)?.data.length === value.data.length)
        state.set(path, copyOf(value));
  if (resume)
    for (const path of specs.keys()) {
      const value = resume.state.get(path);
      if (!value || value.data.length !== state.get(path)!.data.length)
        fail(
          "E_RUN_CONFLICT",
          `the checkpoint does not fit the model: "${path}" is ${value ? `[${value.shape}] there, [${state.get(path)!.shape}] here` : "missing"}; resume with the options of the run`,
        );
      state.set(path, value);
    }
  return state;
}

const copyOf = (value: NdArray): NdArray => ({ ...value, data: value.data.slice() });

function parameterCount(specs: Parameters<typeof initialState>[0]): number {
  return [...specs.values()].reduce((total, spec) => total + (spec.trainable ? sizeOf(spec.shape) : 0), 0);
}

/** Inputs of a step besides batch and state: noise and scalars, in buffers that are filled again. */
class StepFeeds {
  readonly values: Record<string, NdArray> = {};
  private readonly step: Step;
  private readonly noises: [string, NoiseSpec, Float32Array][];

  constructor(step: Step) {
    this.step = step;
    this.noises = [...step.noises].map(([name, spec]) => {
      const value = ndarray("float32", spec.shape, new Float32Array(sizeOf(spec.shape)));
      this.values[NOISE_PREFIX + name] = value;
      return [`${step.graph.name}/${name}`, spec, value.data as Float32Array];
    });
  }

  scalar(name: string, value: number): void {
    const known = (this.values[SCALAR_PREFIX + name] ??= ndarray("float32", [], [0]));
    known.data[0] = value;
  }

  draw(seed: number, step: number, progress: number): void {
    for (const [name, spec, out] of this.noises) drawNoise(spec, name, seed, step, out);
    for (const [name, ramp] of this.step.ramps) this.scalar(name, ramp(progress));
  }
}

async function* loop(
  options: FitOptions,
  program: Program,
  phases: readonly PhaseStep[],
  validate: Step,
  parameters: number,
): AsyncGenerator<RunEvent, void> {
  const { data, seed, batch, epochs, minutes, averageDecay = 0.999, patience = 0, saveSeconds = 60 } = options;
  const batches = new TrainingBatches(data.train, batch, seed, options.augmentation);
  const { stepsPerEpoch } = batches;
  const cursor: Cursor = options.resume
    ? { ...options.resume.cursor }
    : {
        step: 0,
        seconds: 0,
        planned: (epochs ?? Number.POSITIVE_INFINITY) * stepsPerEpoch,
        bestScore: null,
        bestEpoch: 0,
      };
  // An extended run (more epochs than before) is planned anew.
  if (epochs !== undefined) cursor.planned = epochs * stepsPerEpoch;
  const feeds = phases.map((phase) => new StepFeeds(phase));
  const validator = new Validator(program, validate, data, seed, batch);
  yield {
    type: "start",
    model: options.name,
    parameters,
    backend: options.backend.name,
    examples: data.train.labels.length,
    labelled: data.train.labels.reduce((count, label) => count + Number(label >= 0), 0),
    stepsPerEpoch,
    step: cursor.step,
  };
  const before = cursor.seconds;
  const begun = now();
  const elapsed = () => before + now() - begun;
  const totals = new Map<string, [sum: number, count: number]>();
  let metrics: Metrics = {};
  let temperature = 1;
  let novelty: Snapshot["novelty"];
  let saved = now();
  let firstTimed = -1;
  let timedSince = 0;
  let reason: EndEvent["reason"] = "planned";
  const save = async (which: "last" | "best") => {
    cursor.seconds = elapsed();
    await options.save?.(which, {
      state: program.snapshot(),
      cursor: { ...cursor, planned: finite(cursor.planned) },
      metrics,
      temperature,
      novelty,
    });
    saved = now();
  };
  if (!Number.isFinite(cursor.planned) || cursor.planned === 0) cursor.planned = Number.POSITIVE_INFINITY;
  if (cursor.step === 0) await save("last");
  while (cursor.step < cursor.planned) {
    const { step } = cursor;
    const epoch = Math.floor(step / stepsPerEpoch);
    // Until the speed is known, a run by the clock counts as begun but not advanced.
    const progress = Number.isFinite(cursor.planned) ? step / cursor.planned : 0;
    const values = batches.at(step);
    const losses: Record<string, number> = {};
    let rate = 0;
    for (const [i, { phase, graph }] of phases.entries()) {
      if (phase.every && step % phase.every !== 0) continue;
      const feed = feeds[i]!;
      rate = phase.rate * phase.schedule(progress);
      const count = Math.floor(step / (phase.every ?? 1)) + 1;
      for (const [name, value] of Object.entries(phase.optimizer.scalars(count, rate))) feed.scalar(name, value);
      // The average follows quickly at first: a fixed decay would remember the first weights for thousands of steps.
      feed.scalar(AVERAGE_SCALAR, 1 - Math.min(averageDecay, (1 + step) / (10 + step)));
      feed.draw(seed, step, progress);
      const log = await program.run(graph.name, { ...values, ...feed.values });
      for (const [name, value] of Object.entries(log)) {
        const key = `${phase.name}/${name}`;
        losses[key] = value.data[0]!;
        if (!Number.isFinite(losses[key])) refuseNan(key, step + 1, losses[key]!);
        const total = totals.get(key) ?? [0, 0];
        totals.set(key, [total[0] + losses[key]!, total[1] + 1]);
      }
    }
    cursor.step++;
    const seconds = elapsed();
    if (firstTimed < 0) [firstTimed, timedSince] = [cursor.step, seconds];
    const timed = cursor.step - firstTimed;
    const pace = timed > 0 ? (seconds - timedSince) / timed : 0;
    const planNow = minutes !== undefined && (timed === PLAN_AFTER || cursor.step % stepsPerEpoch === 0);
    if (planNow && pace > 0) cursor.planned = cursor.step + Math.max(0, Math.floor((minutes * 60 - seconds) / pace));
    yield {
      type: "step",
      step: cursor.step,
      epoch: epoch + 1,
      progress: Number.isFinite(cursor.planned) ? cursor.step / cursor.planned : 0,
      seconds,
      remaining: Number.isFinite(cursor.planned)
        ? (cursor.planned - cursor.step) * pace
        : (minutes ?? 0) * 60 - seconds,
      imagesPerSecond: pace > 0 ? batch / pace : 0,
      losses,
      rate,
    };
    const stopped = options.interrupted?.() ?? false;
    if (stopped) {
      reason = "interrupted";
      await save("last");
      break;
    }
    const overdue = minutes !== undefined && seconds > minutes * 60;
    if (overdue) cursor.planned = cursor.step;
    if (cursor.step % stepsPerEpoch === 0 || cursor.step >= cursor.planned) {
      const result = await validator.run();
      ({ temperature, novelty } = result);
      metrics = { ...meansOf(totals), ...result.metrics };
      totals.clear();
      const score = result.score ?? -(Object.values(metrics)[0] ?? 0);
      const best = cursor.bestScore === null || score > cursor.bestScore;
      if (best) [cursor.bestScore, cursor.bestEpoch] = [score, epoch + 1];
      if (best) await save("best");
      await save("last");
      yield { type: "epoch", epoch: epoch + 1, step: cursor.step, seconds: elapsed(), metrics, best };
      if (options.until && reached(metrics, options.until)) {
        reason = "until";
        break;
      }
      if (patience > 0 && epoch + 1 - cursor.bestEpoch >= patience) {
        reason = "patience";
        break;
      }
    } else if (now() - saved > saveSeconds) await save("last");
  }
  yield {
    type: "end",
    reason,
    epoch: Math.ceil(cursor.step / stepsPerEpoch),
    step: cursor.step,
    seconds: elapsed(),
    metrics,
  };
}

const finite = (planned: number): number => (Number.isFinite(planned) ? planned : 0);

function refuseNan(name: string, step: number, value: number): never {
  fail(
    "E_NAN",
    `loss ${name} is ${value} at step ${step}; the last good checkpoint is kept. Lower the learning rate (--set rate=…) and go on with --resume or start again`,
  );
}

function meansOf(totals: ReadonlyMap<string, readonly [number, number]>): Record<string, number> {
  return Object.fromEntries([...totals].map(([name, [sum, count]]) => [`train/${name}`, sum / count]));
}

function reached(metrics: Metrics, { metric, value }: { metric: string; value: number }): boolean {
  const got = metrics[`validation/${metric}`];
  if (got === undefined)
    fail(
      "E_OPTION",
      `--until ${metric}=${value}: there is no validation metric "${metric}"; known: ${Object.keys(metrics)
        .filter((name) => name.startsWith("validation/"))
        .map((name) => name.slice(11))
        .join(", ")}`,
    );
  return SMALLER_IS_BETTER.includes(metric) ? got <= value : got >= value;
}

/** Runs the validate step over a set and gathers its per-example results. */
class Validator {
  private readonly program: Program;
  private readonly step: Step;
  private readonly set: ImageSet | undefined;
  private readonly classes: number;
  private readonly seed: number;
  private readonly buffer: BatchBuffer | undefined;
  private readonly feeds: StepFeeds;

  constructor(program: Program, step: Step, data: Dataset, seed: number, batch: number) {
    this.program = program;
    this.step = step;
    this.set = data.validation;
    this.classes = data.classes.length;
    this.seed = seed;
    this.buffer = this.set && new BatchBuffer(this.set, batch);
    this.feeds = new StepFeeds(step);
  }

  async run(): Promise<Pick<Snapshot, "metrics" | "temperature" | "novelty"> & { score?: number }> {
    const { set, buffer } = this;
    if (!set || !buffer || set.labels.length === 0) return { metrics: {}, temperature: 1 };
    const n = set.labels.length;
    const order = Int32Array.from({ length: n }, (_, i) => i);
    const gathered = new Map<string, Float32Array>();
    for (let from = 0, index = 0; from < n; from += buffer.size, index++) {
      const count = buffer.fill(order, from);
      this.feeds.draw(this.seed, index, 1);
      const log = await this.program.run(this.step.graph.name, { ...buffer.feeds, ...this.feeds.values });
      for (const [name, { data, shape }] of Object.entries(log)) {
        const width = sizeOf(shape.slice(1));
        const all = gathered.get(name) ?? new Float32Array(n * width);
        gathered.set(name, all);
        all.set((data as Float32Array).subarray(0, count * width), from * width);
      }
    }
    const metrics: Record<string, number> = {};
    let temperature = 1;
    const logits = gathered.get("logits");
    if (logits) {
      temperature = fitTemperature(logits, set.labels, this.classes);
      const found = classificationMetrics(softmaxRows(logits, this.classes), set.labels, this.classes);
      for (const [name, value] of Object.entries(found)) metrics[`validation/${name}`] = value;
    }
    const squared = gathered.get("squaredError");
    if (squared) metrics["validation/mse"] = mean(squared) / (set.height * set.width * set.channels);
    const density = gathered.get("logDensity");
    if (density) metrics["validation/elbo"] = mean(density);
    // Accuracy alone ties too often on a small set; the likelihood decides between equals.
    const score = logits
      ? metrics["validation/accuracy"]! - 1e-4 * Math.min(9, metrics["validation/nll"]!)
      : metrics["validation/elbo"];
    return { metrics, temperature, score, novelty: density && noveltyScale(density) };
  }
}

function noveltyScale(density: Float32Array): { median: number; p99: number } {
  const sorted = Float64Array.from(density, (value) => -value).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { median: at(0.5), p99: at(0.99) };
}

function mean(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total / values.length;
}
