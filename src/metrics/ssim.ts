// The structural similarity of two pictures (Wang, Bovik, Sheikh & Simoncelli 2004, Image Quality Assessment, section III-B).

/** Pixels a side of the window, and the standard deviation of its weights. */
const [SIDE, DEVIATION] = [11, 1.5];

/** The constants (0.01)² and (0.03)² of pictures 0..1, which keep the ratios of flat places from being arbitrary. */
export const SSIM_CONSTANTS = [1e-4, 9e-4] as const;

/**
 * Weights of the Gaussian window along one side, with a sum of 1: 11 pixels, or as many as smaller pictures have (an odd
 * number).
 */
export function ssimWindow(height: number, width: number): Float64Array {
  const side = Math.min(height, width, SIDE);
  const radius = (side - 1) >> 1;
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / DEVIATION) ** 2),
  );
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

/**
 * The mean structural similarity of two pictures, -1..1, and 1 for equal ones: over all places at which the window lies inside,
 * and over channels. scikit-image gives the same with `gaussian_weights`, `sigma=1.5` and `use_sample_covariance=False`.
 * @param x,y `[h, w, c]` in 0..1
 */
export function ssim(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  { height, width, channels }: { readonly height: number; readonly width: number; readonly channels: number },
): number {
  const window = ssimWindow(height, width);
  const [tall, wide] = [height - window.length + 1, width - window.length + 1];
  const [c1, c2] = SSIM_CONSTANTS;
  let total = 0;
  for (let top = 0; top < tall; top++)
    for (let left = 0; left < wide; left++)
      for (let k = 0; k < channels; k++) {
        let [mx, my, xx, yy, xy] = [0, 0, 0, 0, 0];
        for (let i = 0; i < window.length; i++)
          for (let j = 0; j < window.length; j++) {
            const weight = window[i]! * window[j]!;
            const at = ((top + i) * width + left + j) * channels + k;
            const [a, b] = [x[at]!, y[at]!];
            mx += weight * a;
            my += weight * b;
            xx += weight * a * a;
            yy += weight * b * b;
            xy += weight * a * b;
          }
        const [vx, vy, vxy] = [xx - mx * mx, yy - my * my, xy - mx * my];
        total += ((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2));
      }
  return total / (tall * wide * channels);
}
