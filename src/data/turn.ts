// Pictures turned by a given angle, with smooth edges: for data that are made, and for pictures whose angle is to be found again.
import type { PictureShape } from "./picture.ts";

/** Places across a pixel, and down, at which the turned picture is read; their mean is the pixel. */
const SAMPLES = 3;

/**
 * A picture turned about its centre: the mean over `SAMPLES`² places of each pixel of the bilinear values there. What lies
 * beyond the picture counts as 0, and so does all outside of its inscribed circle, as the corners would tell the angle.
 * @param picture bytes `[h, w, c]`
 * @param angle radians, counterclockwise as seen
 * @returns bytes `[h, w, c]`
 */
export function turnPicture(picture: Uint8Array, { height, width, channels }: PictureShape, angle: number): Uint8Array {
  const out = new Uint8Array(picture.length);
  const [cx, cy, radius] = [(width - 1) / 2, (height - 1) / 2, Math.min(height, width) / 2];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      if (Math.hypot(column - cx, row - cy) > radius) continue;
      for (let k = 0; k < channels; k++) {
        const value = (x: number, y: number) =>
          x >= 0 && x < width && y >= 0 && y < height ? picture[(y * width + x) * channels + k]! : 0;
        let total = 0;
        for (let sample = 0; sample < SAMPLES * SAMPLES; sample++) {
          const x = column - cx + ((sample % SAMPLES) + 0.5) / SAMPLES - 0.5;
          const y = row - cy + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES - 0.5;
          total += bilinear(value, cx + cos * x - sin * y, cy + sin * x + cos * y);
        }
        out[(row * width + column) * channels + k] = Math.round(total / SAMPLES ** 2);
      }
    }
  return out;
}

/** The value between the four pixels around a place. */
function bilinear(value: (x: number, y: number) => number, x: number, y: number): number {
  const [left, above] = [Math.floor(x), Math.floor(y)];
  const [fx, fy] = [x - left, y - above];
  const upper = (1 - fx) * value(left, above) + fx * value(left + 1, above);
  return (1 - fy) * upper + fy * ((1 - fx) * value(left, above + 1) + fx * value(left + 1, above + 1));
}
