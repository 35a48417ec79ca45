// Changes that take something away from a picture `[h, w, c]`, for models that learn to give it back.
import { type PictureChange, type PictureShape, toByte } from "../picture.ts";

/** Levels of a byte that stand for "nothing is known here": neither the black of a drawing's ground nor the white of its strokes. */
const UNKNOWN = 128;

/** Weights of red, green and blue in the brightness of a pixel (ITU-R BT.601). */
const BRIGHTNESS = [0.299, 0.587, 0.114] as const;

/**
 * Normal noise on every value, drawn anew for each. (The change `noise` of augmentation reads a table, which a net that sees it
 * for hours could learn.) What leaves 0..255 is cut off, as in a picture file: of a black ground, half of the noise.
 * @param deviation of the noise, as a share of the range
 */
export function denoise(deviation: number): PictureChange {
  let noise = new Float32Array(0);
  return (picture, _shape, random) => {
    if (noise.length !== picture.length) noise = new Float32Array(picture.length);
    random.fillNormal(noise);
    for (let i = 0; i < picture.length; i++) picture[i] = toByte(picture[i]! + 255 * deviation * noise[i]!);
  };
}

/** A square at a random place becomes mid-grey. @param most its side, drawn from half of this to this share of the shorter side */
export function inpaint(most: number): PictureChange {
  return (picture, { height: h, width: w, channels: c }, random) => {
    const side = Math.max(1, Math.round(Math.min(h, w) * most * (0.5 + 0.5 * random.uniform())));
    const [top, left] = [random.integer(h - side + 1), random.integer(w - side + 1)];
    for (let y = top; y < top + side; y++) picture.fill(UNKNOWN, (y * w + left) * c, (y * w + left + side) * c);
  };
}

/** The gradient of the brightness by Sobel's filters: its length, of which a step from black to white makes white. Beyond the edge, the edge repeats. */
export function edges(picture: Uint8Array, { height: h, width: w, channels: c }: PictureShape): void {
  const grey = brightness(picture, c);
  const at = (y: number, x: number) => grey[Math.min(Math.max(y, 0), h - 1) * w + Math.min(Math.max(x, 0), w - 1)]!;
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const column = (k: number) => at(y - 1, x + k) + 2 * at(y, x + k) + at(y + 1, x + k);
      const row = (k: number) => at(y + k, x - 1) + 2 * at(y + k, x) + at(y + k, x + 1);
      const length = Math.hypot(column(1) - column(-1), row(1) - row(-1)) / 4;
      picture.fill(toByte(length), (y * w + x) * c, (y * w + x + 1) * c);
    }
}

/** The colour is taken away: each channel becomes the brightness. */
export function colour(picture: Uint8Array, { channels: c }: PictureShape): void {
  for (const [i, value] of brightness(picture, c).entries()) picture.fill(toByte(value), i * c, (i + 1) * c);
}

/**
 * Squares of pixels become their mean, at the lower right edges parts of squares.
 * @param side of a square, pixels
 */
export function superresolve(side: number): PictureChange {
  return (picture, { height: h, width: w, channels: c }) => {
    for (let top = 0; top < h; top += side)
      for (let left = 0; left < w; left += side)
        for (let k = 0; k < c; k++) {
          const places: number[] = [];
          for (let y = top; y < Math.min(h, top + side); y++)
            for (let x = left; x < Math.min(w, left + side); x++) places.push((y * w + x) * c + k);
          const mean = places.reduce((sum, i) => sum + picture[i]!, 0) / places.length;
          for (const i of places) picture[i] = toByte(mean);
        }
  };
}

/** The brightness of each pixel, `[h · w]` in 0..255. */
function brightness(picture: Uint8Array, channels: number): Float32Array {
  if (channels === 1) return Float32Array.from(picture);
  return Float32Array.from({ length: picture.length / channels }, (_, i) =>
    BRIGHTNESS.reduce((sum, weight, k) => sum + weight * picture[i * channels + k]!, 0),
  );
}
