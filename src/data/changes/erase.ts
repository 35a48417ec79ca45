// Changes that hide a part of a picture `[h, w, c]`: a rectangle of noise, or a square of one colour.
import type { Random } from "../../random/random.ts";
import type { PictureShape } from "../picture.ts";
import { symmetric } from "./draw.ts";

/** Random erasing: 2 to 33 % of the area, aspect 0.3 to 3.3, uniform noise inside (Zhong et al. 2017, section 3). */
export function eraseRectangle(
  picture: Uint8Array,
  { height: h, width: w, channels: c }: PictureShape,
  random: Random,
) {
  const area = (0.02 + 0.31 * random.uniform()) * h * w;
  const aspect = Math.exp(symmetric(random, Math.log(3.3)));
  const tall = Math.max(1, Math.min(h, Math.round(Math.sqrt(area * aspect))));
  const wide = Math.max(1, Math.min(w, Math.round(Math.sqrt(area / aspect))));
  const [y0, x0] = [random.integer(h - tall + 1), random.integer(w - wide + 1)];
  for (let y = y0; y < y0 + tall; y++)
    for (let i = (y * w + x0) * c; i < (y * w + x0 + wide) * c; i++) picture[i] = random.integer(256);
}

/**
 * Cutout (DeVries & Taylor 2017): a square about a random pixel, of which the edge may cut off a part, gets the picture's mean
 * colour.
 * @param share of the shorter side that the square's side is, 0..1
 */
export function cutOut(
  picture: Uint8Array,
  { height: h, width: w, channels: c }: PictureShape,
  share: number,
  random: Random,
): void {
  const side = Math.round(share * Math.min(h, w));
  const top = random.integer(h) - (side >> 1);
  const left = random.integer(w) - (side >> 1);
  const [y0, y1] = [Math.max(0, top), Math.min(h, top + side)];
  const [x0, x1] = [Math.max(0, left), Math.min(w, left + side)];
  for (let k = 0; k < c; k++) {
    let sum = 0;
    for (let i = k; i < picture.length; i += c) sum += picture[i]!;
    const mean = Math.round(sum / (h * w));
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) picture[(y * w + x) * c + k] = mean;
  }
}
