// The linear algebra of fitted Gaussians, on square matrices `[d, d]` in rows of float64: moments, factors, principal axes.

/** Mean `[d]` and covariance `[d, d]` (divided by the number of rows) of some rows of `[n, d]`. */
export interface Moments {
  readonly mean: Float64Array;
  readonly covariance: Float64Array;
}

/** Weights below this change no moment by as much as float32 rows are uncertain. */
const NEGLIGIBLE = 1e-6;

/**
 * Moments of the rows `index` of `[n, d]`. Sums are taken of differences from the first row, so that rows far from zero lose no
 * digits, and numbers that are the same in most rows, as zeros of a rectifier are, cost little.
 * @param weights of each of them, not negative; all equal when absent
 */
export function moments(
  rows: Float32Array | Float64Array,
  d: number,
  index: ArrayLike<number>,
  weights?: Float64Array,
): Moments {
  const mean = new Float64Array(d);
  const covariance = new Float64Array(d * d);
  const origin = Float64Array.from(rows.subarray(index[0]! * d, (index[0]! + 1) * d));
  const away = new Float64Array(d);
  // Where the difference is not zero.
  const places = new Int32Array(d);
  let total = 0;
  for (let r = 0; r < index.length; r++) {
    const weight = weights ? weights[r]! : 1;
    total += weight;
    if (weight < NEGLIGIBLE) continue;
    const from = index[r]! * d;
    let count = 0;
    for (let j = 0; j < d; j++) {
      const value = rows[from + j]! - origin[j]!;
      away[j] = value;
      if (value !== 0) places[count++] = j;
    }
    for (let a = 0; a < count; a++) {
      const i = places[a]!;
      const scaled = weight * away[i]!;
      mean[i]! += scaled;
      for (let b = 0; b <= a; b++) covariance[i * d + places[b]!]! += scaled * away[places[b]!]!;
    }
  }
  for (let i = 0; i < d; i++) mean[i]! /= total;
  for (let i = 0; i < d; i++)
    for (let j = 0; j <= i; j++) {
      covariance[i * d + j] = covariance[i * d + j]! / total - mean[i]! * mean[j]!;
      covariance[j * d + i] = covariance[i * d + j]!;
    }
  for (let i = 0; i < d; i++) mean[i]! += origin[i]!;
  return { mean, covariance };
}

/** Adds `value` to the diagonal of a matrix, in place. */
export function addToDiagonal(matrix: Float64Array, d: number, value: number): void {
  for (let i = 0; i < d; i++) matrix[i * d + i]! += value;
}

/** The mean of the diagonal of a matrix. */
export function meanOfDiagonal(matrix: Float64Array, d: number): number {
  let total = 0;
  for (let i = 0; i < d; i++) total += matrix[i * d + i]!;
  return total / d;
}

/** The lower triangular L with A = L Lᵀ of a symmetric positive definite A; undefined where A is not. */
export function cholesky(matrix: Float64Array, d: number): Float64Array | undefined {
  const lower = new Float64Array(d * d);
  for (let i = 0; i < d; i++)
    for (let j = 0; j <= i; j++) {
      let value = matrix[i * d + j]!;
      for (let k = 0; k < j; k++) value -= lower[i * d + k]! * lower[j * d + k]!;
      if (i === j && !(value > 0)) return undefined;
      lower[i * d + j] = i === j ? Math.sqrt(value) : value / lower[j * d + j]!;
    }
  return lower;
}

/** Solves L y = x for a lower triangular L, in place: x becomes y. */
export function solveLower(lower: Float64Array, d: number, x: Float64Array): void {
  for (let i = 0; i < d; i++) {
    let value = x[i]!;
    for (let k = 0; k < i; k++) value -= lower[i * d + k]! * x[k]!;
    x[i] = value / lower[i * d + i]!;
  }
}

/** Solves Lᵀ y = x for a lower triangular L, in place: x becomes y. */
export function solveLowerTransposed(lower: Float64Array, d: number, x: Float64Array): void {
  for (let i = d - 1; i >= 0; i--) {
    let value = x[i]!;
    for (let k = i + 1; k < d; k++) value -= lower[k * d + i]! * x[k]!;
    x[i] = value / lower[i * d + i]!;
  }
}

/** Rounds of `principalAxes`: enough to separate the space of the leading directions, within which any basis serves. */
const ROUNDS = 12;

/**
 * An orthonormal basis `[d, k]` of the directions of largest variance of a covariance, by orthogonal iteration (Golub & Van
 * Loan, Matrix Computations, section 8.2.4). It always begins with the same directions, so that its result is a function of
 * the covariance. A direction without variance beyond those before it is zero.
 */
export function principalAxes(covariance: Float64Array, d: number, k: number): Float64Array {
  let basis = generalDirections(d, k);
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Float64Array(d * k);
    for (let i = 0; i < d; i++)
      for (let j = 0; j < d; j++) {
        const value = covariance[i * d + j]!;
        if (value !== 0) for (let c = 0; c < k; c++) next[i * k + c]! += value * basis[j * k + c]!;
      }
    basis = orthonormal(next, d, k);
  }
  return basis;
}

/**
 * Independent directions `[d, k]`, also where k is d: numbers in -0.5..0.5 of the generator of Park & Miller 1988, "Random number
 * generators: good ones are hard to find". Multiples of a ratio would not do: their columns depend on each other there.
 */
function generalDirections(d: number, k: number): Float64Array {
  const [factor, modulus] = [16807, 2 ** 31 - 1];
  let state = 1;
  return Float64Array.from({ length: d * k }, () => {
    state = (state * factor) % modulus;
    return state / modulus - 0.5;
  });
}

/** Gram–Schmidt over the columns of `[d, k]`, twice, so that rounding leaves them orthogonal; a dependent column becomes zero. */
export function orthonormal(columns: Float64Array, d: number, k: number): Float64Array {
  const size = (c: number) => {
    let total = 0;
    for (let i = 0; i < d; i++) total += columns[i * k + c]! ** 2;
    return Math.sqrt(total);
  };
  for (let c = 0; c < k; c++) {
    const before = size(c);
    for (let pass = 0; pass < 2; pass++)
      for (let other = 0; other < c; other++) {
        let product = 0;
        for (let i = 0; i < d; i++) product += columns[i * k + c]! * columns[i * k + other]!;
        for (let i = 0; i < d; i++) columns[i * k + c]! -= product * columns[i * k + other]!;
      }
    const after = size(c);
    const scale = after > 1e-12 * before ? 1 / after : 0;
    for (let i = 0; i < d; i++) columns[i * k + c]! *= scale;
  }
  return columns;
}

/** Sweeps of `symmetricEigen`, at most; each about squares what is left beside the diagonal. */
const SWEEPS = 30;

/**
 * Eigenvalues `[d]` and eigenvectors (columns of `[d, d]`) of a symmetric matrix, by Jacobi's rotations (Golub & Van Loan, Matrix
 * Computations, section 8.5).
 */
export function symmetricEigen(matrix: Float64Array, d: number): { values: Float64Array; vectors: Float64Array } {
  const a = matrix.slice();
  const vectors = new Float64Array(d * d);
  addToDiagonal(vectors, d, 1);
  const beside = () => {
    let total = 0;
    for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) total += a[i * d + j]! ** 2;
    return total;
  };
  const small = 1e-26 * a.reduce((total, value) => total + value ** 2, 0);
  for (let sweep = 0; sweep < SWEEPS && beside() > small; sweep++)
    for (let p = 0; p < d; p++)
      for (let q = p + 1; q < d; q++) {
        if (a[p * d + q] === 0) continue;
        // The angle whose rotation makes this element zero.
        const half = (a[q * d + q]! - a[p * d + p]!) / (2 * a[p * d + q]!);
        const tangent = (half >= 0 ? 1 : -1) / (Math.abs(half) + Math.sqrt(half ** 2 + 1));
        const cosine = 1 / Math.sqrt(tangent ** 2 + 1);
        const sine = tangent * cosine;
        for (const rows of [a, vectors]) rotateColumns(rows, d, p, q, cosine, sine);
        rotateRows(a, d, p, q, cosine, sine);
      }
  return { values: Float64Array.from({ length: d }, (_, i) => a[i * d + i]!), vectors };
}

function rotateColumns(a: Float64Array, d: number, p: number, q: number, cosine: number, sine: number): void {
  for (let i = 0; i < d * d; i += d) {
    const [x, y] = [a[i + p]!, a[i + q]!];
    a[i + p] = cosine * x - sine * y;
    a[i + q] = sine * x + cosine * y;
  }
}

function rotateRows(a: Float64Array, d: number, p: number, q: number, cosine: number, sine: number): void {
  for (let i = 0; i < d; i++) {
    const [x, y] = [a[p * d + i]!, a[q * d + i]!];
    a[p * d + i] = cosine * x - sine * y;
    a[q * d + i] = sine * x + cosine * y;
  }
}
