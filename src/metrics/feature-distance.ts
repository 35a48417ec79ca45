// How far features are from those of every class, beyond how far they are from all: the relative Mahalanobis distance of Ren et
// al. 2021, "A Simple Fix to Mahalanobis Distance for Improving Near-OOD Detection" (section 2), on principal axes.
// Features of pretrained networks are brought to length 1 before, as Müller & Hein 2025 do, "Mahalanobis++: Improving OOD Detection
// via Feature Normalization".
import {
  addToDiagonal,
  cholesky,
  meanOfDiagonal,
  moments,
  orthonormal,
  principalAxes,
  solveLower,
} from "../base/linear-algebra.ts";
import { scattered } from "../base/scattered.ts";

/** Principal axes on which distances are measured, at most; and known pictures for each of them, at least. */
const MOST_AXES = 64;
const PICTURES_AN_AXIS = 10;
/** Pictures that give the axes, at most: 20 an axis. In a trial on MNIST and Fashion-MNIST 6,000 told novel pictures no better. */
const MOST_ROWS = 1280;
/** Added to variances, as a share of their mean: features that never vary have none. */
const RIDGE = 1e-3;

/** Features of `d` numbers seen along their principal axes: less the centre, times the basis. */
export interface Projection {
  /** Number of axes, at most `d`. */
  readonly axes: number;
  /** `[d]` */
  readonly centre: Float32Array;
  /** `[d, axes]` */
  readonly basis: Float32Array;
}

/** Gaussians of projected features: one of all pictures, and one a class with a common covariance. */
export interface FeatureGaussians {
  /** `[axes, axes]`: rows times this have unit covariance within classes. */
  readonly within: Float32Array;
  /** `[classes, axes]`: the mean of each class after `within`; that of all for a class without pictures. */
  readonly means: Float32Array;
  /** `[axes, axes]`: rows times this have unit covariance over all pictures. */
  readonly overall: Float32Array;
  /** `[axes]`: the mean of all after `overall`. */
  readonly mean: Float32Array;
}

/** The length that a row is divided by, at least: one of zeros has none. */
export const SHORTEST = 1e-12;

/** Features `[n, d]`, each row brought to length 1; one of zeros stays as it is. */
export function unitRows(features: Float32Array, n: number): Float32Array {
  const d = features.length / n;
  const rows = new Float32Array(features.length);
  for (let i = 0; i < n; i++) {
    const row = features.subarray(i * d, (i + 1) * d);
    const length = Math.sqrt(row.reduce((total, value) => total + value * value, 0));
    for (let j = 0; j < d; j++) rows[i * d + j] = row[j]! / Math.max(length, SHORTEST);
  }
  return rows;
}

/** As many axes as `n` pictures can tell something of, in features of `d` numbers. */
export const axesFor = (n: number, d: number): number =>
  Math.max(1, Math.min(MOST_AXES, d, Math.floor(n / PICTURES_AN_AXIS)));

/** What `fitProjection` can be told beside the features. */
export interface ProjectionOptions {
  /** The rows that are used, or some of them where they are many. Default: all. */
  readonly of?: readonly number[];
  /** Number of axes. Default: `axesFor` the rows that are used. */
  readonly axes?: number;
}

/** The principal axes of features `[n, d]`. */
export function fitProjection(
  features: Float32Array,
  n: number,
  { of, axes: wanted }: ProjectionOptions = {},
): Projection {
  const d = features.length / n;
  const known = of?.length ?? n;
  const axes = wanted ?? axesFor(known, d);
  const rows = Math.min(known, MOST_ROWS);
  const index = Array.from(scattered(known, rows), (i) => of?.[i] ?? i);
  const [centre, basis] = d > rows ? axesOfWide(features, d, index, axes) : axesOf(features, d, index, axes);
  return { axes, centre: Float32Array.from(centre), basis: Float32Array.from(basis) };
}

function axesOf(features: Float32Array, d: number, index: readonly number[], axes: number) {
  const { mean, covariance } = moments(features, d, index);
  return [mean, principalAxes(covariance, d, axes)] as const;
}

/** Axes of fewer rows X than numbers: those of X Xᵀ, which is the smaller matrix, times Xᵀ are those of Xᵀ X. */
function axesOfWide(features: Float32Array, d: number, index: readonly number[], axes: number) {
  const m = index.length;
  const mean = new Float64Array(d);
  for (const i of index) for (let j = 0; j < d; j++) mean[j]! += features[i * d + j]! / m;
  const rows = new Float64Array(m * d);
  for (const [r, i] of index.entries()) for (let j = 0; j < d; j++) rows[r * d + j] = features[i * d + j]! - mean[j]!;
  const products = new Float64Array(m * m);
  for (let a = 0; a < m; a++)
    for (let b = 0; b <= a; b++) {
      let total = 0;
      for (let j = 0; j < d; j++) total += rows[a * d + j]! * rows[b * d + j]!;
      products[a * m + b] = products[b * m + a] = total;
    }
  const left = principalAxes(products, m, axes);
  const basis = new Float64Array(d * axes);
  for (let r = 0; r < m; r++)
    for (let j = 0; j < d; j++) {
      const value = rows[r * d + j]!;
      for (let c = 0; c < axes; c++) basis[j * axes + c]! += value * left[r * axes + c]!;
    }
  return [mean, orthonormal(basis, d, axes)] as const;
}

/** Features `[n, d]` along the axes, `[n, axes]`. */
export function project({ axes, centre, basis }: Projection, features: Float32Array): Float64Array {
  const d = centre.length;
  const n = features.length / d;
  const rows = new Float64Array(n * axes);
  const offset = new Float64Array(axes);
  for (let j = 0; j < d; j++) for (let c = 0; c < axes; c++) offset[c]! += centre[j]! * basis[j * axes + c]!;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < d; j++) {
      const value = features[i * d + j]!;
      if (value !== 0) for (let c = 0; c < axes; c++) rows[i * axes + c]! += value * basis[j * axes + c]!;
    }
    for (let c = 0; c < axes; c++) rows[i * axes + c]! -= offset[c]!;
  }
  return rows;
}

/**
 * Whether features have numbers enough beside the axes. Of a few, such as units that are active in hardly any picture, the residual is nothing
 * in most pictures and much in some known ones too.
 */
export const hasResidual = ({ axes, centre }: Projection): boolean => centre.length >= 2 * axes;

/** See `residual`. */
export const LEAST_RESIDUAL = 1e-6;

/**
 * What of a row of features `[n, d]` lies beside the axes: the squared length of what they do not give back (the residual of Wang et al.
 * 2022, "ViM: Out-Of-Distribution with Virtual-logit Matching", section 4). Pictures of another world lie far there, whatever the classes are.
 * Where features vary along the axes alone, it is what rounding leaves, of which there is more in float32: told is a millionth of the
 * squared length at least.
 * @param rows `features` along the axes
 */
export function residual(
  { axes, centre, basis }: Projection,
  features: Float32Array,
  rows: Float64Array,
  row: number,
): number {
  const d = centre.length;
  let [whole, left] = [0, 0];
  for (let j = 0; j < d; j++) {
    const value = features[row * d + j]! - centre[j]!;
    let rest = value;
    for (let c = 0; c < axes; c++) rest -= rows[row * axes + c]! * basis[j * axes + c]!;
    whole += value ** 2;
    left += rest ** 2;
  }
  return Math.max(left, LEAST_RESIDUAL * whole);
}

/**
 * Fits the Gaussians to some rows of projected features.
 * @param rows `[n, axes]`
 * @param groups class number of each row `[n]`
 * @param index the rows that are used
 */
export function fitFeatureGaussians(
  rows: Float64Array,
  groups: Int32Array,
  classes: number,
  index: readonly number[],
): FeatureGaussians {
  const axes = rows.length / groups.length;
  const mean = meanOf(rows, axes, index);
  const classMeans = Array.from({ length: classes }, (_, k) => {
    const own = index.filter((i) => groups[i] === k);
    return own.length > 0 ? meanOf(rows, axes, own) : mean;
  });
  const residuals = rows.slice();
  for (const i of index) for (let c = 0; c < axes; c++) residuals[i * axes + c]! -= classMeans[groups[i]!]![c]!;
  const within = whitening(residuals, axes, index);
  const overall = whitening(rows, axes, index);
  const unit = (c: number) => Float64Array.from({ length: axes }, (_, i) => (i === c ? 1 : 0));
  const stacked = (parts: readonly Float64Array[]) => Float32Array.from(parts.flatMap((part) => Array.from(part)));
  const matrix = (whiten: (row: Float64Array) => Float64Array) =>
    stacked(Array.from({ length: axes }, (_, c) => whiten(unit(c))));
  return {
    within: matrix(within),
    means: stacked(classMeans.map((row) => within(row.slice()))),
    overall: matrix(overall),
    mean: stacked([overall(mean.slice())]),
  };
}

function meanOf(rows: Float64Array, axes: number, index: readonly number[]): Float64Array {
  const mean = new Float64Array(axes);
  for (const i of index) for (let c = 0; c < axes; c++) mean[c]! += rows[i * axes + c]! / index.length;
  return mean;
}

/** The linear map of a row, in place, after which the rows `index` have unit covariance. */
function whitening(rows: Float64Array, axes: number, index: readonly number[]): (row: Float64Array) => Float64Array {
  const { covariance } = moments(rows, axes, index);
  // Never zero, so that features without any variance whiten to numbers.
  addToDiagonal(covariance, axes, RIDGE * meanOfDiagonal(covariance, axes) + 1e-12);
  const lower = cholesky(covariance, axes)!;
  return (row) => {
    solveLower(lower, axes, row);
    return row;
  };
}

/**
 * The relative distance of a row of projected features `[n, axes]`: the squared distance to the nearest class mean in the
 * covariance within classes, less that to the mean of all in the covariance of all. The graph of `novelty` computes the same.
 */
export function relativeDistance(
  { within, means, overall, mean }: FeatureGaussians,
  rows: Float64Array,
  row: number,
): number {
  const axes = mean.length;
  const own = whitened(within, rows, row, axes);
  let nearest = Number.POSITIVE_INFINITY;
  for (let k = 0; k < means.length / axes; k++) nearest = Math.min(nearest, squaredDistance(own, means, k));
  return nearest - squaredDistance(whitened(overall, rows, row, axes), mean, 0);
}

/** A row times one of the whitening matrices, which are upper triangular: each is the transpose of the inverse of a lower one. */
function whitened(matrix: Float32Array, rows: Float64Array, row: number, axes: number): Float64Array {
  const result = new Float64Array(axes);
  for (let j = 0; j < axes; j++) {
    const value = rows[row * axes + j]!;
    for (let c = j; c < axes; c++) result[c]! += value * matrix[j * axes + c]!;
  }
  return result;
}

function squaredDistance(a: Float64Array, to: Float32Array, k: number): number {
  let total = 0;
  for (let c = 0; c < a.length; c++) total += (a[c]! - to[k * a.length + c]!) ** 2;
  return total;
}
