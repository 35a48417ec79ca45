// How far a number that was measured on some examples may be from the truth.

/** Ends of an interval. */
export type Interval = readonly [low: number, high: number];

/** The standard normal quantile of a two-sided 95 %. */
const Z = 1.959963984540054;

/**
 * The 95 % interval of a share of `count` out of `n`, by Wilson's score (Wilson 1927, "Probable Inference, the Law of Succession, and
 * Statistical Inference"): it stays inside 0..1, and is no point where nothing or everything was counted.
 */
export function wilsonInterval(count: number, n: number): Interval {
  const share = count / n;
  const scale = 1 + Z ** 2 / n;
  const centre = (share + Z ** 2 / (2 * n)) / scale;
  const reach = (Z * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2))) / scale;
  return [Math.max(0, centre - reach), Math.min(1, centre + reach)];
}
