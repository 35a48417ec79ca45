// How good probabilities are as probabilities. Arrays are those of `classificationMetrics`; each number is NaN without any label.

/** The squared error of the probabilities of each example, summed over classes, 0..2; 0 for one without a label. */
export const squaredErrors = (probabilities: ArrayLike<number>, labels: ArrayLike<number>, k: number): Float64Array =>
  Float64Array.from({ length: labels.length }, (_, i) => {
    let total = 0;
    if (labels[i]! >= 0)
      for (let c = 0; c < k; c++) total += (probabilities[i * k + c]! - Number(labels[i] === c)) ** 2;
    return total;
  });

/**
 * Brier's score (Brier 1950, "Verification of Forecasts Expressed in Terms of Probability"): the mean of `squaredErrors`, 0..2.
 */
export function brierScore(probabilities: ArrayLike<number>, labels: ArrayLike<number>, k: number): number {
  const total = squaredErrors(probabilities, labels, k).reduce((sum, error) => sum + error, 0);
  return total / Array.from(labels).filter((label) => label >= 0).length;
}

/** Ranges of each class: those of equal width of the usual calibration error are as many. */
const RANGES = 15;

/**
 * Adaptive calibration error (Nixon et al. 2019, "Measuring Calibration in Deep Learning", equation 3), 0..1: over all classes, not
 * the answer alone, and over ranges that hold equally many examples each; range r of n examples, sorted by their probability of
 * the class, ends before number ⌊(r + 1) n / 15⌋. Ranges without an example count nothing.
 */
export function adaptiveCalibrationError(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
): number {
  const labelled = Array.from(labels, (_, i) => i).filter((i) => labels[i]! >= 0);
  const n = labelled.length;
  let [total, ranges] = [0, 0];
  for (let c = 0; c < k; c++) {
    const order = labelled.toSorted((a, b) => probabilities[a * k + c]! - probabilities[b * k + c]! || a - b);
    for (let r = 0; r < RANGES; r++) {
      const [from, to] = [Math.floor((r * n) / RANGES), Math.floor(((r + 1) * n) / RANGES)];
      if (from === to) continue;
      let difference = 0;
      for (const i of order.slice(from, to)) difference += probabilities[i * k + c]! - Number(labels[i] === c);
      total += Math.abs(difference) / (to - from);
      ranges++;
    }
  }
  return ranges > 0 ? total / ranges : Number.NaN;
}
