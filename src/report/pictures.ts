// Pictures for people: grids of images as PNG.

import type { PictureShape } from "../data/picture.ts";
import { loadSharp } from "../data/readers/decode.ts";

/**
 * A sheet of pictures as PNG, in rows from the upper left, with grey lines between; small pictures are enlarged without
 * smoothing.
 * @param pixels bytes `[n, h, w, c]`
 * @param columns pictures in a row
 */
export async function gridPng(
  pixels: Uint8Array,
  { height, width, channels }: PictureShape,
  columns: number,
): Promise<Buffer> {
  const n = pixels.length / (height * width * channels);
  const rows = Math.ceil(n / columns);
  const [wide, tall] = [columns * (width + 1) + 1, rows * (height + 1) + 1];
  const sheet = new Uint8Array(wide * tall * channels).fill(128);
  for (let i = 0; i < n; i++) {
    const [x0, y0] = [1 + (i % columns) * (width + 1), 1 + Math.floor(i / columns) * (height + 1)];
    for (let y = 0; y < height; y++)
      sheet.set(
        pixels.subarray((i * height + y) * width * channels, (i * height + y + 1) * width * channels),
        ((y0 + y) * wide + x0) * channels,
      );
  }
  const zoom = Math.max(1, Math.round(56 / Math.max(height, width)));
  return (await picture(sheet, { height: tall, width: wide, channels }))
    .resize(wide * zoom, tall * zoom, { kernel: "nearest" })
    .png()
    .toBuffer();
}

/** A picture file inside a page. */
export interface PagePicture {
  readonly data: Buffer;
  readonly type: "image/png" | "image/webp";
}

/** Bytes of a PNG that a page takes as it is, and pixels across a larger one as it takes it: as many as it shows on a dense screen. */
const [LARGE, ACROSS] = [300_000, 1200];

/** A sheet as a page has it: as it is where it is small, else with losses, and no wider than it is shown. */
export async function forPage(png: Buffer): Promise<PagePicture> {
  if (png.length <= LARGE) return { data: png, type: "image/png" };
  const sharp = await loadSharp();
  const data = await sharp(png).resize({ width: ACROSS, withoutEnlargement: true }).webp({ quality: 80 }).toBuffer();
  return { data, type: "image/webp" };
}

/** One picture, bytes `[h, w, c]`, as PNG. */
export async function imagePng(pixels: Uint8Array, shape: PictureShape): Promise<Buffer> {
  return (await picture(pixels, shape)).png().toBuffer();
}

/** An animation that repeats, as WebP. @param frames PNG files of one size @param delays milliseconds of each */
export async function filmWebp(frames: Buffer[], delays: number[]): Promise<Buffer> {
  const sharp = await loadSharp();
  return sharp(frames, { join: { animated: true } })
    .webp({ loop: 0, delay: delays, quality: 60 })
    .toBuffer();
}

async function picture(pixels: Uint8Array, { height, width, channels }: PictureShape) {
  const sharp = await loadSharp();
  return sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 } });
}

/**
 * Rows of `n` pictures, each above the row of what belongs to them; places that are left over in the last row stay black.
 * @param above bytes `[n, h, w, c]`, as `below`
 * @param columns pictures in a row
 */
export function inRows(above: Uint8Array, below: Uint8Array, n: number, columns: number): Uint8Array {
  const size = above.length / n;
  const pairs = new Uint8Array(2 * Math.ceil(n / columns) * columns * size);
  for (let i = 0; i < n; i++) {
    const at = (Math.floor(i / columns) * 2 * columns + (i % columns)) * size;
    pairs.set(above.subarray(i * size, (i + 1) * size), at);
    pairs.set(below.subarray(i * size, (i + 1) * size), at + columns * size);
  }
  return pairs;
}
