// The library for Node: opens data, trains, loads runs. The native backend enters the core here and nowhere else.
import { GenclassError } from "./base/errors.ts";
import { VERSION } from "./base/version.ts";
import { decodePicture } from "./data/readers/decode.ts";
import { modelNamed } from "./models/index.ts";
import type { Model } from "./models/model.ts";
import { type Prediction, TrainedModel, type TrainedWeights } from "./predict/trained.ts";
import { type RunConfig, RunFolder } from "./run/folder.ts";
import { startRun, type TrainOptions } from "./run/train.ts";
import type { Backend } from "./runtime/backend.ts";
import { type BackendWish, chooseBackend } from "./runtime/choose.ts";
import { nativeBackend } from "./runtime/native.ts";
import type { RunEvent } from "./train/events.ts";

export { checkData, type DataCheck } from "./data/check/check.ts";
export { type Duplicate, findDuplicates, placeName } from "./data/check/duplicates.ts";
export { BUILT_IN, type OpenOptions, open } from "./data/open.ts";
export { writeFolders, writeNpz, writeShards } from "./data/write.ts";
export * from "./index.ts";
export { type Evaluation, evaluate } from "./predict/evaluate.ts";
export { type Explanation, explain } from "./predict/explain.ts";
export { type ExportedHead, exportHead } from "./predict/export.ts";
export { estimateLikelihood, type LikelihoodEstimate } from "./predict/likelihood.ts";
export { sampleMixture } from "./predict/mixture-sampler.ts";
export { type SuspiciousLabel, suspiciousLabels } from "./predict/suspicious.ts";
export { type HeadFeeds, type Prediction, TrainedModel } from "./predict/trained.ts";
export { RunFolder } from "./run/folder.ts";
export { BACKEND_CHOICES, type BackendWish, type ChosenBackend, chooseBackend, PRECISIONS } from "./runtime/choose.ts";
export { nativeBackend } from "./runtime/native.ts";
export { onednnBackend, type Precision } from "./runtime/onednn/backend.ts";
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

/** Picture files as a model takes them. */
export interface ReadPictures {
  /** Those that decode, in the order in which they were given. */
  readonly files: readonly string[];
  /** Their bytes, `[files.length, h, w, c]`. */
  readonly pixels: Uint8Array;
  /** An `E_IMAGE` for each of the others, which names it. */
  readonly failures: readonly GenclassError[];
}

function undecodable(file: string, cause: unknown): GenclassError {
  // The libraries below write several lines.
  const [why] = (cause as Error).message.split("\n");
  return new GenclassError(
    "E_IMAGE",
    `${file} does not decode as a picture (${why}); expected JPEG, PNG, WebP, GIF, TIFF or AVIF`,
    { cause },
  );
}

/** A trained run that takes picture files. */
export class NodeModel extends TrainedModel {
  private readonly resize: RunConfig["data"]["resize"];

  /** @param model the model of the run, where it is not among `MODELS` */
  constructor(config: RunConfig, weights: TrainedWeights, backend: Backend, model?: Model) {
    super(config, weights, backend, model);
    this.resize = config.data.resize;
  }

  /** Bytes `[n, h, w, c]` of picture files, as the model takes them. @throws `E_IMAGE` naming the first that does not decode */
  async read(files: readonly string[]): Promise<Uint8Array> {
    const { pixels, failures } = await this.readEach(files);
    if (failures[0]) throw failures[0];
    return pixels;
  }

  /** The picture files that decode, as the model takes them, and why the others do not. */
  async readEach(files: readonly string[]): Promise<ReadPictures> {
    const { height, width, channels } = this.spec;
    const size = height * width * channels;
    const pixels = new Uint8Array(files.length * size);
    const decoded: string[] = [];
    const failures: GenclassError[] = [];
    for (const file of files)
      try {
        pixels.set(await decodePicture(file, { height, width, channels }, this.resize), decoded.length * size);
        decoded.push(file);
      } catch (cause) {
        failures.push(cause instanceof GenclassError ? cause : undecodable(file, cause));
      }
    return { files: decoded, pixels: pixels.subarray(0, decoded.length * size), failures };
  }

  /** Label, probability and novelty of a picture file, of several, or of bytes `[n, h, w, c]`. @throws `E_IMAGE` */
  override classify(file: string): Promise<Prediction>;
  override classify(pictures: readonly string[] | Uint8Array): Promise<Prediction[]>;
  override async classify(input: string | readonly string[] | Uint8Array): Promise<Prediction | Prediction[]> {
    if (input instanceof Uint8Array) return super.classify(input);
    const predictions = await super.classify(await this.read(typeof input === "string" ? [input] : input));
    return typeof input === "string" ? predictions[0]! : predictions;
  }
}

/**
 * Loads the best checkpoint of a run folder.
 * @param options `model`: the model of the run, where it is not among `MODELS`
 * @throws `E_RUN_NOT_FOUND`, `E_RUN_VERSION`
 */
export async function load(
  path: string,
  { backend = nativeBackend(), model }: { backend?: Backend; model?: Model } = {},
): Promise<NodeModel> {
  const run = RunFolder.open(path, model);
  const config = run.modelConfig(modelNamed(run.config.model, model));
  return new NodeModel(config, run.trained(), backend, model);
}

export { VERSION };
