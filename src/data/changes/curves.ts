// Changes of tone: a curve gives each of the 256 levels its new one. The named curves are those of Pillow's ImageOps.

/** The new level of each level, 256 bytes. */
export type Curve = Uint8Array;

/** The curve whose levels are the values of a function of 0..255, kept as bytes: fractions are dropped. */
export function curve(level: (value: number) => number): Curve {
  const levels = new Uint8Array(256);
  for (let value = 0; value < 256; value++) levels[value] = level(value);
  return levels;
}

/** Replaces each value of a picture by that of the curve, or of one channel alone where there are several curves. */
export function applyCurve(picture: Uint8Array, levels: Curve, first = 0, step = 1): void {
  for (let i = first; i < picture.length; i += step) picture[i] = levels[picture[i]!]!;
}

/** Gives each channel of a picture the curve that belongs to its histogram. */
export function applyByHistogram(
  picture: Uint8Array,
  channels: number,
  curveOf: (histogram: Int32Array) => Curve | undefined,
): void {
  for (let channel = 0; channel < channels; channel++) {
    const histogram = new Int32Array(256);
    for (let i = channel; i < picture.length; i += channels) histogram[picture[i]!]!++;
    const levels = curveOf(histogram);
    if (levels) applyCurve(picture, levels, channel, channels);
  }
}

/** ln(v / 255) of each level v. */
const LOGARITHMS = Float64Array.from({ length: 256 }, (_, value) => Math.log(value / 255));

/** Levels to a power: 255 (v / 255)^exponent, rounded. */
export const gamma = (exponent: number): Curve => curve((value) => 255 * Math.exp(exponent * LOGARITHMS[value]!) + 0.5);

/** Keeps the highest `bits` bits of each level. */
export const posterize = (bits: number): Curve => curve((value) => value & ~((1 << (8 - bits)) - 1));

/** Inverts levels from `threshold` on. */
export const solarize = (threshold: number): Curve => curve((value) => (value < threshold ? value : 255 - value));

/** Spreads the levels of a channel over 0..255; undefined where it has only one. */
export function autocontrast(histogram: Int32Array): Curve | undefined {
  const least = histogram.findIndex((count) => count > 0);
  const most = histogram.findLastIndex((count) => count > 0);
  if (most <= least) return undefined;
  const scale = 255 / (most - least);
  return curve((value) => Math.min(255, Math.max(0, value * scale - least * scale)));
}

/** Gives all levels of a channel about as many pixels; undefined where it has too few pixels or only one level. */
export function equalize(histogram: Int32Array): Curve | undefined {
  const most = histogram.findLastIndex((count) => count > 0);
  const step = Math.floor(histogram.subarray(0, most).reduce((sum, count) => sum + count, 0) / 255);
  if (step === 0) return undefined;
  let below = Math.floor(step / 2);
  return curve((value) => {
    const level = Math.floor(below / step);
    below += histogram[value]!;
    return Math.min(255, level);
  });
}
