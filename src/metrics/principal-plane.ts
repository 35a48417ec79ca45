// The plane in which vectors vary most: their two principal axes (Pearson 1901), for maps.
import { moments, principalAxes } from "../base/linear-algebra.ts";

/** Vectors seen along two axes. */
export interface PrincipalPlane {
  /** `[n]`, along the first and the second axis, around 0. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Shares of the variance along them, 0..1, the larger first; the second is 0 for vectors of one number. */
  readonly variance: readonly [number, number];
}

/** Directions among which the two of largest variance are looked for. */
const SUBSPACE = 12;

/**
 * Projects vectors on their first two principal axes. These are found in the space of a dozen leading directions (Rayleigh-Ritz), so
 * that neighbouring variances do not blur them; the sign of an axis is such that its largest number is positive.
 * @param vectors `[n, d]`, at least one
 */
export function principalPlane(vectors: Float32Array, n: number): PrincipalPlane {
  const d = vectors.length / n;
  const { mean, covariance } = moments(
    vectors,
    d,
    Array.from({ length: n }, (_, i) => i),
  );
  const m = Math.min(SUBSPACE, d);
  const basis = principalAxes(covariance, d, m);
  // The covariance within the subspace, `[m, m]`.
  const small = new Float64Array(m * m);
  for (let i = 0; i < d; i++)
    for (let b = 0; b < m; b++) {
      let row = 0;
      for (let j = 0; j < d; j++) row += covariance[i * d + j]! * basis[j * m + b]!;
      for (let a = 0; a < m; a++) small[a * m + b]! += basis[i * m + a]! * row;
    }
  const found = symmetricEigen(small, m);
  const total = covariance.reduce((sum, value, at) => sum + (at % (d + 1) === 0 ? value : 0), 0);
  const along = (order: number): Float64Array => {
    const vector = found[order]?.vector;
    if (!vector) return new Float64Array(n);
    const axis = Float64Array.from({ length: d }, (_, i) =>
      vector.reduce((sum, value, a) => sum + value * basis[i * m + a]!, 0),
    );
    const largest = axis.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
    const sign = largest < 0 ? -1 : 1;
    return Float64Array.from({ length: n }, (_, r) =>
      axis.reduce((sum, value, j) => sum + sign * value * (vectors[r * d + j]! - mean[j]!), 0),
    );
  };
  const share = (order: number) => (total > 0 ? (found[order]?.value ?? 0) / total : 0);
  return { x: along(0), y: along(1), variance: [share(0), share(1)] };
}

/** Sweeps of Jacobi's method; ten are enough for rounding to be what is left of a matrix of a dozen rows. */
const SWEEPS = 12;

/** Eigenvalues and eigenvectors of a symmetric matrix, the largest first, by Jacobi's rotations (Golub & Van Loan, section 8.5). */
function symmetricEigen(matrix: Float64Array, m: number): { value: number; vector: Float64Array }[] {
  const a = Float64Array.from(matrix);
  const v = Float64Array.from({ length: m * m }, (_, i) => Number(i % (m + 1) === 0));
  const turn = (values: Float64Array, i: number, j: number, c: number, s: number) => {
    const [x, y] = [values[i]!, values[j]!];
    values[i] = c * x - s * y;
    values[j] = s * x + c * y;
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    for (let p = 0; p < m; p++)
      for (let q = p + 1; q < m; q++) {
        const off = a[p * m + q]!;
        if (off === 0) continue;
        const theta = (a[q * m + q]! - a[p * m + p]!) / (2 * off);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta ** 2 + 1));
        const c = 1 / Math.sqrt(t ** 2 + 1);
        for (let r = 0; r < m; r++) turn(a, r * m + p, r * m + q, c, t * c);
        for (let r = 0; r < m; r++) turn(a, p * m + r, q * m + r, c, t * c);
        for (let r = 0; r < m; r++) turn(v, r * m + p, r * m + q, c, t * c);
      }
  return Array.from({ length: m }, (_, k) => ({
    value: a[k * (m + 1)]!,
    vector: Float64Array.from({ length: m }, (_, r) => v[r * m + k]!),
  })).sort((x, y) => y.value - x.value);
}
