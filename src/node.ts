// The library for Node: opens data, trains, loads runs. Backends for Node enter the core here and nowhere else.
import { VERSION } from "./base/version.ts";
import {
  type CompareEvent,
  type CompareCall as Comparing,
  compare as compareModels,
  NOT_SHARED,
  type SharedRunOptions,
} from "./experiments/compare.ts";
import { NOT_OF_TRIALS } from "./experiments/search.ts";
import { type TuneEvent, type TuneCall as Tuning, tune as tuneModel } from "./experiments/tune.ts";
import type { OptionsOf } from "./models/index.ts";
import type { Model } from "./models/model.ts";
import { checkNames, requireList, requireOpened, requireText } from "./run/library-call.ts";
import { type OptionName, RUN_OPTIONS } from "./run/options.ts";
import { resumeRun, startRun, type TrainOptions } from "./run/train.ts";
import type { Backend } from "./runtime/backend.ts";
import { chooseBackend } from "./runtime/choose.ts";
import type { BackendWish } from "./runtime/wish.ts";
import type { RunEvent } from "./train/events.ts";

export { checkData, type DataCheck, type PartSummary } from "./data/check/check.ts";
export { type Duplicate, findDuplicates, type Place, placeName } from "./data/check/duplicates.ts";
export type { ClassWeighting } from "./data/imbalance.ts";
export { type AddedPictures, BUILT_IN, type OpenOptions, type OpenProgress, open } from "./data/open.ts";
export type { Sampling } from "./data/order.ts";
export { type WriteProgress, writeFolders, writeNpz, writeShards } from "./data/write.ts";
export type { TimingEvent } from "./experiments/answer-times.ts";
export type { CompareEvent } from "./experiments/compare.ts";
export type { Cell, Comparison, ComparisonRow, DoneCell, FailedCell, PairedTest } from "./experiments/comparison.ts";
export type { Search, TrialOptions } from "./experiments/search.ts";
export type { Dimension } from "./experiments/space.ts";
export type { Trial } from "./experiments/trial-results.ts";
export type { TuneEvent } from "./experiments/tune.ts";
export type { Point } from "./experiments/varied.ts";
export type { TileSize } from "./graph/winograd.ts";
export * from "./index.ts";
export type { Copying } from "./metrics/copying.ts";
export { type ClassEvaluation, type Evaluation, evaluate, withFindings } from "./predict/evaluate.ts";
export { type Explanation, explain } from "./predict/explain.ts";
export { type ExportedHead, exportHead } from "./predict/export.ts";
export type { Finding } from "./predict/finding.ts";
export { type Generated, type GenerateOptions, generate, SAMPLERS, type Sampler } from "./predict/generate.ts";
export type { CallOptions, HeadFeeds, HeadGraph } from "./predict/head-runner.ts";
export { type ClassSamples, type JudgedSamples, judgeSamples } from "./predict/judge.ts";
export { translationFindings } from "./predict/judge-translations.ts";
export { type Binarisation, estimateLikelihood, type LikelihoodEstimate } from "./predict/likelihood.ts";
export { sampleMixture } from "./predict/mixture-sampler.ts";
export type { NoveltyBasis } from "./predict/novelty.ts";
export type { Prediction } from "./predict/prediction.ts";
export { type SuspiciousLabel, suspiciousLabels } from "./predict/suspicious.ts";
export { TrainedModel } from "./predict/trained.ts";
export type { Checkpoints } from "./run/checkpoints.ts";
export { RunFolder } from "./run/folder.ts";
export { lossFindings } from "./run/held-out-losses.ts";
export { load, NodeModel } from "./run/load.ts";
export type { ImageSize, Target } from "./run/option-types.ts";
export type { RunOptions, StoredOptions } from "./run/options.ts";
export type { OnePicture, Picture, Pictures, ReadPictures } from "./run/pictures.ts";
export { recordEvaluation } from "./run/record.ts";
export type { TrainOptions } from "./run/train.ts";
export type { ChosenBackend } from "./runtime/backend.ts";
export { chooseBackend } from "./runtime/choose.ts";
export { type NativeOptions, nativeBackend } from "./runtime/native.ts";
export { type OnednnOptions, onednnBackend } from "./runtime/onednn/backend.ts";
export { BACKEND_CHOICES, type BackendWish, PRECISIONS, type Precision } from "./runtime/wish.ts";
export { type ClassSynthesis, type Synthesis, type SynthesisOptions, synthesize } from "./synthesis/synthesize.ts";

const OPTION_NAMES = Object.keys(RUN_OPTIONS) as readonly OptionName[];
const without = (left: readonly OptionName[]): readonly OptionName[] =>
  OPTION_NAMES.filter((name) => !left.includes(name));
/** The names of a type, all of them and no others, or it does not compile. */
const namesOf = <K extends string>(names: Readonly<Record<K, true>>): readonly string[] => Object.keys(names);

/** What calls of `train` and `resume` share: how to compute, and when to stop. */
interface Computing {
  /** Default: the fastest, with the `threads` and `precision` of the call. */
  readonly backend?: Backend;
  /** Ends the run after the steps in flight, with a checkpoint to go on from: the end event then says `interrupted`. */
  readonly signal?: AbortSignal;
}

/** A call of `train`: options of the run, and those of the model by its name or its own table. */
export type TrainCall<M extends string | Model = string> = Omit<TrainOptions, "backend" | "options" | "interrupted"> &
  Computing & { readonly options?: OptionsOf<M> };

/** What a call may have: another name is most often a misspelt one. */
const TRAIN_NAMES = [
  ...namesOf<Exclude<keyof TrainCall, OptionName>>({
    data: true,
    out: true,
    source: true,
    options: true,
    backend: true,
    signal: true,
  }),
  ...OPTION_NAMES,
];

/**
 * Trains a model and yields what happens; leaving the loop stops training.
 * @param model a name from `MODELS`, or a model of your own
 * @throws `E_NAME`, `E_OPTION`, `E_USAGE` for a wrong call, before there is a run folder; `E_NAN` when a loss stops being finite
 */
export async function* train<const M extends string | Model>(
  model: M,
  call: TrainCall<M>,
): AsyncGenerator<RunEvent, void> {
  checkNames("train", call, TRAIN_NAMES);
  requireOpened("train", call.data);
  const { signal, ...rest } = call;
  const { events } = await startRun(model, { ...(rest as TrainCall), ...computing(call) });
  yield* events;
}

/** A call of `resume`: the data of the run, and options that may change. */
export type ResumeCall = Omit<TrainCall, "out" | "source"> & {
  /** The run's model, where it is not among `MODELS`. */
  readonly model?: Model;
};

const RESUME_NAMES = [
  ...namesOf<Exclude<keyof ResumeCall, OptionName>>({
    data: true,
    model: true,
    options: true,
    backend: true,
    signal: true,
  }),
  ...OPTION_NAMES,
];

/**
 * Goes on exactly where a run stopped, and yields what happens; leaving the loop stops training.
 * @param run its folder
 * @throws `E_OPTION`, `E_USAGE` for a wrong call; `E_RUN_NOT_FOUND`, `E_RUN_VERSION`, `E_RUN_LOCKED`; `E_RUN_CONFLICT` for other
 * data, or an option that cannot change
 */
export async function* resume(run: string, call: ResumeCall): AsyncGenerator<RunEvent, void> {
  checkNames("resume", call, RESUME_NAMES);
  requireOpened("resume", call.data);
  const { signal, ...rest } = call;
  const { events } = await resumeRun(run, { ...rest, ...computing(call) });
  yield* events;
}

/** What ends the calls of `compare` and `tune`. */
interface Stopping {
  /** Ends the work with all saved, to go on from: the end event then says `interrupted`. */
  readonly signal?: AbortSignal;
}

/** A call of `compare`. */
export type CompareCall = Omit<Comparing, "interrupted"> & Stopping;

const COMPARE_NAMES = [
  ...namesOf<Exclude<keyof CompareCall, keyof SharedRunOptions>>({
    data: true,
    models: true,
    labels: true,
    seeds: true,
    options: true,
    out: true,
    backend: true,
    signal: true,
  }),
  ...without(NOT_SHARED),
];

/**
 * Compares models and yields what happens; leaving the loop stops it. The last event has the table.
 * @throws `E_NAME`, `E_OPTION`, `E_USAGE`, `E_HEAD` for a call that cannot be done, before anything is trained; `E_RUN_CONFLICT` for
 * a folder of another comparison, or for data that changed; `E_DATA_EMPTY` for data without a test part; `E_DATA_NOT_FOUND` for a
 * named network that cannot be fetched
 */
export async function* compare(call: CompareCall): AsyncGenerator<CompareEvent, void> {
  checkNames("compare", call, COMPARE_NAMES);
  requireText("compare", "data", call.data, "glyphs");
  requireText("compare", "out", call.out, "comparison");
  requireList("compare", "models", call.models, '["vae", "cnn"]');
  if (call.labels !== undefined) requireList("compare", "labels", call.labels, '[10, "all"]');
  const { signal, ...rest } = call;
  yield* compareModels({ ...rest, interrupted: () => signal?.aborted === true });
}

/** A call of `tune`. */
export type TuneCall = Omit<Tuning, "interrupted"> & Stopping;

const TUNE_NAMES = namesOf<keyof TuneCall>({
  model: true,
  data: true,
  trials: true,
  minutes: true,
  method: true,
  search: true,
  options: true,
  run: true,
  seed: true,
  out: true,
  backend: true,
  signal: true,
});
const TRIAL_NAMES = without(NOT_OF_TRIALS);

/**
 * Searches for the options of a model and yields what happens; leaving the loop stops it. The last event has what was found.
 * @throws `E_NAME`, `E_OPTION`, `E_USAGE` for a call that cannot be done, before anything is trained; `E_RUN_CONFLICT` for a folder of
 * another search; `E_DATA_NOT_FOUND` for a named network that cannot be fetched
 */
export async function* tune(call: TuneCall): AsyncGenerator<TuneEvent, void> {
  checkNames("tune", call, TUNE_NAMES);
  requireText("tune", "model", call.model, "cnn");
  requireText("tune", "data", call.data, "glyphs");
  requireText("tune", "out", call.out, "search");
  if (call.run !== undefined) checkNames("run of tune", call.run, TRIAL_NAMES);
  const { signal, ...rest } = call;
  yield* tuneModel({ ...rest, interrupted: () => signal?.aborted === true });
}

/** How a call computes, and whether it shall stop. */
function computing({
  threads,
  precision,
  backend = backendFor({ threads, precision }),
  signal,
}: Computing & Pick<BackendWish, "threads" | "precision">) {
  return { backend, interrupted: () => signal?.aborted === true };
}

function backendFor(wish: BackendWish): Backend {
  const { backend, notes } = chooseBackend(wish);
  for (const note of notes) process.emitWarning(note);
  return backend;
}

export { VERSION };
