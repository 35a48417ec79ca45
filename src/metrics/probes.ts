// Probes of codes: how far the classes, of which an encoder may know nothing, are told apart by simple rules on its codes.
import { cholesky, solveLower, solveLowerTransposed } from "../base/linear-algebra.ts";
import { argmax } from "./classification.ts";
import { foldOf } from "./folds.ts";
import { nearestOthers, type Rows, rowCount, squaredDistance } from "./nearest.ts";

/** Neighbours that vote. */
const NEIGHBOURS = 5;
/** Parts of the examples (`foldOf`), each of which is told by what is fitted on the others. */
const FOLDS = 5;
/** Weight of the squared norm of linear weights, on codes as they are. */
const RIDGE = 1;
/** Numbers of a code, at most, that a linear probe is fitted on. */
const WIDEST = 1024;

/**
 * The mean silhouette of the examples, each class as a cluster (Rousseeuw 1987, "Silhouettes"), -1..1: (b - a) / max(a, b) of the mean
 * distance a to others of the class and the least mean distance b to those of another class; 0 for the only one of a class.
 * @param rows codes `[n, d]`
 * @param labels class numbers `[n]`
 * @returns undefined without two classes
 */
export function silhouette(rows: Rows, labels: ArrayLike<number>): number | undefined {
  const n = rowCount(rows);
  const classes = 1 + Math.max(...Array.from(labels));
  const counts = new Float64Array(classes);
  for (let i = 0; i < n; i++) counts[labels[i]!]!++;
  if (counts.filter((count) => count > 0).length < 2) return undefined;
  // sums[i, c]: distances of example i to those of class c
  const sums = new Float64Array(n * classes);
  for (let i = 1; i < n; i++)
    for (let j = 0; j < i; j++) {
      const distance = Math.sqrt(squaredDistance(rows, i, rows, j));
      sums[i * classes + labels[j]!]! += distance;
      sums[j * classes + labels[i]!]! += distance;
    }
  let total = 0;
  for (let i = 0; i < n; i++) {
    const own = labels[i]!;
    if (counts[own]! < 2) continue;
    const inside = sums[i * classes + own]! / (counts[own]! - 1);
    let outside = Number.POSITIVE_INFINITY;
    for (let c = 0; c < classes; c++)
      if (c !== own && counts[c]! > 0) outside = Math.min(outside, sums[i * classes + c]! / counts[c]!);
    const larger = Math.max(inside, outside);
    if (larger > 0) total += (outside - inside) / larger;
  }
  return total / n;
}

/**
 * How often the five nearest other examples vote for the label, 0..1: of classes with equally many votes, the first. Arrays are those of
 * `silhouette`.
 * @returns undefined for fewer than two examples
 */
export function neighbourProbe(rows: Rows, labels: ArrayLike<number>): number | undefined {
  const n = rowCount(rows);
  if (n < 2) return undefined;
  const classes = 1 + Math.max(...Array.from(labels));
  let right = 0;
  for (const [i, others] of nearestOthers(rows, NEIGHBOURS).entries()) {
    const votes = new Int32Array(classes);
    for (const j of others) votes[labels[j]!]!++;
    right += Number(argmax(votes) === labels[i]);
  }
  return right / n;
}

/**
 * How often a linear rule tells the label of examples that it was not fitted on, 0..1: ridge regression with an intercept on one column of
 * ±1 for each class, the largest of which is the answer, as scikit-learn's `RidgeClassifier` with `alpha=1` on five folds. Arrays are those of
 * `silhouette`.
 * @returns undefined for fewer examples than folds, and for codes of more than 1,024 numbers
 */
export function linearProbe(rows: Rows, labels: ArrayLike<number>): number | undefined {
  const n = rowCount(rows);
  if (n < FOLDS || rows.width > WIDEST) return undefined;
  const classes = 1 + Math.max(...Array.from(labels));
  let right = 0;
  for (let fold = 0; fold < FOLDS; fold++) {
    const scores = fitRidge(rows, labels, classes, (i) => foldOf(i, FOLDS) !== fold);
    for (let i = 0; i < n; i++) if (foldOf(i, FOLDS) === fold) right += Number(argmax(scores(i)) === labels[i]);
  }
  return right / n;
}

/** Fits on some examples. @returns the score of each class for an example */
function fitRidge(
  { data, width: d }: Rows,
  labels: ArrayLike<number>,
  classes: number,
  isUsed: (i: number) => boolean,
): (i: number) => Float64Array {
  const used = Array.from(labels, (_, i) => i).filter(isUsed);
  const mean = new Float64Array(d);
  const offsets = new Float64Array(classes);
  for (const i of used) {
    for (let a = 0; a < d; a++) mean[a]! += data[i * d + a]! / used.length;
    for (let c = 0; c < classes; c++) offsets[c]! += (labels[i] === c ? 1 : -1) / used.length;
  }
  const gram = new Float64Array(d * d);
  const targets = Array.from({ length: classes }, () => new Float64Array(d));
  const centred = new Float64Array(d);
  for (const i of used) {
    for (let a = 0; a < d; a++) centred[a] = data[i * d + a]! - mean[a]!;
    for (let a = 0; a < d; a++) for (let b = 0; b <= a; b++) gram[a * d + b]! += centred[a]! * centred[b]!;
    for (let c = 0; c < classes; c++) {
      const target = (labels[i] === c ? 1 : -1) - offsets[c]!;
      for (let a = 0; a < d; a++) targets[c]![a]! += centred[a]! * target;
    }
  }
  for (let a = 0; a < d; a++) {
    gram[a * d + a]! += RIDGE;
    for (let b = 0; b < a; b++) gram[b * d + a] = gram[a * d + b]!;
  }
  // Positive definite, as the ridge is added.
  const lower = cholesky(gram, d)!;
  for (const weights of targets) {
    solveLower(lower, d, weights);
    solveLowerTransposed(lower, d, weights);
  }
  return (i) =>
    Float64Array.from(targets, (weights, c) => {
      let score = offsets[c]!;
      for (let a = 0; a < d; a++) score += weights[a]! * (data[i * d + a]! - mean[a]!);
      return score;
    });
}
