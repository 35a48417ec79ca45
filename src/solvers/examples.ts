// Labelled rows of numbers, and their division for cross-validation.
import { Random } from "../random/random.ts";

/** What a classifier is made from. */
export interface Examples {
  /** `[n, d]` */
  readonly rows: Float32Array;
  readonly d: number;
  /** Class numbers `[n]`, 0..classes-1. */
  readonly labels: Int32Array;
  /** `[n]`, above 0: how much an error on each counts. */
  readonly weights: Float32Array;
  readonly classes: number;
}

/** The examples at the numbers `index`, in that order. */
export function take({ rows, d, labels, weights, classes }: Examples, index: Int32Array): Examples {
  const taken = new Float32Array(index.length * d);
  for (const [i, from] of index.entries()) taken.set(rows.subarray(from * d, (from + 1) * d), i * d);
  return {
    ...{ rows: taken, d, classes },
    labels: index.map((i) => labels[i]!),
    weights: Float32Array.from(index, (i) => weights[i]!),
  };
}

/** Numbers of the examples of each class, in rising order. */
export function byClass({ labels, classes }: Pick<Examples, "labels" | "classes">): Int32Array[] {
  const all = Int32Array.from(labels.keys());
  return Array.from({ length: classes }, (_, c) => all.filter((i) => labels[i] === c));
}

/**
 * At most `most` examples, and as many parts of them as `folds`, each with its share of every class. There are fewer parts where a
 * class has fewer examples than that, and none where one has a single one.
 */
export function foldsOf(examples: Examples, most: number, folds: number, seed: number): Int32Array[] {
  const random = new Random(seed, "folds");
  const share = Math.min(1, most / examples.labels.length);
  const chosen = byClass(examples)
    .filter(({ length }) => length > 0)
    .map((index) => {
      const order = random.permutation(index.length);
      return order
        .subarray(0, Math.max(Math.ceil(index.length * share), Math.min(2, index.length)))
        .map((i) => index[i]!);
    });
  const count = Math.min(folds, ...chosen.map(({ length }) => length));
  if (count < 2) return [];
  const parts = Array.from({ length: count }, (): number[] => []);
  for (const index of chosen) for (const [i, example] of index.entries()) parts[i % count]!.push(example);
  return parts.map((part) => Int32Array.from(part));
}
