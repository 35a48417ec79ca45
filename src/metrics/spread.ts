// How different samples are from each other, beside real vectors.
import { type Rows, rowCount, squaredDistance } from "./nearest.ts";

/** The mean Euclidean distance over all pairs of rows; 0 for fewer than two. */
export function meanPairDistance(rows: Rows): number {
  const n = rowCount(rows);
  let total = 0;
  for (let i = 1; i < n; i++) for (let j = 0; j < i; j++) total += Math.sqrt(squaredDistance(rows, i, rows, j));
  return n < 2 ? 0 : total / ((n * (n - 1)) / 2);
}

/**
 * The mean distance between generated rows over that between real ones: 1 for equal distributions, 0 for rows that are all the
 * same. Of the rows of one class it is the spread within it.
 * @returns undefined where the real rows are all the same
 */
export function spread(real: Rows, generated: Rows): number | undefined {
  const expected = meanPairDistance(real);
  return expected > 0 ? meanPairDistance(generated) / expected : undefined;
}
