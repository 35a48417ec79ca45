// How far one picture is from another, in the decibels of signal engineering.

/** Squared error a pixel (of 0..1) of a picture that is exact but for being kept as bytes: rounding is uniform. */
const ROUNDING = 1 / (12 * 255 ** 2);

/**
 * Peak signal-to-noise ratio in dB of pictures 0..1: 10 log₁₀(1 / error). Less than the rounding of bytes counts as that, so that
 * equal pictures have 58.9 dB and no infinite value.
 * @param error mean squared error over the values of a picture
 */
export const psnr = (error: number): number => -10 * Math.log10(Math.max(error, ROUNDING));

/** Mean squared difference of two pictures, `[h, w, c]` each. */
export function meanSquaredError(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += (x[i]! - y[i]!) ** 2;
  return total / x.length;
}
