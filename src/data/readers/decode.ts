// One picture file as bytes: upright, sRGB, without alpha, at a size.
import { extname } from "node:path";
import type sharpFactory from "sharp";
import type { PictureShape } from "../transform.ts";

export const PICTURE_TYPES = [".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif"];

export const isPicture = (file: string): boolean => PICTURE_TYPES.includes(extname(file).toLowerCase());

/** How a picture of another shape becomes the size asked for. */
export const RESIZES = {
  fit: "stretched to the size",
  fill: "enlarged until it fills the size, its longer sides cut",
  pad: "shrunk until it is inside, the rest black",
} as const;
export type Resize = keyof typeof RESIZES;

const SHARP_FIT = { fit: "fill", fill: "cover", pad: "contain" } as const;
/** Larger pictures are refused before they are decoded. */
const PIXEL_LIMIT = 100_000_000;

let sharp: Promise<typeof sharpFactory> | undefined;

/** The picture library, loaded when the first picture is touched. */
export function loadSharp(): Promise<typeof sharpFactory> {
  sharp ??= import("sharp").then((module) => module.default);
  return sharp;
}

async function openPicture(input: string | Uint8Array) {
  return (await loadSharp())(input, { limitInputPixels: PIXEL_LIMIT, failOn: "error" });
}

export interface PictureInfo {
  readonly height: number;
  readonly width: number;
  readonly grey: boolean;
  /** Format and colour space, as `jpeg srgb`. */
  readonly kind: string;
}

/** Size (upright) and kind of a picture, from its header. @throws when it is none */
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

/** A picture as bytes `[h, w, c]`. The first frame of an animation; transparency over white. @throws when it does not decode */
export async function decodePicture(
  input: string | Uint8Array,
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
