// Quantiles of a few values, as numpy's and R's default has them.

/** The value below which a share `q` (0..1) of the values lies, between two of them in proportion. */
export function quantile(values: Float64Array, q: number): number {
  const sorted = values.toSorted();
  const place = q * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}
