// One picture file as bytes: upright, sRGB, without alpha, at a size.
import { access, constants, stat } from "node:fs/promises";
import { extname } from "node:path";
import type sharpFactory from "sharp";
import { fail } from "../../base/errors.ts";
import type { PictureShape, RawPicture, Resize } from "../picture.ts";

/** Endings of the files that are read as pictures, in lower case. */
export const PICTURE_TYPES = [".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif"];

/** Whether a file is a picture by its ending, in any case of letters. */
export const isPicture = (file: string): boolean => PICTURE_TYPES.includes(extname(file).toLowerCase());

const SHARP_FIT = { fit: "fill", fill: "cover", pad: "contain" } as const;
/** Larger pictures are refused before they are decoded. */
const PIXEL_LIMIT = 100_000_000;

let sharp: Promise<typeof sharpFactory> | undefined;

/** The picture library sharp. It is loaded when it is first needed, since that takes a while. */
export function loadSharp(): Promise<typeof sharpFactory> {
  sharp ??= import("sharp").then((module) => module.default);
  return sharp;
}

/** Refuses a path that cannot be read as a file, or has nothing in it; a named pipe would be waited for without end. @throws `E_IMAGE` */
async function requireReadable(path: string): Promise<void> {
  const found = await stat(path).catch(() => fail("E_IMAGE", `${path} does not exist`));
  if (!found.isFile())
    fail("E_IMAGE", `${path} is ${found.isDirectory() ? "a folder" : "a pipe or a device"}; expected a picture file`);
  if (found.size === 0) fail("E_IMAGE", `${path} is empty (0 bytes); expected a picture file: fetch or copy it again`);
  await access(path, constants.R_OK).catch(() => fail("E_IMAGE", `${path} may not be read: permission is denied`));
}

/** A picture before it is decoded: a path, or the bytes of a file; or one that is decoded, of any size. */
export type PictureInput = string | Uint8Array | RawPicture;

async function openPicture(input: PictureInput) {
  if (typeof input === "string") await requireReadable(input);
  const sharp = await loadSharp();
  const options = { limitInputPixels: PIXEL_LIMIT, failOn: "error" } as const;
  if (typeof input === "string" || input instanceof Uint8Array) return sharp(input, options);
  const { data, width, height } = input;
  return sharp(data, { ...options, raw: { width, height, channels: channelsOf(input) } });
}

/** Channels of a decoded picture. @throws `E_SHAPE` where its bytes are no whole number of them */
function channelsOf({ data, width, height, channels }: RawPicture): 1 | 2 | 3 | 4 {
  const found = data.length / (width * height);
  const isWhole = [width, height].every((size) => Number.isInteger(size) && size > 0);
  if (!isWhole || ![1, 2, 3, 4].includes(found) || (channels !== undefined && channels !== found))
    fail(
      "E_SHAPE",
      `a decoded picture ${height} high and ${width} wide${channels === undefined ? "" : ` of ${channels} channels`} has ${data.length} bytes; expected height x width x channels, with 1 (grey), 2 (and alpha), 3 (sRGB) or 4 (and alpha) channels`,
    );
  return found as 1 | 2 | 3 | 4;
}

/** What the header of a picture file says. */
export interface PictureInfo {
  /** Pixels, when it stands upright. */
  readonly height: number;
  /** Pixels, when it stands upright. */
  readonly width: number;
  /** Whether it is greyscale. */
  readonly grey: boolean;
  /** Format and colour space, such as `jpeg srgb`, and what else is notable: alpha, animation, rotation by EXIF. */
  readonly kind: string;
}

/**
 * Reads the header of a picture.
 * @param input a path, or the bytes of the file
 * @throws an error of the picture library when it is no picture; `E_IMAGE` for a path that is no file or may not be read
 */
export async function pictureInfo(input: string | Uint8Array): Promise<PictureInfo> {
  const { height, width, space, orientation, format, pages, hasAlpha } = await (await openPicture(input)).metadata();
  const turned = orientation !== undefined && orientation >= 5;
  return {
    height: turned ? width : height,
    width: turned ? height : width,
    grey: space === "b-w" || space === "grey16",
    kind: `${format} ${space}${hasAlpha ? " with alpha" : ""}${(pages ?? 1) > 1 ? ", animated" : ""}${orientation && orientation > 1 ? ", turned by EXIF" : ""}`,
  };
}

/**
 * Decodes a picture: the first frame of an animation, turned as its EXIF rotation says, transparent parts over white.
 * @param shape what it becomes: pixels, and 1 channel for greyscale or 3 for sRGB
 * @returns bytes `[height, width, channels]`
 * @throws an error of the picture library when it does not decode, or has more than 100 million pixels; `E_IMAGE` for a
 * path that is no file or may not be read; `E_SHAPE` for a decoded picture whose bytes are too few or too many
 */
export async function decodePicture(
  input: PictureInput,
  { height, width, channels }: PictureShape,
  resize: Resize = "fit",
): Promise<Uint8Array> {
  const upright = (await openPicture(input)).autoOrient().flatten({ background: "white" });
  const coloured = channels === 1 ? upright.toColourspace("b-w") : upright;
  const { data, info } = await coloured
    .resize(width, height, { fit: SHARP_FIT[resize], background: "black" })
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels === channels) return data;
  const out = new Uint8Array(height * width * channels);
  for (let i = 0; i < height * width; i++)
    for (let k = 0; k < channels; k++)
      out[i * channels + k] = data[i * info.channels + Math.min(k, info.channels - 1)]!;
  return out;
}
