// A trained run in use: picture files in, answers out. Nothing of training is loaded for it.
import { fileURLToPath } from "node:url";
import type { NdArray } from "../base/array.ts";
import { fail, GenclassError } from "../base/errors.ts";
import { decodePicture } from "../data/readers/decode.ts";
import { modelNamed } from "../models/index.ts";
import type { Model } from "../models/model.ts";
import { type Prediction, TrainedModel } from "../predict/trained.ts";
import type { Backend } from "../runtime/backend.ts";
import { onnxruntimeBackend } from "../runtime/onnxruntime.ts";
import { RunFolder } from "./folder.ts";

/** Picture files as a model takes them. */
export interface ReadPictures {
  /** Names of those that decode, in the order in which they were given. */
  readonly files: readonly string[];
  /** Their bytes, `[files.length, h, w, c]`. */
  readonly pixels: Uint8Array;
  /** An `E_IMAGE` for each of the others, which names it. */
  readonly failures: readonly GenclassError[];
}

/** A picture file: its path, a `file:` URL, or what is in it, as a `Blob`, a `File` or bytes. */
export type PictureFile = string | URL | Blob | Uint8Array;

/** How messages name a picture file, the `i`th of a call. */
const nameOf = (file: PictureFile, i: number): string => {
  if (typeof file === "string") return file;
  if (file instanceof URL) return file.pathname;
  return file instanceof Blob && "name" in file ? String(file.name) : `picture ${i}`;
};

async function contentOf(file: PictureFile): Promise<string | Uint8Array> {
  if (file instanceof URL) return fileURLToPath(file);
  return file instanceof Blob ? new Uint8Array(await file.arrayBuffer()) : file;
}

const isOne = (input: PictureFile | readonly PictureFile[]): input is string | URL | Blob =>
  typeof input === "string" || input instanceof URL || input instanceof Blob;

/** How files of pictures begin: JPEG, PNG, GIF, WebP, TIFF. */
const BEGINNINGS = [/^\xff\xd8\xff/, /^\x89PNG\r\n/, /^GIF8/, /^RIFF....WEBP/s, /^(II\*\0|MM\0\*)/];

/** Refuses the bytes of a file where decoded pictures are expected. */
function requireDecoded(pixels: Uint8Array): void {
  const beginning = Buffer.from(pixels.subarray(0, 12)).toString("latin1");
  if (BEGINNINGS.some((pattern) => pattern.test(beginning)))
    fail(
      "E_SHAPE",
      "these are the bytes of a picture file; expected decoded pictures [n, h, w, c]. In a list, files are decoded: [bytes]",
    );
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
  /** Bytes `[n, h, w, c]` of picture files, as the model takes them. @throws `E_IMAGE` naming the first that does not decode */
  async read(files: readonly PictureFile[]): Promise<Uint8Array> {
    const { pixels, failures } = await this.readEach(files);
    if (failures[0]) throw failures[0];
    return pixels;
  }

  /** The picture files that decode, as the model takes them, and why the others do not. */
  async readEach(files: readonly PictureFile[]): Promise<ReadPictures> {
    const { height, width, channels } = this.spec;
    const size = height * width * channels;
    const pixels = new Uint8Array(files.length * size);
    const decoded: string[] = [];
    const failures: GenclassError[] = [];
    for (const [i, file] of files.entries()) {
      const name = nameOf(file, i);
      try {
        const bytes = await decodePicture(await contentOf(file), { height, width, channels }, this.resize);
        pixels.set(bytes, decoded.length * size);
        decoded.push(name);
      } catch (cause) {
        failures.push(cause instanceof GenclassError ? cause : undecodable(name, cause));
      }
    }
    return { files: decoded, pixels: pixels.subarray(0, decoded.length * size), failures };
  }

  /** Decoded pictures of whatever a method is given. */
  private async decoded(input: PictureFile | readonly PictureFile[]): Promise<Uint8Array> {
    if (isOne(input)) return this.read([input]);
    if (!(input instanceof Uint8Array)) return this.read(input);
    requireDecoded(input);
    return input;
  }

  /**
   * Label, probability and novelty of a picture file, of each of several, or of each of decoded pictures, bytes `[n, h, w, c]`.
   * @throws `E_IMAGE` naming a file that does not decode; `E_SHAPE` for bytes that are no whole number of pictures
   */
  override classify(file: string | URL | Blob): Promise<Prediction>;
  override classify(pictures: readonly PictureFile[] | Uint8Array): Promise<Prediction[]>;
  override async classify(input: PictureFile | readonly PictureFile[]): Promise<Prediction | Prediction[]> {
    const predictions = await super.classify(await this.decoded(input));
    return isOne(input) ? predictions[0]! : predictions;
  }

  /** Latent vectors `[n, latentSize]` of what `classify` takes. @throws as `classify` */
  override async encode(pictures: PictureFile | readonly PictureFile[]): Promise<NdArray> {
    return super.encode(await this.decoded(pictures));
  }

  /** Reconstructions `[n, h, w, c]` in 0..1 of what `classify` takes; `label` as of `TrainedModel`. @throws as `classify` */
  override async reconstruct(pictures: PictureFile | readonly PictureFile[], label?: Int32Array): Promise<NdArray> {
    return super.reconstruct(await this.decoded(pictures), label);
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
