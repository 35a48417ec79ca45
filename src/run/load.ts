// A trained run in use: picture files in, answers out. Nothing of training is loaded for it.
import { GenclassError } from "../base/errors.ts";
import { decodePicture } from "../data/readers/decode.ts";
import type { Model } from "../models/model.ts";
import { type Prediction, TrainedModel, type TrainedWeights } from "../predict/trained.ts";
import type { Backend } from "../runtime/backend.ts";
import { onnxruntimeBackend } from "../runtime/onnxruntime.ts";
import { type RunConfig, RunFolder } from "./folder.ts";

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
  { backend = answering(), model }: { backend?: Backend; model?: Model } = {},
): Promise<NodeModel> {
  const run = RunFolder.open(path, model);
  return new NodeModel(run.config, run.weights(), backend, model);
}

function answering(): Backend {
  const { backend, notes } = onnxruntimeBackend();
  for (const note of notes) process.emitWarning(note);
  return backend;
}
