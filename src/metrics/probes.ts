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
const WIDEST = 512;

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
 * @returns undefined for fewer examples than folds, and for codes of more than 512 numbers
 */
export function linearProbe(rows: Rows, labels: ArrayLike<number>): number | undefined {
  const { data, width: d } = rows;
  const n = rowCount(rows);
  if (n < FOLDS || d > WIDEST) return undefined;
  const classes = 1 + Math.max(...Array.from(labels));
  const parts = Array.from({ length: FOLDS }, () => emptySums(d, classes));
  for (let i = 0; i < n; i++) addTo(parts[foldOf(i, FOLDS)]!, data, i * d, labels[i]!);
  let right = 0;
  for (let fold = 0; fold < FOLDS; fold++) {
    const score = fitRidge(parts.filter((_, other) => other !== fold));
    for (let i = 0; i < n; i++)
      if (foldOf(i, FOLDS) === fold) right += Number(argmax(score(data, i * d)) === labels[i]);
  }
  return right / n;
}

/** Sums over some examples, of which a linear rule is made: those of parts are added, and no example is looked at twice. */
interface Sums {
  count: number;
  /** `[d]`, of codes */
  readonly codes: Float64Array;
  /** `[d, d]`, of products of their numbers: the lower triangle */
  readonly products: Float64Array;
  /** Of each class, how many, and `[d]` of their codes. */
  readonly ofClass: readonly { count: number; readonly codes: Float64Array }[];
}

const emptySums = (d: number, classes: number): Sums => ({
  ...{ count: 0, codes: new Float64Array(d), products: new Float64Array(d * d) },
  ofClass: Array.from({ length: classes }, () => ({ count: 0, codes: new Float64Array(d) })),
});

function addTo(sums: Sums, data: ArrayLike<number>, from: number, label: number): void {
  const { codes, products, ofClass } = sums;
  const own = ofClass[label]!;
  const d = codes.length;
  sums.count++;
  own.count++;
  for (let a = 0; a < d; a++) {
    const value = data[from + a]!;
    codes[a]! += value;
    own.codes[a]! += value;
    for (let b = 0; b <= a; b++) products[a * d + b]! += value * data[from + b]!;
  }
}

/** Fits on the examples of some parts. @returns the score of each class for a code */
function fitRidge(parts: readonly Sums[]): (data: ArrayLike<number>, from: number) => Float64Array {
  const total = (pick: (sums: Sums) => number) => parts.reduce((sum, part) => sum + pick(part), 0);
  const d = parts[0]!.codes.length;
  const n = total(({ count }) => count);
  const mean = new Float64Array(d).map((_, a) => total(({ codes }) => codes[a]!) / n);
  const gram = new Float64Array(d * d);
  for (let a = 0; a < d; a++) {
    for (let b = 0; b <= a; b++)
      gram[a * d + b] = gram[b * d + a] = total(({ products }) => products[a * d + b]!) - n * mean[a]! * mean[b]!;
    gram[a * d + a]! += RIDGE;
  }
  const lower = cholesky(gram, d);
  const rules = parts[0]!.ofClass.map((_, c) => {
    const own = total(({ ofClass }) => ofClass[c]!.count);
    const offset = (2 * own) / n - 1;
    // Products with targets of 1 for the class and -1 for others, both without their means: 2 Σ x of the class - 2 own · mean.
    const weights = mean.map((m, a) => 2 * (total(({ ofClass }) => ofClass[c]!.codes[a]!) - own * m));
    // Without a ridge to speak of beside what codes are, rounding may leave nothing to solve: the offset alone decides.
    if (!lower) return { offset, weights: weights.fill(0) };
    solveLower(lower, d, weights);
    solveLowerTransposed(lower, d, weights);
    return { offset, weights };
  });
  return (data, from) =>
    Float64Array.from(rules, ({ offset, weights }) => {
      let score = offset;
      for (let a = 0; a < d; a++) score += weights[a]! * (data[from + a]! - mean[a]!);
      return score;
    });
}
