// Whether two classifiers differ, from what both did with the same pictures, or with the same seeds. On plain arrays.
import { fairCoinBelow, normalTails, studentTails } from "./tails.ts";

/**
 * McNemar's exact test (McNemar 1947): two-sided p of two classifiers being right equally often, from the pictures that one of
 * them got right and the other did not. 1 where there is none.
 * @param first whether the first classifier is right about each picture, `[n]`, 0 or 1
 * @param second the same of the second
 */
export function mcnemar(first: ArrayLike<number>, second: ArrayLike<number>): number {
  let [only, other] = [0, 0];
  for (let i = 0; i < first.length; i++) {
    only += Number(first[i]! > second[i]!);
    other += Number(first[i]! < second[i]!);
  }
  return only === other ? 1 : Math.min(1, 2 * fairCoinBelow(Math.min(only, other), only + other));
}

/**
 * McNemar's test for pictures that several pairs of classifiers saw, one a seed: what one picture got from all of them counts as
 * one observation, as errors on it go together (Durkalski, Palesch, Lipsitz and Rust 2003, "Analysis of clustered matched-pair
 * data", section 2.3: the square of the sum over the sum of squares, here against the normal distribution). Two-sided p.
 * @param first for each seed, as of `mcnemar`
 */
export function clusteredMcnemar(first: readonly ArrayLike<number>[], second: readonly ArrayLike<number>[]): number {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < (first[0]?.length ?? 0); i++) {
    const more = first.reduce((total, right, seed) => total + right[i]! - second[seed]![i]!, 0);
    sum += more;
    squares += more * more;
  }
  return squares === 0 ? 1 : normalTails(sum / Math.sqrt(squares));
}

/**
 * Student's t-test of pairs: two-sided p of the differences `first[i] - second[i]` having mean 0. Differences that are all the same
 * have no deviation to be judged by: p is 1 where they are 0, and else 0, unless the deviation is known to have a least value.
 * @param least what is taken for a sample deviation below it: for values that are rounded, whose differences are often equal by chance
 */
export function pairedT(first: readonly number[], second: readonly number[], least = 0): number {
  const differences = first.map((value, i) => value - second[i]!);
  const centre = mean(differences);
  const deviation = Math.max(least, standardDeviation(differences));
  if (deviation === 0) return centre === 0 ? 1 : 0;
  return studentTails((centre / deviation) * Math.sqrt(differences.length), differences.length - 1);
}

/**
 * p values of several tests, adjusted so that the chance of any false alarm among them stays below the level that each is read at
 * (Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure"), in the order given.
 */
export function holm(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const adjusted = new Array<number>(values.length);
  let least = 0;
  order.forEach((i, rank) => {
    least = Math.max(least, Math.min(1, (values.length - rank) * values[i]!));
    adjusted[i] = least;
  });
  return adjusted;
}

/** The mean; NaN of nothing. */
export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** The standard deviation of a sample (over n - 1); NaN for fewer than two values. */
export function standardDeviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}
