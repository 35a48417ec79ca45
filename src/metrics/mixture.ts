// Mixtures of Gaussians, fitted by expectation maximisation (Dempster, Laird & Rubin 1977; Bishop 2006, section 9.2), in float64.
import {
  addToDiagonal,
  cholesky,
  type Moments,
  meanOfDiagonal,
  moments,
  principalAxes,
  solveLower,
} from "../base/linear-algebra.ts";

/** A Gaussian with a share of the whole. */
export interface Component {
  /** 0..1; those of a mixture add to 1. */
  readonly share: number;
  /** `[d]` */
  readonly mean: Float64Array;
  /** Lower triangular `[d, d]`, the covariance being this times its transpose; or standard deviations `[d]`. */
  readonly factor: Float64Array;
}

/** Added to variances, as a share of their mean: directions in which rows do not vary have none. */
const RIDGE = 1e-4;
const ITERATIONS = 8;

/** Width of rows up to which covariances are full: beyond, one component with variances alone is fitted. */
const LARGEST_FULL = 64;

/**
 * Fits a mixture to the rows `index` of `[n, d]`. Rows that are few beside the numbers of a covariance tell little of it, so that
 * its correlations are multiplied by rows / (rows + d).
 * @param count of components, at most; one that comes to stand for fewer than 2 rows is left out
 */
export function fitMixture(rows: Float32Array, d: number, index: readonly number[], count: number): Component[] {
  if (d > LARGEST_FULL) return [diagonalGaussian(rows, d, index)];
  let parts = partsOf(firstMembers(rows, d, index, count), rows, d, index);
  for (let iteration = 0; iteration < ITERATIONS && parts.length > 1; iteration++)
    parts = partsOf(
      responsibilities(
        parts.map((part) => componentOf(part, d)),
        rows,
        d,
        index,
      ),
      rows,
      d,
      index,
    );
  return parts.map((part) => componentOf(part, d));
}

/** The moments of the rows that a component stands for. */
interface Part extends Moments {
  readonly share: number;
  /** Number of rows, counted by how much of each belongs to it. */
  readonly size: number;
}

/** Equal parts along the direction of largest variance: how much of each row belongs to each component. */
function firstMembers(rows: Float32Array, d: number, index: readonly number[], count: number): Float64Array[] {
  const members = Array.from({ length: count }, () => new Float64Array(index.length));
  const axis = principalAxes(moments(rows, d, index).covariance, d, 1);
  const along = (i: number) => axis.reduce((total, value, j) => total + value * rows[i * d + j]!, 0);
  const order = index.map((i, r) => [r, along(i)] as const).sort((a, b) => a[1] - b[1]);
  order.forEach(([r], rank) => {
    members[Math.floor((rank * count) / index.length)]![r] = 1;
  });
  return members;
}

function partsOf(members: readonly Float64Array[], rows: Float32Array, d: number, index: readonly number[]): Part[] {
  const sized = members.map((own) => ({ own, size: own.reduce((a, b) => a + b, 0) }));
  const kept = sized.filter(({ size }) => size >= Math.min(2, index.length));
  const total = kept.reduce((sum, { size }) => sum + size, 0);
  return kept.map(({ own, size }) => ({ share: size / total, size, ...moments(rows, d, index, own) }));
}

const componentOf = ({ share, size, mean, covariance }: Part, d: number): Component => ({
  share,
  mean,
  factor: factorOf(covariance, d, size),
});

/** One Gaussian with variances alone, as a factor `[d]`. */
function diagonalGaussian(rows: Float32Array, d: number, index: readonly number[]): Component {
  const mean = new Float64Array(d);
  const factor = new Float64Array(d);
  for (let j = 0; j < d; j++) {
    for (const i of index) mean[j]! += rows[i * d + j]! / index.length;
    let variance = 0;
    for (const i of index) variance += (rows[i * d + j]! - mean[j]!) ** 2 / index.length;
    factor[j] = Math.sqrt(variance);
  }
  return { share: 1, mean, factor };
}

/** The lower triangular factor of a covariance with shrunk correlations. */
function factorOf(covariance: Float64Array, d: number, size: number): Float64Array {
  const shrunk = covariance.slice();
  const kept = size / (size + d);
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) if (i !== j) shrunk[i * d + j]! *= kept;
  addToDiagonal(shrunk, d, RIDGE * meanOfDiagonal(shrunk, d) + 1e-12);
  // Positive definite: a covariance is so up to rounding, and the ridge is far above that.
  return cholesky(shrunk, d)!;
}

/** How much of each row belongs to each component `[components][rows]`; those of a row add to 1. */
function responsibilities(
  components: readonly Component[],
  rows: Float32Array,
  d: number,
  index: readonly number[],
): Float64Array[] {
  const found = components.map((component) => Float64Array.from(index, (i) => logDensity(component, rows, d, i)));
  for (let r = 0; r < index.length; r++) {
    let most = Number.NEGATIVE_INFINITY;
    for (const own of found) most = Math.max(most, own[r]!);
    let total = 0;
    for (const own of found) total += own[r] = Math.exp(own[r]! - most);
    for (const own of found) own[r]! /= total;
  }
  return found;
}

/** ln(share · density) of a row, without the terms that all components have in common. */
function logDensity({ share, mean, factor }: Component, rows: Float32Array, d: number, row: number): number {
  const z = new Float64Array(d);
  for (let j = 0; j < d; j++) z[j] = rows[row * d + j]! - mean[j]!;
  solveLower(factor, d, z);
  let value = Math.log(share);
  for (let j = 0; j < d; j++) value -= z[j]! ** 2 / 2 + Math.log(factor[j * d + j]!);
  return value;
}
