// Bootstrap intervals: how far metrics of classes may be from the truth, by what they are on resamples of the examples.
import { agreementOf, topAccuracy } from "./agreement.ts";
import { argmax, CALIBRATION_BINS, logLoss } from "./classification.ts";
import type { Interval } from "./intervals.ts";
import { squaredErrors } from "./probability-scores.ts";
import { quantile } from "./quantile.ts";

/** The metrics that `classIntervals` tells of, by the names that they have everywhere. */
export type IntervalMetric =
  | ("accuracy" | "balancedAccuracy" | "macroF1" | "top5" | "kappa" | "mcc")
  | ("ece" | "nll" | "brier" | "auroc" | "averagePrecision");

/** Fills an array with uniform random numbers in (0, 1). */
export type FillUniform = (out: Float32Array) => void;

/** Resamples, and the share of them whose values an interval holds. */
export const RESAMPLES = 1000;
const LEVEL = 0.95;

/** The interval that values of resamples span: between the quantiles that leave out as many at both ends. */
export const spanOf = (values: Float64Array): Interval => {
  const tail = (1 - LEVEL) / 2;
  return [quantile(values, tail), quantile(values, 1 - tail)];
};

/** The metrics of a set in which example i counts so many times; undefined where there are none. */
export type CountedMetrics = (counts: Int32Array) => Partial<Record<IntervalMetric, number>>;

/**
 * 95 % intervals of metrics of class probabilities by the percentile bootstrap (Efron & Tibshirani 1993, "An Introduction to the
 * Bootstrap", section 13.3), over 1,000 resamples of the examples with a label. Resamples are stratified: as many examples of each class
 * are drawn, with replacement, as the set has, so that each has the same classes. What is told is how the numbers would vary
 * over other pictures of these classes in these shares; a class of one example varies in none.
 *
 * Two things to know of them: where nothing is wrong, the interval of the accuracy is a point (`wilsonInterval` is not); and the
 * calibration error of a resample is on average larger than that of its set, so that its interval leans upwards.
 *
 * Takes 1,000 · n · k steps, some seconds for 10,000 examples of 100 classes.
 * @param probabilities `[n, k]`, each row adding up to 1
 * @param labels `[n]`: 0..k-1, or -1 for none
 * @param k number of classes
 * @param fillUniform what is drawn: a seeded source gives the same intervals again
 * @returns by metric; `auroc` and `averagePrecision` are means over classes, and missing where all examples are of one class; `top5` is
 *   missing where there are no more than five; undefined without labels
 */
export function classIntervals(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  fillUniform: FillUniform,
): Partial<Record<IntervalMetric, Interval>> | undefined {
  const strata = Array.from({ length: k }, (): number[] => []);
  for (let i = 0; i < labels.length; i++) if (labels[i]! >= 0) strata[labels[i]!]!.push(i);
  if (strata.every(({ length }) => length === 0)) return undefined;
  const metrics = countedMetrics(probabilities, labels, k);
  const values = new Map<string, Float64Array>();
  for (let r = 0; r < RESAMPLES; r++)
    for (const [name, value] of Object.entries(metrics(resample(strata, labels.length, fillUniform)))) {
      const column = values.get(name) ?? new Float64Array(RESAMPLES);
      values.set(name, column);
      column[r] = value;
    }
  return Object.fromEntries([...values].map(([name, found]): [string, Interval] => [name, spanOf(found)]));
}

/** How often each of `n` examples is drawn, when as many are drawn from each stratum as it has. */
export function resample(strata: readonly (readonly number[])[], n: number, fillUniform: FillUniform): Int32Array {
  const counts = new Int32Array(n);
  for (const members of strata) {
    const drawn = new Float32Array(members.length);
    fillUniform(drawn);
    for (const u of drawn) counts[members[Math.floor(u * members.length)]!]!++;
  }
  return counts;
}

/**
 * The metrics of `classificationMetrics`, the areas of `classAreas`, agreement and Brier score for any counts of the examples, in n · k
 * steps each: what does not depend on the counts is computed once. Examples without a label must count 0 times.
 */
export function countedMetrics(probabilities: ArrayLike<number>, labels: ArrayLike<number>, k: number): CountedMetrics {
  const n = labels.length;
  const answers = Int32Array.from({ length: n }, (_, i) => argmax(probabilities, i * k, k));
  const confidences = Float64Array.from(answers, (answer, i) => probabilities[i * k + answer]!);
  const losses = Float64Array.from({ length: n }, (_, i) =>
    labels[i]! < 0 ? 0 : logLoss(probabilities[i * k + labels[i]!]!),
  );
  const errors = squaredErrors(probabilities, labels, k);
  const inFive = k > 5 ? Uint8Array.from({ length: n }, (_, i) => amongFive(probabilities, labels, k, i)) : undefined;
  const rankings = Array.from({ length: k }, (_, c) => ranking(probabilities, labels, k, c));
  return (counts) => {
    const [own, answered, right] = [new Int32Array(k), new Int32Array(k), new Int32Array(k)];
    const gaps = new Float64Array(CALIBRATION_BINS);
    let [total, loss, squares, five] = [0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const count = counts[i]!;
      if (count === 0) continue;
      const [label, answer] = [labels[i]!, answers[i]!];
      const isRight = label === answer;
      total += count;
      loss += count * losses[i]!;
      squares += count * errors[i]!;
      if (inFive) five += count * inFive[i]!;
      own[label]! += count;
      answered[answer]! += count;
      if (isRight) right[label]! += count;
      const bin = Math.min(CALIBRATION_BINS - 1, Math.floor(confidences[i]! * CALIBRATION_BINS));
      gaps[bin]! += count * (Number(isRight) - confidences[i]!);
    }
    if (total === 0) return {};
    let [hits, recalls, f1s, present] = [0, 0, 0, 0];
    for (let c = 0; c < k; c++) {
      hits += right[c]!;
      if (own[c] === 0) continue;
      present++;
      recalls += right[c]! / own[c]!;
      // 2 P R / (P + R), of counts
      f1s += (2 * right[c]!) / (own[c]! + answered[c]!);
    }
    const areas = rankings.flatMap((order, c) => {
      const others = total - own[c]!;
      return own[c]! > 0 && others > 0 ? [areasUnder(order, counts, labels, c, own[c]!, others)] : [];
    });
    const mean = (of: number) => areas.reduce((sum, both) => sum + both[of]!, 0) / areas.length;
    const { kappa, mcc } = agreementOf({ labels: own, answers: answered, right });
    return {
      accuracy: hits / total,
      balancedAccuracy: recalls / present,
      macroF1: f1s / present,
      ece: gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / total,
      nll: loss / total,
      ...{ mcc, brier: squares / total },
      ...(kappa === undefined ? {} : { kappa }),
      ...(inFive ? { top5: five / total } : {}),
      ...(areas.length > 0 ? { auroc: mean(0), averagePrecision: mean(1) } : {}),
    };
  };
}

/** The examples with a label by their probability of one class, the lowest first. */
interface Ranking {
  readonly order: Int32Array;
  /** 1 where the next example has a higher probability. */
  readonly ends: Uint8Array;
}

function ranking(probabilities: ArrayLike<number>, labels: ArrayLike<number>, k: number, c: number): Ranking {
  const order = Int32Array.from(labels, (_, i) => i)
    .filter((i) => labels[i]! >= 0)
    .sort((a, b) => probabilities[a * k + c]! - probabilities[b * k + c]!);
  const ends = Uint8Array.from(order, (i, place) =>
    Number(place === order.length - 1 || probabilities[order[place + 1]! * k + c] !== probabilities[i * k + c]),
  );
  return { order, ends };
}

/** Whether the label of an example is among its five likeliest classes: 1 or 0. */
const amongFive = (probabilities: ArrayLike<number>, labels: ArrayLike<number>, k: number, i: number): number => {
  const row = Array.from({ length: k }, (_, c) => probabilities[i * k + c]!);
  return labels[i]! < 0 ? 0 : topAccuracy(row, [labels[i]!], k, 5);
};

/**
 * Area under the ROC curve and average precision of class `c` against the rest, of `own` examples of it and `others`: in one pass from
 * the least probable on, ties together.
 */
function areasUnder(
  { order, ends }: Ranking,
  counts: Int32Array,
  labels: ArrayLike<number>,
  c: number,
  own: number,
  others: number,
): readonly [auroc: number, averagePrecision: number] {
  let [pairs, precision, ownBelow, othersBelow, ownHere, othersHere] = [0, 0, 0, 0, 0, 0];
  for (let place = 0; place < order.length; place++) {
    const i = order[place]!;
    if (labels[i] === c) ownHere += counts[i]!;
    else othersHere += counts[i]!;
    if (ends[place] === 0) continue;
    pairs += ownHere * (othersBelow + othersHere / 2);
    const found = own - ownBelow;
    if (ownHere > 0) precision += (ownHere * found) / (found + others - othersBelow);
    ownBelow += ownHere;
    othersBelow += othersHere;
    [ownHere, othersHere] = [0, 0];
  }
  return [pairs / (own * others), precision / own];
}
