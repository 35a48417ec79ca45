// Quantiles by two rules: within the values at hand, and of the distribution that they were drawn from.

/** The value between two of some values whose places are `place` (0..n - 1), in proportion. */
function between(sorted: ArrayLike<number>, place: number): number {
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

/**
 * The value below which a share `q` (0..1) of the values lies: 0 gives the least and 1 the largest. The rule of numpy and R
 * unless another is asked for (Hyndman and Fan 1996, definition 7).
 */
export function quantile(values: Float64Array, q: number): number {
  const sorted = values.toSorted();
  return between(sorted, q * (sorted.length - 1));
}

/**
 * The value below which a new one lies with probability `p`, from n known values, sorted: the k-th of them is at k / (n + 1),
 * Weibull's plotting positions (Hyndman and Fan 1996, definition 6). Beyond the outermost ones it is theirs.
 */
export function weibullQuantile(sorted: ArrayLike<number>, p: number): number {
  return between(sorted, Math.min(sorted.length - 1, Math.max(0, p * (sorted.length + 1) - 1)));
}
