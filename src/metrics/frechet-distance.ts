// A distance between two sets of vectors: how far the Gaussians of their moments are apart.

/**
 * The squared Fréchet distance between Gaussians (Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a
 * Local Nash Equilibrium", section 4): |m₁ - m₂|² + tr(C₁ + C₂ - 2 (C₁ C₂)^½). On Inception features it is known as FID; here it
 * is on what it is given. It falls with the number of rows: compare equal numbers.
 *
 * Singular covariances lose no digits, as neither a root nor a square of one is computed: with C = Rᵀ R of the triangle R of the centred rows,
 * the trace of the root is the sum of the singular values of R₁ R₂ᵀ.
 * @param a,b rows `[n, d]` each
 */
export function frechetDistance(a: Float32Array, b: Float32Array, n: number): number {
  const d = a.length / n;
  const m = Math.min(n, d);
  const [first, second] = [triangleOf(a, n, d), triangleOf(b, n, d)];
  let distance = 0;
  for (let j = 0; j < d; j++) distance += (first.mean[j]! - second.mean[j]!) ** 2;
  for (const { triangle } of [first, second]) for (const value of triangle) distance += value ** 2;
  const product = new Float64Array(m * m);
  for (let i = 0; i < m; i++)
    for (let k = 0; k < m; k++)
      for (let j = Math.max(i, k); j < d; j++)
        product[i * m + k]! += first.triangle[i * d + j]! * second.triangle[k * d + j]!;
  return singularValues(product, m).reduce((left, value) => left - 2 * value, distance);
}

/** The mean of rows `[n, d]`, and R `[min(n, d), d]` with Rᵀ R their covariance, by Householder's reflections. */
function triangleOf(rows: Float32Array, n: number, d: number): { mean: Float64Array; triangle: Float64Array } {
  const mean = new Float64Array(d);
  // A column after the other.
  const a = new Float64Array(n * d);
  for (let j = 0; j < d; j++) {
    for (let i = 0; i < n; i++) mean[j]! += rows[i * d + j]!;
    mean[j]! /= n;
    for (let i = 0; i < n; i++) a[j * n + i] = (rows[i * d + j]! - mean[j]!) / Math.sqrt(n);
  }
  const m = Math.min(n, d);
  for (let j = 0; j < m; j++) {
    const normal = a.slice(j * n + j, (j + 1) * n);
    const size = Math.sqrt(dot(normal, 0, normal, 0, normal.length));
    if (size === 0) continue;
    normal[0]! += normal[0]! < 0 ? -size : size;
    const half = dot(normal, 0, normal, 0, normal.length) / 2;
    for (let k = j; k < d; k++) {
      const from = k * n + j;
      const factor = dot(normal, 0, a, from, normal.length) / half;
      for (let i = 0; i < normal.length; i++) a[from + i]! -= factor * normal[i]!;
    }
  }
  const triangle = new Float64Array(m * d);
  for (let i = 0; i < m; i++) for (let j = i; j < d; j++) triangle[i * d + j] = a[j * n + i]!;
  return { mean, triangle };
}

/** Passes over all pairs of rows, at most. */
const SWEEPS = 30;
/** Cosine of two rows that are orthogonal but for rounding. */
const ORTHOGONAL = 1e-15;

/** The singular values of a matrix `[m, m]`, whose rows are rotated until they are orthogonal (Hestenes 1958; in place). */
function singularValues(matrix: Float64Array, m: number): Float64Array {
  for (let sweep = 0, rotated = true; rotated && sweep < SWEEPS; sweep++) {
    rotated = false;
    const squares = Float64Array.from({ length: m }, (_, i) => dot(matrix, i * m, matrix, i * m, m));
    // Rows of rounding alone have no direction to turn to.
    const nothing = 1e-32 * Math.max(...squares);
    for (let p = 0; p < m; p++)
      for (let q = p + 1; q < m; q++) {
        const [x, y] = [squares[p]!, squares[q]!];
        if (x <= nothing || y <= nothing) continue;
        const product = dot(matrix, p * m, matrix, q * m, m);
        if (Math.abs(product) <= ORTHOGONAL * Math.sqrt(x * y)) continue;
        rotated = true;
        const half = (y - x) / (2 * product);
        const tangent = (half >= 0 ? 1 : -1) / (Math.abs(half) + Math.sqrt(half ** 2 + 1));
        const cosine = 1 / Math.sqrt(tangent ** 2 + 1);
        const sine = tangent * cosine;
        for (let i = 0; i < m; i++) {
          const [u, v] = [matrix[p * m + i]!, matrix[q * m + i]!];
          matrix[p * m + i] = cosine * u - sine * v;
          matrix[q * m + i] = sine * u + cosine * v;
        }
        squares[p] = dot(matrix, p * m, matrix, p * m, m);
        squares[q] = dot(matrix, q * m, matrix, q * m, m);
      }
  }
  return Float64Array.from({ length: m }, (_, i) => Math.sqrt(dot(matrix, i * m, matrix, i * m, m)));
}

/** The sum of products of so many numbers from a place on each. */
function dot(a: Float64Array, from: number, b: Float64Array, at: number, count: number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += a[from + i]! * b[at + i]!;
  return total;
}
