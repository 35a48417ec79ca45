// The only training loop. An async generator of events; leaving it stops training after the steps under way.
import { type NdArray, sizeOf } from "../base/array.ts";
import { now } from "../base/clock.ts";
import { fail } from "../base/errors.ts";
import { type Augmentation, mixes } from "../data/augment.ts";
import { BATCH_INPUTS, TrainingBatches } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import { type ClassWeighting, classWeights } from "../data/imbalance.ts";
import type { Sampling } from "../data/order.ts";
import type { BuiltModel, Phase } from "../models/model.ts";
import { initialState } from "../nn/scope.ts";
import type { Backend } from "../runtime/backend.ts";
import { Program, type State } from "../runtime/program.ts";
import type { EndEvent, Metrics, RunEvent } from "./events.ts";
import { StepFeeds, UNDER_WAY } from "./feeds.ts";
import { AVERAGE_SCALAR, averagePath, compileModel, type PhaseStep, type Step } from "./steps.ts";
import { type Validation, Validator } from "./validate.ts";

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
  /** Examples seen with and without a label. */
  seen: { labelled: number; unlabelled: number };
}

export interface Snapshot {
  readonly state: State;
  readonly cursor: Cursor;
  readonly metrics: Metrics;
  readonly temperature: Validation["temperature"];
  readonly novelty?: Validation["novelty"];
}

export type Checkpoint = "last" | "best";

export interface FitOptions {
  readonly name: string;
  readonly model: BuiltModel;
  readonly data: Dataset;
  readonly backend: Backend;
  readonly seed: number;
  readonly batch: number;
  readonly augmentation: Augmentation;
  readonly sampling?: Sampling;
  readonly classWeighting?: ClassWeighting;
  /** Length: epochs, or minutes of training (then steps are planned from the speed seen). */
  readonly epochs?: number;
  readonly minutes?: number;
  /** Ends when a validation metric reaches a value. */
  readonly until?: { readonly metric: string; readonly value: number };
  /** Ends after this many epochs without a better validation score; 0: never. */
  readonly patience?: number;
  /** Decay of the averaged weights. */
  readonly averageDecay?: number;
  /**
   * Weights to begin from (fine-tuning); entries of other shapes are left at their first values. `map` renames path prefixes
   * of `state`.
   */
  readonly from?: { readonly state: State; readonly map?: Readonly<Record<string, string>> };
  /** Path prefixes of parameters that keep the values they begin with. */
  readonly freeze?: readonly string[];
  readonly resume?: { readonly state: State; readonly cursor: Cursor };
  /** Called with everything worth saving: as the `last` state at least every `saveSeconds`, as the `best` so far also. */
  save?(which: readonly Checkpoint[], snapshot: Snapshot): void | Promise<void>;
  readonly saveSeconds?: number;
  /** Asked after every step until it is so; the run then ends after the steps under way. */
  interrupted?(): boolean;
}

/** What a step used and reported. */
interface StepResult {
  readonly values: Readonly<Record<string, NdArray>>;
  readonly losses: Record<string, number>;
  /** The learning rate of its last phase. */
  readonly rate: number;
}

/** Classification metrics whose smaller values are better. */
const SMALLER_IS_BETTER = ["nll", "ece", "mse"];
const PLAN_AFTER = 20;

export async function* fit(options: FitOptions): AsyncGenerator<RunEvent, void> {
  const { model, data, batch } = options;
  const { height, width, channels } = data.train;
  const { classes, mirror } = data;
  const { augmentation, classWeighting = "none" } = options;
  const compiled = compileModel(model, { height, width, channels, classes, mirror }, batch, {
    classWeights: classWeighting === "none" ? undefined : classWeights(data.train.labels, classes, classWeighting),
    mixes: mixes(augmentation),
  });
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
    for (const [path, value] of from.state)
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

async function* loop(
  options: FitOptions,
  program: Program,
  phases: readonly PhaseStep[],
  validate: Step,
  parameters: number,
): AsyncGenerator<RunEvent, void> {
  const { data, seed, batch, epochs, minutes, averageDecay = 0.999, patience = 0, saveSeconds = 60 } = options;
  const batches = new TrainingBatches(data.train, {
    size: batch,
    seed,
    augmentation: options.augmentation,
    sampling: options.sampling,
    inUse: UNDER_WAY,
  });
  const { stepsPerEpoch } = batches;
  const cursor: Cursor = options.resume
    ? { ...options.resume.cursor, seen: { ...options.resume.cursor.seen } }
    : {
        step: 0,
        seconds: 0,
        planned: (epochs ?? Number.POSITIVE_INFINITY) * stepsPerEpoch,
        bestScore: null,
        bestEpoch: 0,
        seen: { labelled: 0, unlabelled: 0 },
      };
  // An extended run (more epochs than before) is planned anew.
  if (epochs !== undefined) cursor.planned = epochs * stepsPerEpoch;
  const feeds = phases.map((phase) => new StepFeeds(phase));
  const validator = await Validator.create(program, validate, data, seed, batch);
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
  const save = async (...which: Checkpoint[]) => {
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
  /** Whether the last step begun has been handed to the backend, which takes steps in order. */
  let handed = true;
  /** Computes step number `step` after those handed over before; what the next one is fed is made meanwhile. */
  const runStep = async (step: number): Promise<StepResult> => {
    handed = false;
    // Until the speed is known, a run by the clock counts as begun but not advanced.
    const progress = Number.isFinite(cursor.planned) ? step / cursor.planned : 0;
    // Not waited for when it is there: the step is then under way before anything else is done.
    const values = batches.made(step) ?? (await batches.at(step));
    let rate = 0;
    const running = phases.flatMap(({ phase, graph }, i) => {
      if (step % (phase.every ?? 1) !== 0) return [];
      rate = phase.rate * phase.schedule(progress);
      const fed = feeds[i]!.at(seed, step, progress, {
        ...phase.optimizer.scalars(Math.floor(step / (phase.every ?? 1)) + 1, rate),
        // The average follows quickly at first: a fixed decay would remember the first weights for thousands of steps.
        [AVERAGE_SCALAR]: 1 - Math.min(averageDecay, (1 + step) / (10 + step)),
      });
      return program.run(graph.name, { ...values, ...fed }).then((log) => ({ phase, log }));
    });
    handed = true;
    for (const [i, { phase }] of phases.entries()) feeds[i]!.prepare(seed, nextStepOf(phase, step));
    batches.prepare(step + 1);
    const losses: Record<string, number> = {};
    for (const { phase, log } of await Promise.all(running))
      for (const [name, value] of Object.entries(log)) losses[`${phase.name}/${name}`] = value.data[0]!;
    return { values, losses, rate };
  };
  const underWay: Promise<StepResult>[] = [];
  /** Whether the state after so many steps is needed: no more are begun until it has been used. */
  const isBoundary = (steps: number) => steps % stepsPerEpoch === 0 || steps >= cursor.planned;
  let [stopping, saving, held] = [false, false, false];
  const beginMore = () => {
    while (handed && !held && underWay.length < UNDER_WAY) {
      const next = cursor.step + underWay.length;
      if (next >= cursor.planned || (underWay.length > 0 && isBoundary(next))) return;
      const running = runStep(next);
      // A failure is told where the step is waited for, which may be after an event.
      running.catch(() => {});
      underWay.push(running);
    }
  };
  for (beginMore(); underWay.length > 0; beginMore()) {
    const { values, losses, rate } = await underWay[0]!;
    underWay.shift();
    countSeen(cursor, values);
    const epoch = Math.floor(cursor.step / stepsPerEpoch);
    for (const [key, value] of Object.entries(losses)) {
      if (!Number.isFinite(value)) refuseNan(key, cursor.step + 1, value);
      const total = totals.get(key) ?? [0, 0];
      totals.set(key, [total[0] + value, total[1] + 1]);
    }
    cursor.step++;
    const seconds = elapsed();
    if (firstTimed < 0) [firstTimed, timedSince] = [cursor.step, seconds];
    const timed = cursor.step - firstTimed;
    const pace = timed > 0 ? (seconds - timedSince) / timed : 0;
    const endAfter = (steps: number) => {
      cursor.planned = cursor.step + Math.max(underWay.length, steps);
    };
    const planNow = minutes !== undefined && (timed === PLAN_AFTER || cursor.step % stepsPerEpoch === 0);
    if (planNow && pace > 0) endAfter(Math.floor((minutes * 60 - seconds) / pace));
    if (minutes !== undefined && seconds > minutes * 60) endAfter(0);
    const validates = isBoundary(cursor.step);
    stopping ||= options.interrupted?.() ?? false;
    saving ||= now() - saved > saveSeconds;
    held = validates || stopping || saving;
    // The next steps are computed while this one is told of.
    beginMore();
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
    if (!held || underWay.length > 0) continue;
    if (stopping) {
      reason = "interrupted";
      await save("last");
      break;
    }
    if (validates) {
      const result = await validator.run();
      ({ temperature, novelty } = result);
      metrics = { ...meansOf(totals), ...result.metrics };
      totals.clear();
      const score = result.score ?? -(Object.values(metrics)[0] ?? 0);
      const best = cursor.bestScore === null || score > cursor.bestScore;
      if (best) [cursor.bestScore, cursor.bestEpoch] = [score, epoch + 1];
      await (best ? save("best", "last") : save("last"));
      yield { type: "epoch", epoch: epoch + 1, step: cursor.step, seconds: elapsed(), metrics, best };
      if (options.until && reached(metrics, options.until)) {
        reason = "until";
        break;
      }
      if (patience > 0 && epoch + 1 - cursor.bestEpoch >= patience) {
        reason = "patience";
        break;
      }
    } else await save("last");
    saving = held = false;
  }
  yield {
    type: "end",
    reason,
    epoch: Math.ceil(cursor.step / stepsPerEpoch),
    step: cursor.step,
    seconds: elapsed(),
    metrics,
    passes: passes(data.train.labels, cursor.seen),
  };
}

function countSeen({ seen }: Cursor, feeds: Readonly<Record<string, NdArray>>): void {
  const [labels, weights] = [feeds[BATCH_INPUTS.labels]!.data, feeds[BATCH_INPUTS.weights]!.data];
  for (let i = 0; i < labels.length; i++) if (weights[i]! > 0) seen[labels[i]! >= 0 ? "labelled" : "unlabelled"]++;
}

/** The first step after `step` that a phase takes part in. */
const nextStepOf = ({ every = 1 }: Phase, step: number): number => step + every - (step % every);

/** How often each labelled and each unlabelled example was seen on average. */
function passes(labels: Int32Array, seen: Cursor["seen"]): EndEvent["passes"] {
  const labelled = labels.reduce((count, label) => count + Number(label >= 0), 0);
  const unlabelled = labels.length - labelled;
  return {
    labelled: labelled > 0 ? seen.labelled / labelled : 0,
    unlabelled: unlabelled > 0 ? seen.unlabelled / unlabelled : 0,
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
