// How different samples are from each other, beside real vectors.
import { packed, type Rows, rowCount, squaredDistances } from "./nearest.ts";

/** The mean Euclidean distance over all pairs of rows; 0 for fewer than two. */
export function meanPairDistance(rows: Rows): number {
  const n = rowCount(rows);
  const [dense, squares] = [packed(rows), new Float64Array(n)];
  let total = 0;
  for (let i = 1; i < n; i++) {
    squaredDistances(dense, i, dense, i, squares);
    for (let j = 0; j < i; j++) total += Math.sqrt(squares[j]!);
  }
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
