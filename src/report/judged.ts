// What a classifier answered on the pictures of a set, and which of them are worth a look.
import { argmax } from "../metrics/classification.ts";

/** Answers of a classifier on `n` pictures. */
export interface Judged {
  /** Class names, by class number. */
  readonly classes: readonly string[];
  /** Class numbers `[n]`; -1 where there is no label. */
  readonly labels: Int32Array;
  /** Class numbers `[n]`. */
  readonly answers: Int32Array;
  /** Of each class, `[n, classes]`, 0..1. */
  readonly probabilities: Float64Array;
  /** What a picture is called: its file, or its place. */
  readonly name: (i: number) => string;
}

/** Adds the answers. @param part name of the part, for pictures that have no names */
export function judge(
  set: { readonly labels: Int32Array; readonly name?: (i: number) => string },
  probabilities: Float64Array,
  classes: readonly string[],
  part: string,
): Judged {
  const k = classes.length;
  const { labels, name = (i) => `${part}[${i}]` } = set;
  return { classes, labels, probabilities, answers: labels.map((_, i) => argmax(probabilities, i * k, k)), name };
}

/** The probability of a class for a picture, 0..1. */
export const probabilityOf = ({ probabilities, classes }: Judged, i: number, c: number): number =>
  probabilities[i * classes.length + c]!;

/** The probability of the answer for a picture, 0..1. */
export const confidenceOf = (judged: Judged, i: number): number => probabilityOf(judged, i, judged.answers[i]!);

/** The likeliest class but the answer. */
export function secondOf({ probabilities, classes, answers }: Judged, i: number): number {
  const row = probabilities.slice(i * classes.length, (i + 1) * classes.length);
  row[answers[i]!] = -1;
  return argmax(row);
}

const numbers = ({ labels }: Judged): number[] => Array.from(labels, (_, i) => i);

/** The wrong answers whose label is the least believed, the worst first. */
export const worstMistakes = (judged: Judged, most: number): number[] =>
  numbers(judged)
    .filter((i) => judged.labels[i]! >= 0 && judged.answers[i] !== judged.labels[i])
    .sort((a, b) => probabilityOf(judged, a, judged.labels[a]!) - probabilityOf(judged, b, judged.labels[b]!))
    .slice(0, most);

/** The pictures whose two likeliest classes are nearest to each other, the nearest first; none without a second class. */
export function mostUncertain(judged: Judged, most: number): number[] {
  if (judged.classes.length < 2) return [];
  const margin = Float64Array.from(
    judged.answers,
    (_, i) => confidenceOf(judged, i) - probabilityOf(judged, i, secondOf(judged, i)),
  );
  return numbers(judged)
    .sort((a, b) => margin[a]! - margin[b]!)
    .slice(0, most);
}

/** A share as people read it, with as many digits as `digits` says. */
export const percent = (share: number, digits = 0): string => `${(100 * share).toFixed(digits)} %`;
