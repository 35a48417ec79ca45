// The plane in which vectors vary most: their two principal axes (Pearson 1901), for maps of some hundred of them.
import { principalAxes } from "../base/linear-algebra.ts";

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
 * Projects vectors on their first two principal axes. They are found from the products of the `n` vectors, `[n, n]`, so that
 * vectors of any length will do, and in the space of a dozen leading directions (Rayleigh-Ritz), so that neighbouring variances
 * do not blur them. The sign of an axis is such that the farthest vector is on its positive side.
 * @param vectors `[n, d]`, at least one
 */
export function principalPlane(vectors: Float32Array, n: number): PrincipalPlane {
  const products = centredProducts(vectors, n);
  const m = Math.min(SUBSPACE, n);
  const basis = principalAxes(products, n, m);
  // The products within the subspace, `[m, m]`.
  const small = new Float64Array(m * m);
  for (let i = 0; i < n; i++)
    for (let b = 0; b < m; b++) {
      let row = 0;
      for (let j = 0; j < n; j++) row += products[i * n + j]! * basis[j * m + b]!;
      for (let a = 0; a < m; a++) small[a * m + b]! += basis[i * m + a]! * row;
    }
  const found = symmetricEigen(small, m);
  const varianceOf = (order: number) => Math.max(0, found[order]?.value ?? 0);
  let total = 0;
  for (let i = 0; i < n; i++) total += products[i * (n + 1)]!;
  const along = (order: number): Float64Array => {
    const { vector } = found[order] ?? { vector: new Float64Array(m) };
    const scale = Math.sqrt(varianceOf(order));
    const places = Float64Array.from({ length: n }, (_, i) =>
      vector.reduce((sum, value, a) => sum + scale * value * basis[i * m + a]!, 0),
    );
    const farthest = places.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
    return farthest < 0 ? places.map((place) => -place) : places;
  };
  // Rounding may leave more along an axis than in all.
  const share = (order: number) => (total > 0 ? Math.min(1, varianceOf(order) / total) : 0);
  return { x: along(0), y: along(1), variance: [share(0), share(1)] };
}

/** Products of vectors less their mean, `[n, n]`. */
function centredProducts(vectors: Float32Array, n: number): Float64Array {
  const d = vectors.length / n;
  const centred = Float64Array.from(vectors);
  for (let j = 0; j < d; j++) {
    let mean = 0;
    for (let i = 0; i < n; i++) mean += vectors[i * d + j]! / n;
    for (let i = 0; i < n; i++) centred[i * d + j]! -= mean;
  }
  const products = new Float64Array(n * n);
  for (let a = 0; a < n; a++)
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let j = 0; j < d; j++) sum += centred[a * d + j]! * centred[b * d + j]!;
      products[a * n + b] = products[b * n + a] = sum;
    }
  return products;
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
