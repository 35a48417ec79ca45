// Principal components of many rows without their covariance: pictures have thousands of pixels, of which few directions are asked.
import { orthonormal } from "../base/linear-algebra.ts";
import { Random } from "../random/random.ts";

/** Directions beside those that are asked for, which let the last of these come near, and rounds. */
const [SPARE, ROUNDS] = [8, 4];

/** The mean row and the directions of largest variance. */
export interface Principal {
  /** `[d]` */
  readonly mean: Float32Array;
  /** Orthonormal columns `[d, k]`. */
  readonly axes: Float32Array;
}

/**
 * The `k` principal components of rows `[n, d]`, by randomised subspace iteration (Halko, Martinsson & Tropp 2011, Finding Structure
 * with Randomness, algorithm 4.4). Of fewer than k rows or numbers, the directions left over are zero.
 */
export function* principalComponents(
  rows: Float32Array,
  d: number,
  k: number,
  seed: number,
): Generator<number, Principal> {
  const n = rows.length / d;
  const mean = new Float64Array(d);
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) mean[j]! += rows[i * d + j]! / n;
  const width = Math.min(k + SPARE, d);
  const random = new Random(seed, "principal");
  let basis: Float64Array = orthonormal(
    Float64Array.from({ length: d * width }, () => random.uniform() - 0.5),
    d,
    width,
  );
  const product = new Float64Array(width);
  for (let round = 0; round < ROUNDS; round++) {
    // Σ (x - m) (x - m)ᵀ B, a row at a time.
    const next = new Float64Array(d * width);
    for (let i = 0; i < n; i++) {
      product.fill(0);
      for (let j = 0; j < d; j++) {
        const value = rows[i * d + j]! - mean[j]!;
        if (value !== 0) for (let c = 0, at = j * width; c < width; c++) product[c]! += value * basis[at + c]!;
      }
      for (let j = 0; j < d; j++) {
        const value = rows[i * d + j]! - mean[j]!;
        if (value !== 0) for (let c = 0, at = j * width; c < width; c++) next[at + c]! += value * product[c]!;
      }
      if (i % 100 === 0) yield (round + i / n) / ROUNDS;
    }
    // The largest first, so that the columns that are cut off are those of least variance.
    basis = orthonormal(ordered(next, d, width), d, width);
  }
  const axes = new Float32Array(d * k);
  for (let j = 0; j < d; j++) for (let c = 0; c < Math.min(k, width); c++) axes[j * k + c] = basis[j * width + c]!;
  return { mean: Float32Array.from(mean), axes };
}

/** Columns `[d, k]` by their length, the longest first. */
function ordered(columns: Float64Array, d: number, k: number): Float64Array {
  const squared = new Float64Array(k);
  for (let j = 0; j < d; j++) for (let c = 0; c < k; c++) squared[c]! += columns[j * k + c]! ** 2;
  const order = Int32Array.from({ length: k }, (_, c) => c).sort((a, b) => squared[b]! - squared[a]!);
  return Float64Array.from(columns, (_, at) => columns[at - (at % k) + order[at % k]!]!);
}
