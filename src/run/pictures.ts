// Pictures in whatever form people have them, as a model takes them: bytes of its own size.
import { fileURLToPath } from "node:url";
import { fail, GenclassError } from "../base/errors.ts";
import type { PictureShape, RawPicture, Resize } from "../data/picture.ts";
import { decodePicture, type PictureInput } from "../data/readers/decode.ts";

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
export type OnePicture = Exclude<Picture, Uint8Array>;
/** What a method that takes pictures takes. */
export type Pictures = Picture | readonly Picture[];

/** Whether a method is given one picture, not several. */
export const isOne = (input: Pictures): input is OnePicture => !(Array.isArray(input) || input instanceof Uint8Array);

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

/** What reads pictures: how large they become, and how. */
export interface PictureReader {
  readonly spec: PictureShape;
  readonly resize: Resize;
}

/** The pictures that decode, as a model takes them, and why the others do not. @throws `E_USAGE` for what is no picture */
export async function readEach(
  files: readonly Picture[],
  { spec: { height, width, channels }, resize }: PictureReader,
): Promise<ReadPictures> {
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
      const bytes = isReady ? content : await decodePicture(content, { height, width, channels }, resize);
      pixels.set(bytes, decoded.length * size);
      decoded.push(name);
    } catch (cause) {
      failures.push(cause instanceof GenclassError ? cause : undecodable(name, cause));
    }
  }
  return { files: decoded, pixels: pixels.subarray(0, decoded.length * size), failures };
}

/** Bytes `[n, h, w, c]` of pictures. @throws `E_IMAGE` naming the first that does not decode; `E_USAGE` */
export async function readAll(files: readonly Picture[], reader: PictureReader): Promise<Uint8Array> {
  const { pixels, failures } = await readEach(files, reader);
  if (failures[0]) throw failures[0];
  return pixels;
}

/**
 * Bytes `[n, h, w, c]` of whatever a method is given, all of it checked before anything is computed.
 * @throws as `NodeModel.classify`
 */
export async function pixelsOf(input: Pictures, reader: PictureReader): Promise<Uint8Array> {
  if (isOne(input)) return readAll([input], reader);
  if (!(input instanceof Uint8Array)) return readAll(input, reader);
  if (isFile(input)) return readAll([input], reader);
  const { height, width, channels } = reader.spec;
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
