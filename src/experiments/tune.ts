// A search for options of a model: trials, each a run in a process of its own, judged on validation pictures alone. What was tried is
// not tried again: a search that was stopped, or killed, goes on.
import { type ErrorCode, fail, GenclassError } from "../base/errors.ts";
import { findModel } from "../models/index.ts";
import type { Model } from "../models/model.ts";
import { Random } from "../random/random.ts";
import type { RunLock } from "../run/lock.ts";
import { fetchBackbone } from "../run/named-backbones.ts";
import { RUN_OPTIONS, type StoredOptions } from "../run/options.ts";
import { planRun } from "../run/train.ts";
import type { BackendWish } from "../runtime/wish.ts";
import type { RunEvent } from "../train/events.ts";
import { openFolder, placeOf } from "./folder.ts";
import { type Rung, rungsOf, survivors } from "./halving.ts";
import type { Trained, TrainJob } from "./job.ts";
import { relayed, runJob, timeLeft } from "./run-job.ts";
import { type Fixed, lossOf, type Search, type SearchMethod, type TrialOptions } from "./search.ts";
import { tryNewSource } from "./source.ts";
import { type Dimension, defaultSpace, parseSpace, type Refusal, randomPoint, refusalOf } from "./space.ts";
import { FIRST_POINTS, suggest } from "./tpe.ts";
import { RESULTS, TRIALS, type Trial, TrialResults } from "./trial-results.ts";
import { optionsAt, type Point } from "./varied.ts";

/** A call of `tune`. */
export interface TuneCall {
  /** A name from `MODELS`. */
  readonly model: string;
  /** A built-in name, or the path of a source. */
  readonly data: string;
  /** How many points are tried. Default 20. */
  readonly trials?: number;
  /** Minutes of training in all after which no further trial begins. Default: none. */
  readonly minutes?: number;
  /** Default `tpe`. */
  readonly method?: SearchMethod;
  /** What is searched: see `parseSpace`. Default: see `defaultSpace`. */
  readonly search?: string;
  /** Options of the model that are not searched. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Options of every run. */
  readonly run?: TrialOptions;
  /** Of the points and of all runs. Default 0. */
  readonly seed?: number;
  /** The folder of the search: new, or that of the same one, which goes on. */
  readonly out: string;
  /** What trains. Default `auto`. */
  readonly backend?: BackendWish["backend"];
  /** Asked all the time until it is so; the search then ends with all saved. */
  readonly interrupted?: () => boolean;
}

/** What a search tells. */
export type TuneEvent =
  | { readonly type: "start"; readonly trials: number; readonly space: readonly Dimension[] }
  | { readonly type: "trial"; readonly state: "begins" | "done" | "failed"; readonly trial: Trial }
  /** What the training of a trial tells; `remaining` seconds of all trials, where that can be told. */
  | {
      readonly type: "run";
      readonly event: RunEvent;
      readonly trial: Trial;
      readonly remaining: number | undefined;
    }
  | { readonly type: "note"; readonly text: string }
  | {
      readonly type: "end";
      readonly reason: "done" | "minutes" | "interrupted";
      readonly search: Search;
      /** The path of the page. */
      readonly report: string;
    };

/** What fails because of the options that are tried. */
const OF_THE_TRIAL: readonly ErrorCode[] = ["E_NAN", "E_SHAPE", "E_EXPORT"];
/** What may also be wrong with the call or with the machine: it is tried again by the next call. */
const OF_THIS_CALL: readonly ErrorCode[] = ["E_OPTION", "E_BACKEND"];
/** After so many trials that failed so, of which none has worked, it is the call that is wrong. */
const MOST_REFUSED = 3;

/**
 * Searches and yields what happens; leaving the loop stops it. The last event has all trials and the best.
 * @throws `E_NAME`, `E_OPTION` for a call that cannot be done, and as `open` for its data, before anything is made; `E_RUN_CONFLICT`
 * for a folder of another search; `E_DATA_NOT_FOUND` for a named network that cannot be fetched
 */
export async function* tune(call: TuneCall): AsyncGenerator<TuneEvent, void> {
  // Once, and not by each of the processes.
  await fetchBackbone(call.run?.backbone);
  const search = new TrialSearch(call);
  const { out } = call;
  await tryNewSource(call.data, out, search.runOptions);
  const lock = openFolder(out, "search", [TRIALS, RESULTS], search.plan);
  try {
    yield { type: "start", trials: search.count, space: search.space };
    const reason = yield* search.run(lock);
    const found = search.found();
    // The chart library loads only now.
    const { writeSearch } = await import("./search-report.ts");
    yield { type: "end", reason, search: found, report: writeSearch(found, search.fixed) };
  } finally {
    lock.release();
  }
}

/** Why a search ends before all its trials. */
type Early = "minutes" | "interrupted";

/** One search: its trials so far, and the next ones. */
class TrialSearch {
  readonly model: Model;
  readonly space: readonly Dimension[];
  readonly count: number;
  readonly fixed: Fixed;
  /** Of any of its runs, but for what is searched. */
  readonly runOptions: StoredOptions;
  private readonly trials = new Map<number, Trial>();
  private readonly method: SearchMethod;
  private readonly seed: number;
  private readonly refusal: Refusal;
  private readonly results: TrialResults;

  constructor(private readonly call: TuneCall) {
    const { model, options = {}, run = {}, seed = 0, trials = 20, method = "tpe", search, backend } = call;
    if (!Number.isInteger(trials) || trials < 1)
      fail("E_OPTION", `trials: ${trials}; expected a whole number of at least 1`);
    this.model = findModel(model);
    const all = search === undefined ? defaultSpace(this.model) : parseSpace(this.model, search);
    const given = (name: string) => Object.hasOwn(options, name) || Object.hasOwn(run, name);
    const both = search === undefined ? undefined : all.find(({ name }) => given(name));
    if (both) fail("E_OPTION", `${both.name} is both searched and given; leave out one of them`);
    this.space = all.filter(({ name }) => !given(name));
    if (this.space.length === 0) fail("E_OPTION", `${model} has no option left to search; name some with --search`);
    this.fixed = { options, run: { ...run, seed }, backend };
    const planned = planRun(model, { ...this.fixed.run, options });
    this.runOptions = planned.options;
    this.refusal = refusalOf(this.model, options, planned.data);
    [this.count, this.method, this.seed] = [trials, method, seed];
    this.results = new TrialResults(call.out);
    // Where no point can be tried, that shall be said before a folder is made.
    this.drawn(1);
  }

  /** What cannot change when the search goes on. How many trials and minutes there are may. */
  get plan() {
    const { model, data, backend = "auto" } = this.call;
    const { options, run } = this.fixed;
    // How many points a halving draws decides how far each is trained.
    const count = this.method === "halving" ? this.count : null;
    return { model, data: placeOf(data), backend, method: this.method, space: this.space, count, options, run };
  }

  /** Trains what is left to train. */
  async *run(lock: RunLock): AsyncGenerator<TuneEvent, "done" | Early> {
    return (yield* this.method === "halving" ? this.halving(lock) : this.oneByOne(lock)) ?? "done";
  }

  private async *oneByOne(lock: RunLock): AsyncGenerator<TuneEvent, Early | undefined> {
    for (let number = 1; number <= this.count; number++) {
      const point = this.method === "tpe" && number > FIRST_POINTS ? this.suggested(number) : this.drawn(number);
      const early = yield* this.train({ number, point, rung: 0 }, undefined, lock);
      if (early) return early;
    }
    return undefined;
  }

  private async *halving(lock: RunLock): AsyncGenerator<TuneEvent, Early | undefined> {
    const { epochs, minutes } = this.fixed.run;
    const budget = minutes === undefined ? { epochs: epochs ?? RUN_OPTIONS.epochs.default } : { seconds: 60 * minutes };
    let alive = Array.from({ length: this.count }, (_, i) => i + 1);
    for (const [rung, { rests, kept }] of rungsOf(this.count, budget).entries()) {
      for (const number of alive) {
        const early = yield* this.train({ number, point: this.drawn(number), rung }, rests, lock);
        if (early) return early;
      }
      const losses = alive.map((number) => lossOf(this.trials.get(number)!));
      alive = survivors(losses, kept).map((i) => alive[i]!);
    }
    return undefined;
  }

  private randomOf = (number: number): Random => new Random(this.seed, `search ${number}`);

  private drawn = (number: number): Point => randomPoint(this.space, this.randomOf(number), this.refusal);

  /** A point by what was found; that with which the trial was begun, as a trial before it may have a result only since then. */
  private suggested(number: number): Point {
    const begun = this.results.known({ number, rung: 0 });
    if (begun) return begun.point;
    const observed = [...this.trials.values()].map((trial) => ({ point: trial.point, loss: lossOf(trial) }));
    return suggest(this.space, observed, this.randomOf(number), this.refusal);
  }

  /** A trial as far as its rung, unless that is known. @returns why it did not come to that */
  private async *train(
    trial: Trial,
    rests: Rung["rests"],
    lock: RunLock,
  ): AsyncGenerator<TuneEvent, Early | undefined> {
    const { data, model, minutes, backend = "auto", interrupted } = this.call;
    const known = this.results.ofPoint(trial);
    if (known?.trained || known?.failed) {
      this.trials.set(trial.number, { ...trial, ...known });
      return undefined;
    }
    const used = [...this.trials.values()].map(({ trained }) => trained?.seconds ?? 0);
    if (interrupted?.()) return "interrupted";
    if (minutes !== undefined && used.reduce((a, b) => a + b, 0) >= 60 * minutes) return "minutes";
    yield { type: "trial", state: "begins", trial };
    const point = optionsAt(this.model, trial.point);
    const job: TrainJob = {
      ...{ kind: "train", model, source: data, backend, evaluates: false, rests },
      options: { ...this.fixed.options, ...point.options },
      run: { ...this.fixed.run, ...point.run },
      out: this.results.runOf(trial),
    };
    const left = this.method === "halving" ? undefined : this.count - trial.number;
    let isKept = known !== undefined;
    const show = (event: RunEvent): TuneEvent => {
      // From now on there is a run, of this point.
      if (!isKept) this.results.keep(trial);
      isKept = true;
      const remaining = left === undefined ? undefined : timeLeft(event, used, left);
      return { type: "run", event, trial, remaining };
    };
    let ended: Trial;
    try {
      const trained = yield* relayed<Trained | undefined, TuneEvent>(runJob(job, interrupted), lock, show);
      if (!trained) return "interrupted";
      ended = { ...trial, trained };
    } catch (cause) {
      ended = { ...trial, failed: this.failureOf(cause) };
    }
    if (ended.trained && !ended.trained.objective && rests && Object.keys(ended.trained.validation).length > 0)
      fail(
        "E_OPTION",
        `after ${ended.trained.epochs} of its epochs ${model} does not yet tell what its options are judged by: it is still in its first stage. Halve later, with more epochs or fewer --trials, or take --method tpe`,
      );
    if (ended.trained && !ended.trained.objective)
      fail(
        "E_OPTION",
        `nothing tells which options of ${model} are better: it names no metric for it, or the data has no validation part (see --validation); train and look yourself`,
      );
    if (!ended.failed || OF_THE_TRIAL.includes(ended.failed.code)) this.results.keep(ended);
    this.trials.set(trial.number, ended);
    yield { type: "trial", state: ended.failed ? "failed" : "done", trial: ended };
    return undefined;
  }

  /** What failed of a trial. @throws what failed of the search */
  private failureOf(cause: unknown): NonNullable<Trial["failed"]> {
    if (!(cause instanceof GenclassError)) throw cause;
    const { code, message } = cause;
    if (!OF_THE_TRIAL.includes(code)) {
      const before = [...this.trials.values()];
      const isOfTheCall =
        !before.some(({ trained }) => trained) && before.length + 1 >= Math.min(MOST_REFUSED, this.count);
      if (isOfTheCall || !OF_THIS_CALL.includes(code)) throw cause;
    }
    return { code, message };
  }

  found(): Search {
    const { out, model, data } = this.call;
    const trials = [...this.trials.values()];
    const furthest = Math.max(...trials.map(({ rung, trained }) => (trained ? rung : -1)));
    const last = trials.filter(({ rung, trained }) => trained && rung === furthest);
    const best = last.reduce<Trial | undefined>((a, b) => (a && lossOf(a) <= lossOf(b) ? a : b), undefined);
    const objective = best?.trained?.objective;
    return {
      ...{ out, model, data, method: this.method, space: this.space, trials, best },
      objective: objective && { metric: objective.metric, better: objective.better },
    };
  }
}
