// Pictures of a browser as bytes: files, blobs, canvases and whatever else it can draw.
import { fail } from "../base/errors.ts";
import { greyLevel } from "../base/grey.ts";

/** What a model takes. */
export interface PictureShape {
  /** In pixels. */
  readonly height: number;
  /** In pixels. */
  readonly width: number;
  /** 1 for grey, 3 for colours. */
  readonly channels: number;
}

/**
 * Bytes `[n, h, w, c]` of pictures, stretched to the size, upright, on white where they are transparent.
 * @param sources files, blobs, `ImageData`, bitmaps, canvases, images or videos
 * @throws `E_IMAGE` naming the first that does not decode
 */
export async function picturePixels(
  sources: readonly ImageBitmapSource[],
  { height, width, channels }: PictureShape,
): Promise<Uint8Array> {
  const size = height * width * channels;
  const pixels = new Uint8Array(sources.length * size);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.imageSmoothingQuality = "high";
  for (const [i, source] of sources.entries()) {
    const bitmap = await decode(source, i);
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    const { data } = context.getImageData(0, 0, width, height);
    for (let p = 0; p < height * width; p++) {
      const [red, green, blue] = [data[4 * p]!, data[4 * p + 1]!, data[4 * p + 2]!];
      const at = i * size + p * channels;
      if (channels === 3) pixels.set([red, green, blue], at);
      else pixels[at] = greyLevel(red, green, blue);
    }
  }
  return pixels;
}

async function decode(source: ImageBitmapSource, i: number): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(source);
  } catch (cause) {
    const name = source instanceof File ? source.name : `picture ${i}`;
    fail("E_IMAGE", `${name} does not decode as a picture (${(cause as Error).message})`, cause);
  }
}
