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

/** The 95 % interval of a mean by the normal distribution of means; undefined of fewer than two values, which do not tell how they vary. */
export function meanInterval(values: ArrayLike<number>): Interval | undefined {
  const n = values.length;
  if (n < 2) return undefined;
  let [mean, squares] = [0, 0];
  for (let i = 0; i < n; i++) mean += values[i]! / n;
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
  return normalInterval(mean, Math.sqrt(squares / (n - 1) / n));
}

/** The 95 % interval of a value with a standard error, by the normal distribution. */
export const normalInterval = (value: number, standardError: number): Interval => [
  value - Z * standardError,
  value + Z * standardError,
];

/** Halvings of an interval of 0..1: to the last bit of a float64. */
const HALVINGS = 60;

/**
 * The 95 % interval of an area under a ROC curve that was found to be `area` on `known` and `novel` examples: those areas whose own
 * standard error reaches it, by the formula of Hanley and McNeil for scores of two exponential distributions ("The Meaning and Use of the
 * Area under a Receiver Operating Characteristic Curve", 1982), with one number of examples in place of both in its second part
 * (Newcombe 2006, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2", method 5). As
 * Wilson's, it stays inside 0..1, and is no point where the area is 0 or 1.
 */
export function areaInterval(area: number, known: number, novel: number): Interval {
  const each = (known + novel) / 2 - 1;
  const reach = (of: number) =>
    Z * Math.sqrt((of * (1 - of) * (1 + each * ((1 - of) / (2 - of) + of / (1 + of)))) / (known * novel));
  const end = (side: -1 | 1): number => {
    let [near, far] = [area, side < 0 ? 0 : 1];
    for (let i = 0; i < HALVINGS; i++) {
      const middle = (near + far) / 2;
      if (Math.abs(area - middle) < reach(middle)) near = middle;
      else far = middle;
    }
    return near;
  };
  return [end(-1), end(1)];
}
