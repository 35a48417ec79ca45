// A trained run in use: picture files in, answers out. Nothing of training is loaded for it.
import type { NdArray } from "../base/array.ts";
import { modelNamed } from "../models/index.ts";
import type { Model } from "../models/model.ts";
import type { Prediction } from "../predict/prediction.ts";
import { TrainedModel } from "../predict/trained.ts";
import type { Backend } from "../runtime/backend.ts";
import { onnxruntimeBackend } from "../runtime/onnxruntime.ts";
import { RunFolder } from "./folder.ts";
import {
  isOne,
  type OnePicture,
  type Picture,
  type Pictures,
  pixelsOf,
  type ReadPictures,
  readAll,
  readEach,
} from "./pictures.ts";

/** A trained run that takes picture files and decoded pictures. */
export class NodeModel extends TrainedModel {
  /** Bytes `[n, h, w, c]` of pictures, as the model takes them. @throws `E_IMAGE` naming the first that does not decode */
  async read(files: readonly Picture[]): Promise<Uint8Array> {
    return readAll(files, this);
  }

  /** The pictures that decode, as the model takes them, and why the others do not. */
  async readEach(files: readonly Picture[]): Promise<ReadPictures> {
    return readEach(files, this);
  }

  /**
   * Label, probability and novelty of pictures. One that is given as a path, URL, blob or decoded pixels gives one answer; a list
   * gives a list; and so do bytes, which are those of a picture file, or of decoded pictures `[n, h, w, c]` as the model takes them.
   * @throws `E_IMAGE` naming a file that does not decode; `E_SHAPE` for bytes that are no whole number of pictures, or have an alpha
   *   channel; `E_USAGE` for what is no picture
   */
  override classify(picture: OnePicture): Promise<Prediction>;
  override classify(pictures: readonly Picture[] | Uint8Array): Promise<Prediction[]>;
  override async classify(input: Pictures): Promise<Prediction | Prediction[]> {
    const predictions = await super.classify(await pixelsOf(input, this));
    return isOne(input) ? predictions[0]! : predictions;
  }

  /** Latent vectors `[n, latentSize]` of what `classify` takes. @throws as `classify` */
  override async encode(pictures: Pictures): Promise<NdArray> {
    return super.encode(await pixelsOf(pictures, this));
  }

  /** Reconstructions `[n, h, w, c]` in 0..1 of what `classify` takes; `label` as of `TrainedModel`. @throws as `classify` */
  override async reconstruct(pictures: Pictures, label?: Int32Array): Promise<NdArray> {
    return super.reconstruct(await pixelsOf(pictures, this), label);
  }

  /** Translations `[n, h, w, c]` in 0..1 of what `classify` takes; `label` as of `TrainedModel`. @throws as `classify` */
  override async translate(pictures: Pictures, label?: Int32Array): Promise<NdArray> {
    return super.translate(await pixelsOf(pictures, this), label);
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
  return new NodeModel(run.modelConfig(modelNamed(run.config.model, model)), run.weights(), backend, model);
}

function answering(): Backend {
  const { backend, notes } = onnxruntimeBackend();
  for (const note of notes) process.emitWarning(note);
  return backend;
}
