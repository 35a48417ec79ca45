// A run as it trains, in this process: what `fit` tells is written into its folder, and told to trackers.

import { GenclassError } from "../base/errors.ts";
import { makeFolder } from "../base/writing.ts";
import { chooseAugmentation } from "../data/augment.ts";
import type { Dataset } from "../data/dataset.ts";
import { input } from "../graph/tensor.ts";
import { type Backbone, frozenPrefixes } from "../models/backbone.ts";
import { applyHead, requireHead } from "../models/heads.ts";
import type { Model } from "../models/model.ts";
import { Build } from "../nn/scope.ts";
import { evaluatedState } from "../predict/trained.ts";
import { gridPng } from "../report/pictures.ts";
import type { Backend } from "../runtime/backend.ts";
import { answeringBackend } from "../runtime/choose.ts";
import type { State } from "../runtime/program.ts";
import type { RunEvent, SamplesEvent } from "../train/events.ts";
import { fit } from "../train/fit.ts";
import type { FitOptions } from "../train/fit-options.ts";
import type { FrozenFeatures } from "../train/frozen-features.ts";
import type { PreparedRun } from "../train/prepare.ts";
import { freezeWords } from "./backbone.ts";
import type { StoredSnapshot } from "./checkpoint.ts";
import { writeEnding } from "./ending.ts";
import { frozenFeatures } from "./features.ts";
import { removeFigures } from "./figures.ts";
import { writeAtomically } from "./files.ts";
import type { RunConfig, RunFolder } from "./folder.ts";
import { RunLock } from "./lock.ts";
import { RunLogs } from "./logs.ts";
import { nothingLeft } from "./nothing-left.ts";
import { EPOCHS, epochFile, removeSheetsAfter } from "./sample-sheets.ts";
import { hyperParameters } from "./trackers/hyper-parameters.ts";
import { MlflowTracker } from "./trackers/mlflow/tracker.ts";

/** Pictures in a row of a sheet of samples. */
const SHEET_COLUMNS = 10;

/** What trains, and on what. */
export interface TrainingCall {
  readonly data: Dataset;
  /** `threads` and `precision` say how it was made: they are kept, to make it again. */
  readonly backend: Backend;
  /** Asked after every step until it is so; the run then ends after the steps in flight. */
  readonly interrupted?: () => boolean;
}

/** What a run begins with in this process. */
export interface Beginning extends Pick<FitOptions, "from" | "features"> {
  /** Of a new run. */
  readonly prepared?: PreparedRun;
  readonly resume?: StoredSnapshot;
  /** Whether the steps that were told after that state come again as they were. Default true. */
  readonly repeats?: boolean;
  /** What people should know of it. */
  readonly notes?: readonly string[];
}

/** Training and what is written of it, while no other process may do so. */
export async function* follow(
  run: RunFolder,
  model: Model,
  call: TrainingCall,
  begin: () => Beginning,
): AsyncGenerator<RunEvent, void> {
  const lock = RunLock.acquire(run.path);
  try {
    let beginning: Beginning | undefined = begin();
    while (beginning) beginning = yield* followLocked(run, model, call, beginning, lock);
  } finally {
    lock.release();
  }
}

/**
 * What a run goes on from that failed as its numbers ran away: its last checkpoint, at half the learning rates. That one may be of the
 * middle of an epoch, written by the clock or where the run was stopped: a run that was set back repeats bit for bit only where its
 * checkpoints were of the same steps.
 * @param before what it began with
 * @returns undefined for another failure, or where it was set back often enough
 */
function calmer(run: RunFolder, before: Beginning, error: unknown): Beginning | undefined {
  const found = error instanceof GenclassError && error.code === "E_NAN" ? run.checkpoints.newest() : undefined;
  const rateFactor = (before.resume?.progress.rateFactor ?? 1) / 2;
  if (!found || rateFactor < 2 ** -run.config.restarts) return undefined;
  const { snapshot, warning } = found;
  const note = `${(error as Error).message.split(";")[0]}: back to step ${snapshot.progress.step}, with ${rateFactor} of the learning rates`;
  return {
    resume: { ...snapshot, progress: { ...snapshot.progress, rateFactor } },
    repeats: false,
    notes: [note, ...(warning === undefined ? [] : [warning])],
  };
}

/** @returns what the run goes on from where it was set back */
async function* followLocked(
  run: RunFolder,
  model: Model,
  call: TrainingCall,
  beginning: Beginning,
  lock: RunLock,
): AsyncGenerator<RunEvent, Beginning | undefined> {
  const { notes = [], prepared, features: known, repeats = true, ...start } = beginning;
  const logs = new RunLogs(run.path, start.resume, hyperParameters(run.config));
  const tracker = MlflowTracker.of(run);
  const { backbone } = run.modelConfig(model).data;
  const weights = start.resume?.state ?? start.from?.state;
  const features = known ?? (await featuresOf(run.config, backbone, call, weights));
  // Sheets and trackers are as far as the logs.
  const epoch = run.events().findLast((event) => event.type === "epoch")?.epoch ?? 0;
  removeSheetsAfter(run.file("samples", EPOCHS), epoch);
  removeFigures(run);
  if (!repeats) tracker?.goBackTo(start.resume?.progress.step ?? 0, epoch);
  let [epochEnded, isSolving] = [false, false];
  const options: FitOptions = {
    ...fitOptions(run.config, model, call, backbone, features),
    ...start,
    save(which, snapshot) {
      // An event that could not be written is told again by a run that goes on from before it.
      if (!logs.isComplete) return;
      // Once an epoch, and not where a run happened to be saved: the log of a run that was stopped is that of one that was not.
      if (epochEnded) logs.addParameters(snapshot.progress.step, evaluatedState(snapshot.state));
      epochEnded = false;
      run.checkpoints.save(which, { ...snapshot, logs: logs.lengths() });
      lock.touch();
    },
  };
  const events = fit(options, prepared);
  try {
    for await (const event of events) {
      if (event.type !== "note") isSolving = event.type === "solve";
      if (event.type === "epoch") epochEnded = true;
      logs.add(event);
      if (event.type === "samples") {
        const failure = await writeSamples(run, logs, event);
        if (failure !== undefined) yield { type: "note", step: event.step + 1, text: failure };
      }
      if (event.type === "end") {
        // As the notes at the start: of this process, not of the run.
        if (event.step === start.resume?.progress.step && event.reason !== "interrupted")
          yield { type: "note", step: event.step, text: nothingLeft(run, options.model, event) };
        const failure = await writeEnding(run, model, call.backend, event, call.data.validation);
        if (failure !== undefined) yield { type: "note", step: event.step, text: failure };
        await tracker?.finish(event.reason === "interrupted" ? "KILLED" : "FINISHED");
      } else tracker?.follow();
      for (const text of tracker?.notes() ?? []) yield { type: "note", step: event.step, text };
      yield event.type === "start" ? { ...event, run: run.path } : event;
      if (event.type !== "start") continue;
      // Of this process, not of the run: the log of a run that was stopped is that of one that was not.
      for (const text of [lock.tookOver, ...notes])
        if (text !== undefined) yield { type: "note", step: event.step + 1, text };
    }
    return undefined;
  } catch (cause) {
    // What is solved has no learning rate, and would give the same again.
    const next = isSolving ? undefined : calmer(run, beginning, cause);
    if (next) return next;
    await tracker?.finish("FAILED");
    throw cause;
  } finally {
    logs.flush();
    await tracker?.leave();
  }
}

/** What a run's configuration asks of training. */
export const fitOptions = (
  config: RunConfig,
  model: Model,
  { data, backend, interrupted }: TrainingCall,
  backbone: Backbone | undefined,
  features: FrozenFeatures | undefined,
): FitOptions => ({
  name: config.model,
  model: model.build(config.options, { ...config.data, backbone }),
  data,
  backend,
  seed: config.seed,
  batch: config.batch,
  // Features are there for the views that were computed.
  augmentation: features ? {} : chooseAugmentation(config.augment, config.data.channels, config.data.mirror),
  features,
  sampling: config.sampling,
  classWeighting: config.classWeights,
  epochs: config.epochs ?? undefined,
  minutes: config.minutes ?? undefined,
  until: config.until ?? undefined,
  patience: config.patience,
  emaDecay: config.emaDecay,
  freeze: [...freezeWords(config.freeze).prefixes, ...(backbone ? frozenIn(config, model, backbone) : [])],
  interrupted,
});

/** Path prefixes of what stays of a network, of the paths that the model has with it. */
function frozenIn({ options, data }: RunConfig, model: Model, backbone: Backbone): string[] {
  const { heads } = model.build(options, { ...data, backbone });
  const walk = new Build(false);
  const picture = input("picture", [2, data.height, data.width, data.channels]);
  applyHead(requireHead(heads, "classify"), walk.root, 2, { picture });
  return frozenPrefixes(backbone, walk.state.keys());
}

/** The features of a network that is frozen as a whole, for the pictures of a run. */
export function featuresOf(
  config: RunConfig,
  backbone: Backbone | undefined,
  { data, backend }: TrainingCall,
  from: State | undefined,
): Promise<FrozenFeatures> | undefined {
  if (backbone?.frozen !== "all") return undefined;
  const { augment, seed } = config;
  return frozenFeatures({ backbone, data, backend: answeringBackend(backend), augment, seed, from });
}

/** Writes the sheet of an epoch's samples. @returns what people should know where that failed: the run is none the worse */
async function writeSamples(
  run: RunFolder,
  logs: RunLogs,
  { epoch, step, pixels }: SamplesEvent,
): Promise<string | undefined> {
  try {
    const png = await gridPng(pixels, run.config.data, SHEET_COLUMNS);
    logs.addSamples(step, png);
    makeFolder(run.file("samples", EPOCHS));
    writeAtomically(run.file("samples", EPOCHS, epochFile(epoch)), [png]);
    return undefined;
  } catch (cause) {
    return `the film is without the samples of epoch ${epoch}: ${(cause as Error).message}`;
  }
}
