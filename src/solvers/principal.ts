// Principal components of many rows without their covariance: pictures have thousands of pixels, of which few directions are asked.
import { orthonormal, symmetricEigen } from "../base/linear-algebra.ts";
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
 * with Randomness, algorithms 4.4 and 5.3). Of fewer than k rows or numbers, the directions left over are zero.
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
  let scattered = new Float64Array(0);
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) basis = orthonormal(scattered, d, width);
    scattered = new Float64Array(d * width);
    for (let i = 0; i < n; i += GROUP) {
      addProducts(rows, i, Math.min(GROUP, n - i), mean, basis, width, scattered);
      if (i % 100 === 0) yield (round + i / n) / ROUNDS;
    }
  }
  return { mean: Float32Array.from(mean), axes: ritzVectors(basis, scattered, d, width, k) };
}

/** Of the space of a basis B `[d, width]`, the `k` directions `[d, k]` of largest variance, from S B: eigenvectors of Bᵀ S B. */
function ritzVectors(basis: Float64Array, scattered: Float64Array, d: number, width: number, k: number): Float32Array {
  const small = new Float64Array(width ** 2);
  for (let j = 0; j < d; j++)
    for (let a = 0; a < width; a++)
      for (let b = 0; b < width; b++) small[a * width + b]! += basis[j * width + a]! * scattered[j * width + b]!;
  const { values, vectors } = symmetricEigen(small, width);
  const order = Int32Array.from(values.keys()).sort((a, b) => values[b]! - values[a]!);
  const axes = new Float32Array(d * k);
  const floor = 1e-12 * values.reduce((sum, value) => sum + Math.abs(value), 0);
  for (const [c, from] of order.subarray(0, k).entries()) {
    // A direction without variance is whatever rounding made of it.
    if (values[from]! <= floor) continue;
    for (let j = 0; j < d; j++) {
      let sum = 0;
      for (let a = 0; a < width; a++) sum += basis[j * width + a]! * vectors[a * width + from]!;
      axes[j * k + c] = sum;
    }
  }
  return axes;
}

/** Rows that are taken at once, and numbers of a row: a product of four is one pass over what it is added to. */
const GROUP = 4;

/** Adds Σ (x - m) (x - m)ᵀ B of `count` rows from `first` on, at most `GROUP`, to `sum` `[d, width]`, of which B has the shape. */
function addProducts(
  rows: Float32Array,
  first: number,
  count: number,
  mean: Float64Array,
  basis: Float64Array,
  width: number,
  sum: Float64Array,
): void {
  const d = mean.length;
  const away = new Float64Array(GROUP * d);
  for (let r = 0; r < count; r++) for (let j = 0; j < d; j++) away[r * d + j] = rows[(first + r) * d + j]! - mean[j]!;
  const product = new Float64Array(GROUP * width);
  for (let r = 0; r < count; r++) {
    const [own, out] = [r * d, r * width];
    let j = 0;
    for (; j + GROUP <= d; j += GROUP) {
      const p = away[own + j]!;
      const q = away[own + j + 1]!;
      const s = away[own + j + 2]!;
      const t = away[own + j + 3]!;
      for (let c = 0, at = j * width; c < width; c++, at++)
        product[out + c]! +=
          p * basis[at]! + q * basis[at + width]! + s * basis[at + 2 * width]! + t * basis[at + 3 * width]!;
    }
    for (; j < d; j++) for (let c = 0; c < width; c++) product[out + c]! += away[own + j]! * basis[j * width + c]!;
  }
  for (let j = 0; j < d; j++) {
    const p = away[j]!;
    const q = away[d + j]!;
    const s = away[2 * d + j]!;
    const t = away[3 * d + j]!;
    for (let c = 0, at = j * width; c < width; c++, at++)
      sum[at]! += p * product[c]! + q * product[width + c]! + s * product[2 * width + c]! + t * product[3 * width + c]!;
  }
}
