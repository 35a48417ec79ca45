// What the bytes of one picture are: its shape, how a number becomes a byte, and what a change of a picture is.
import type { Random } from "../random/random.ts";

/** Size of a picture in pixels, and its channels: 1 for greyscale, 3 for colour. */
export interface PictureShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** A decoded picture of any size: rows of pixels from the top left, each with its channels, bytes. `ImageData` is one. */
export interface RawPicture {
  /** Bytes `[height, width, channels]`. */
  readonly data: Uint8Array | Uint8ClampedArray;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 sRGB, 4 sRGB and alpha; by default as many as the bytes make. */
  readonly channels?: number;
}

/** The ways in which a picture of another shape becomes the size asked for, and what each does. */
export const RESIZES = {
  fit: "stretched to the size",
  fill: "enlarged until it fills the size, its longer sides cut",
  pad: "shrunk until it is inside, the rest black",
} as const;
/** A key of `RESIZES`. */
export type Resize = keyof typeof RESIZES;

/** Whether a word, of a file say, is a key of `RESIZES`. */
export const isResize = (word: string | undefined): word is Resize =>
  word !== undefined && Object.hasOwn(RESIZES, word);

/** The number that an array of bytes keeps as the whole number in 0..255 nearest to `value`. */
export const toByte = (value: number): number => Math.min(255, Math.max(0, value + 0.5));

/** Values 0..1 as bytes 0..255, rounded; values outside are cut off. */
export const toBytes = (values: ArrayLike<number>): Uint8Array =>
  Uint8Array.from(values, (value) => toByte(255 * value));

/** Changes the bytes `[h, w, c]` of one picture in place. */
export type PictureChange = (picture: Uint8Array, shape: PictureShape, random: Random) => void;
