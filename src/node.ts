// The library for Node: opens data, trains, loads runs. Backends for Node enter the core here and nowhere else.
import { VERSION } from "./base/version.ts";
import type { Model } from "./models/model.ts";
import { startRun, type TrainOptions } from "./run/train.ts";
import type { Backend } from "./runtime/backend.ts";
import { chooseBackend } from "./runtime/choose.ts";
import type { BackendWish } from "./runtime/wish.ts";
import type { RunEvent } from "./train/events.ts";

export { checkData, type DataCheck } from "./data/check/check.ts";
export { type Duplicate, findDuplicates, placeName } from "./data/check/duplicates.ts";
export { BUILT_IN, type OpenOptions, open } from "./data/open.ts";
export { writeFolders, writeNpz, writeShards } from "./data/write.ts";
export * from "./index.ts";
export { type Evaluation, evaluate } from "./predict/evaluate.ts";
export { type Explanation, explain } from "./predict/explain.ts";
export { type ExportedHead, exportHead } from "./predict/export.ts";
export { type ClassSamples, type JudgedSamples, judgeSamples } from "./predict/judge.ts";
export { estimateLikelihood, type LikelihoodEstimate } from "./predict/likelihood.ts";
export { sampleMixture } from "./predict/mixture-sampler.ts";
export { type SuspiciousLabel, suspiciousLabels } from "./predict/suspicious.ts";
export { type HeadFeeds, type Prediction, TrainedModel } from "./predict/trained.ts";
export { RunFolder } from "./run/folder.ts";
export { load, NodeModel, type PictureFile, type ReadPictures } from "./run/load.ts";
export { recordEvaluation } from "./run/record.ts";
export type { ChosenBackend } from "./runtime/backend.ts";
export { chooseBackend } from "./runtime/choose.ts";
export { nativeBackend } from "./runtime/native.ts";
export { onednnBackend } from "./runtime/onednn/backend.ts";
export { BACKEND_CHOICES, type BackendWish, PRECISIONS, type Precision } from "./runtime/wish.ts";
export { type Synthesis, synthesize } from "./synthesis/synthesize.ts";

/** A call of `train`; without a backend, the fastest one is made with `threads` and `precision`. */
export type TrainCall = Omit<TrainOptions, "backend"> & { readonly backend?: Backend };

/**
 * Trains a model and yields what happens; leaving the loop stops training.
 * @param model a name from `MODELS`, or a model of your own
 * @throws `E_NAME`, `E_OPTION` for a wrong call; `E_NAN` when a loss stops being finite
 */
export async function* train(model: string | Model, options: TrainCall): AsyncGenerator<RunEvent, void> {
  const { threads, precision } = options;
  const backend = options.backend ?? backendFor({ threads, precision });
  const { events } = await startRun(model, { ...options, backend });
  yield* events;
}

function backendFor(wish: BackendWish): Backend {
  const { backend, notes } = chooseBackend(wish);
  for (const note of notes) process.emitWarning(note);
  return backend;
}

export { VERSION };
