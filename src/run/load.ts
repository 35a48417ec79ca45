// A trained run in use: picture files in, answers out. Nothing of training is loaded for it.
import { fileURLToPath } from "node:url";
import type { NdArray } from "../base/array.ts";
import { fail, GenclassError } from "../base/errors.ts";
import type { RawPicture } from "../data/picture.ts";
import { decodePicture, type PictureInput } from "../data/readers/decode.ts";
import { modelNamed } from "../models/index.ts";
import type { Model } from "../models/model.ts";
import { type Prediction, TrainedModel } from "../predict/trained.ts";
import type { Backend } from "../runtime/backend.ts";
import { onnxruntimeBackend } from "../runtime/onnxruntime.ts";
import { RunFolder } from "./folder.ts";

/** Pictures as a model takes them. */
export interface ReadPictures {
  /** Names of those that decode, in the order in which they were given. */
  readonly files: readonly string[];
  /** Their bytes, `[files.length, h, w, c]`. */
  readonly pixels: Uint8Array;
  /** An `E_IMAGE` for each of the others, which names it. */
  readonly failures: readonly GenclassError[];
}

/**
 * A picture: the path of its file, a `file:` URL, what is in the file, as a `Blob`, a `File` or bytes, or decoded pixels, such as
 * `ImageData`.
 */
export type Picture = string | URL | Blob | Uint8Array | RawPicture;

/** How messages name a picture, the `i`th of a call. */
const nameOf = (picture: Picture, i: number): string => {
  if (typeof picture === "string") return picture;
  if (picture instanceof URL) return picture.pathname;
  return picture instanceof Blob && "name" in picture ? String(picture.name) : `picture ${i}`;
};

async function contentOf(picture: Picture): Promise<PictureInput> {
  if (picture instanceof URL) return fileURLToPath(picture);
  return picture instanceof Blob ? new Uint8Array(await picture.arrayBuffer()) : picture;
}

/** One picture, whose answer is one; bytes may hold several. */
type One = Exclude<Picture, Uint8Array>;
/** What a method that takes pictures takes. */
export type Pictures = Picture | readonly Picture[];

const isOne = (input: Pictures): input is One => !(Array.isArray(input) || input instanceof Uint8Array);

/** Refuses what is no picture by its type. @throws `E_USAGE` */
function requirePicture(input: unknown, i: number): void {
  const isKnown =
    (typeof input === "string" && input !== "") ||
    input instanceof Uint8Array ||
    input instanceof Blob ||
    (input instanceof URL && input.protocol === "file:") ||
    isRaw(input);
  if (!isKnown)
    fail(
      "E_USAGE",
      `picture ${i} is ${input instanceof URL ? `at ${input.protocol}` : describe(input)}; expected a path, a file: URL, bytes, a Blob, or decoded pixels { data, width, height }`,
    );
}

const describe = (input: unknown): string =>
  typeof input === "object" && input !== null ? `an object of ${input.constructor?.name ?? "no class"}` : String(input);

const isRaw = (input: unknown): input is RawPicture => {
  const { data, width, height } = (input ?? {}) as Partial<RawPicture>;
  return (
    (data instanceof Uint8Array || data instanceof Uint8ClampedArray) &&
    typeof width === "number" &&
    typeof height === "number"
  );
};

/** How files of pictures begin: JPEG, PNG, GIF, WebP, TIFF, AVIF. */
const BEGINNINGS = [
  /^\xff\xd8\xff/,
  /^\x89PNG\r\n/,
  /^GIF8/,
  /^RIFF....WEBP/s,
  /^(II\*\0|MM\0\*)/,
  /^....ftypavi[fs]/s,
];

/** Whether bytes are those of a picture file, and not of decoded pixels. */
function isFile(bytes: Uint8Array): boolean {
  const beginning = Buffer.from(bytes.subarray(0, 12)).toString("latin1");
  return BEGINNINGS.some((pattern) => pattern.test(beginning));
}

/** Whether every fourth byte is 255, and others are not: pictures with an alpha channel, all of it opaque. */
function looksLikeAlpha(bytes: Uint8Array): boolean {
  for (let i = 3; i < bytes.length; i += 4) if (bytes[i] !== 255) return false;
  return bytes.some((byte) => byte !== 255);
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

/** A trained run that takes picture files and decoded pictures. */
export class NodeModel extends TrainedModel {
  /** Bytes `[n, h, w, c]` of pictures, as the model takes them. @throws `E_IMAGE` naming the first that does not decode */
  async read(files: readonly Picture[]): Promise<Uint8Array> {
    const { pixels, failures } = await this.readEach(files);
    if (failures[0]) throw failures[0];
    return pixels;
  }

  /** The pictures that decode, as the model takes them, and why the others do not. */
  async readEach(files: readonly Picture[]): Promise<ReadPictures> {
    const { height, width, channels } = this.spec;
    const size = height * width * channels;
    const pixels = new Uint8Array(files.length * size);
    const decoded: string[] = [];
    const failures: GenclassError[] = [];
    for (const [i, file] of files.entries()) requirePicture(file, i);
    for (const [i, file] of files.entries()) {
      const name = nameOf(file, i);
      try {
        const content = await contentOf(file);
        // In a list, bytes of one picture of the model's own size are decoded already.
        const isReady = content instanceof Uint8Array && content.length === size && !isFile(content);
        const bytes = isReady ? content : await decodePicture(content, { height, width, channels }, this.resize);
        pixels.set(bytes, decoded.length * size);
        decoded.push(name);
      } catch (cause) {
        failures.push(cause instanceof GenclassError ? cause : undecodable(name, cause));
      }
    }
    return { files: decoded, pixels: pixels.subarray(0, decoded.length * size), failures };
  }

  /** Decoded pictures of whatever a method is given, all of it checked before anything is computed. */
  private async decoded(input: Pictures): Promise<Uint8Array> {
    if (isOne(input)) return this.read([input]);
    if (!(input instanceof Uint8Array)) return this.read(input);
    if (isFile(input)) return this.read([input]);
    const { height, width, channels } = this.spec;
    if (input.length === 0 || input.length % (height * width * channels) !== 0)
      fail(
        "E_SHAPE",
        `${input.length} bytes are no picture file, and no whole number of decoded pictures [${height}, ${width}, ${channels}]; give others as { data, width, height }`,
      );
    if (input.length % (height * width * 4) === 0 && looksLikeAlpha(input))
      fail(
        "E_SHAPE",
        `every fourth of these bytes is 255, as if they had an alpha channel; the model takes pictures [${height}, ${width}, ${channels}]. Give each as { data, width, height }`,
      );
    return input;
  }

  /**
   * Label, probability and novelty of pictures. One that is given as a path, URL, blob or decoded pixels gives one answer; a list
   * gives a list; and so do bytes, which are those of a picture file, or of decoded pictures `[n, h, w, c]` as the model takes them.
   * @throws `E_IMAGE` naming a file that does not decode; `E_SHAPE` for bytes that are no whole number of pictures, or have an alpha
   *   channel; `E_USAGE` for what is no picture
   */
  override classify(picture: One): Promise<Prediction>;
  override classify(pictures: readonly Picture[] | Uint8Array): Promise<Prediction[]>;
  override async classify(input: Pictures): Promise<Prediction | Prediction[]> {
    const predictions = await super.classify(await this.decoded(input));
    return isOne(input) ? predictions[0]! : predictions;
  }

  /** Latent vectors `[n, latentSize]` of what `classify` takes. @throws as `classify` */
  override async encode(pictures: Pictures): Promise<NdArray> {
    return super.encode(await this.decoded(pictures));
  }

  /** Reconstructions `[n, h, w, c]` in 0..1 of what `classify` takes; `label` as of `TrainedModel`. @throws as `classify` */
  override async reconstruct(pictures: Pictures, label?: Int32Array): Promise<NdArray> {
    return super.reconstruct(await this.decoded(pictures), label);
  }

  /** Translations `[n, h, w, c]` in 0..1 of what `classify` takes; `label` as of `TrainedModel`. @throws as `classify` */
  override async translate(pictures: Pictures, label?: Int32Array): Promise<NdArray> {
    return super.translate(await this.decoded(pictures), label);
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
