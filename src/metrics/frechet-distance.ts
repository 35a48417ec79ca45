// A distance between two sets of vectors: how far the Gaussians of their moments are apart.
import { moments, symmetricEigen } from "../base/linear-algebra.ts";

/**
 * The squared Fréchet distance between Gaussians (Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a
 * Local Nash Equilibrium", section 4): |m₁ - m₂|² + tr(C₁ + C₂ - 2 (C₁ C₂)^½). On Inception features it is known as FID; here it
 * is on what it is given. It falls with the number of rows: compare equal numbers. Singular covariances are no difficulty: the
 * trace of the root is the sum of the roots of the eigenvalues of S C₂ S, where S is the symmetric root of C₁.
 * @param a,b rows `[n, d]` each
 */
export function frechetDistance(a: Float32Array, b: Float32Array, n: number): number {
  const d = a.length / n;
  const index = Array.from({ length: n }, (_, i) => i);
  const [first, second] = [moments(a, d, index), moments(b, d, index)];
  let distance = 0;
  for (let i = 0; i < d; i++) {
    distance += (first.mean[i]! - second.mean[i]!) ** 2;
    distance += first.covariance[i * d + i]! + second.covariance[i * d + i]!;
  }
  const root = symmetricRoot(first.covariance, d);
  const { values } = symmetricEigen(product(product(root, second.covariance, d), root, d), d);
  return values.reduce((left, value) => left - 2 * Math.sqrt(Math.max(0, value)), distance);
}

/** The symmetric root of a symmetric matrix without negative eigenvalues, but for rounding. */
function symmetricRoot(matrix: Float64Array, d: number): Float64Array {
  const { values, vectors } = symmetricEigen(matrix, d);
  const scaled = vectors.map((value, at) => value * Math.sqrt(Math.max(0, values[at % d]!)));
  const transposed = vectors.map((_, at) => vectors[(at % d) * d + Math.floor(at / d)]!);
  return product(scaled, transposed, d);
}

function product(a: Float64Array, b: Float64Array, d: number): Float64Array {
  const out = new Float64Array(d * d);
  for (let i = 0; i < d; i++)
    for (let k = 0; k < d; k++) {
      const value = a[i * d + k]!;
      for (let j = 0; j < d; j++) out[i * d + j]! += value * b[k * d + j]!;
    }
  return out;
}
