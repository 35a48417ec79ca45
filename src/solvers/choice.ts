// Settings of support vector machines chosen by cross-validation.
import { type Examples, take } from "./examples.ts";
import { linearMachine } from "./linear-svm.ts";
import { decisions, oneVersusOne } from "./one-versus-one.ts";

/** What a machine is made with. */
export interface Setting {
  /** C: how much an error costs. */
  readonly cost: number;
  /** Of the radial kernel; 0 of the linear one. */
  readonly gamma: number;
}

/** The setting that did best on examples that were held out. */
export interface Choice extends Setting {
  /** Share of the held-out examples that it answered rightly; undefined where there were too few to hold any out. */
  readonly accuracy: number | undefined;
  /** Factor on decisions by which probabilities are least surprised. */
  readonly slope: number;
}

/** Factors on decisions that are tried. */
const SLOPES = [0.5, 1, 2, 3, 4, 6, 8, 12];
/** The factor where nothing tells. */
const USUAL_SLOPE = 3;

/**
 * Logits `[classes]` of decisions `[classes, classes]` between two each, by the rule of Price, Knerr, Personnaz & Dreyfus 1994 (Pairwise Neural
 * Network Classifiers with Probabilistic Outputs): 1 / p(a) = 1 + Σ (1 / p(a against b) - 1), with p(a against b) = σ(slope · decision).
 */
export function coupled(found: Float32Array, at: number, classes: number, slope: number): Float64Array {
  return Float64Array.from({ length: classes }, (_, a) => {
    let sum = 0;
    for (let b = 0; b < classes; b++) sum += Math.exp(Math.min(500, -slope * found[at + a * classes + b]!));
    return -Math.log(sum);
  });
}

/**
 * The best setting of a radial kernel of those given, by the share of right answers on parts that were held out; of equals the one of
 * more probable answers. Yields the share that is done.
 * @param folds parts of the examples; none: the setting in the middle is taken
 */
export function* chooseRadial(
  examples: Examples,
  folds: readonly Int32Array[],
  gammas: readonly number[],
  costs: readonly number[],
): Generator<number, Choice> {
  const { classes, rows, d } = examples;
  const scores = new Scores();
  for (const [g, gamma] of gammas.entries())
    for (const [f, held] of folds.entries()) {
      const others = take(examples, Int32Array.from(folds.flatMap((fold) => (fold === held ? [] : Array.from(fold)))));
      const making = oneVersusOne(others, gamma, costs);
      let next = making.next();
      for (; !next.done; next = making.next()) yield (g + (f + next.value) / folds.length) / gammas.length;
      const { rows: asked, labels } = take({ ...examples, rows, d }, held);
      for (const [k, cost] of costs.entries()) {
        const found = decisions(next.value[k]!, others, gamma, asked);
        for (const slope of SLOPES)
          for (const [i, label] of labels.entries())
            scores.add({ gamma, cost, slope }, coupled(found, i * classes ** 2, classes, slope), label);
      }
    }
  return scores.best() ?? { ...middle(gammas, costs), accuracy: undefined, slope: USUAL_SLOPE };
}

/** The best cost of a linear machine, as `chooseRadial`. */
export function* chooseLinear(
  examples: Examples,
  folds: readonly Int32Array[],
  costs: readonly number[],
  seed: number,
): Generator<number, Choice> {
  const scores = new Scores();
  for (const [k, cost] of costs.entries())
    for (const [f, held] of folds.entries()) {
      const others = take(examples, Int32Array.from(folds.flatMap((fold) => (fold === held ? [] : Array.from(fold)))));
      const making = oneVersusRest(others, cost, seed);
      let next = making.next();
      for (; !next.done; next = making.next()) yield (k + (f + next.value) / folds.length) / costs.length;
      const { weights, offsets } = next.value;
      const { rows, labels, d, classes } = take(examples, held);
      for (const [i, label] of labels.entries()) {
        const sums = Float64Array.from(offsets);
        for (let j = 0; j < d; j++)
          for (let c = 0; c < classes; c++) sums[c]! += rows[i * d + j]! * weights[j * classes + c]!;
        for (const slope of SLOPES)
          scores.add(
            { gamma: 0, cost, slope },
            sums.map((sum) => slope * sum),
            label,
          );
      }
    }
  return scores.best() ?? { ...middle([0], costs), accuracy: undefined, slope: USUAL_SLOPE };
}

/** Linear machines of each class against all others: weights `[d, classes]` and offsets `[classes]`. Yields the share done. */
export function* oneVersusRest(
  { rows, d, labels, weights, classes }: Examples,
  cost: number,
  seed: number,
): Generator<number, { weights: Float32Array; offsets: Float32Array }> {
  const all = new Float32Array(d * classes);
  const offsets = new Float32Array(classes);
  const limits = Float64Array.from(weights, (weight) => cost * weight);
  for (let c = 0; c < classes; c++) {
    const signs = Int8Array.from(labels, (label) => (label === c ? 1 : -1));
    const solving = linearMachine(rows, d, signs, limits, seed);
    let next = solving.next();
    for (; !next.done; next = solving.next()) yield c / classes;
    for (let j = 0; j < d; j++) all[j * classes + c] = next.value.weights[j]!;
    offsets[c] = next.value.offset;
  }
  return { weights: all, offsets };
}

const middle = (gammas: readonly number[], costs: readonly number[]): Setting => ({
  gamma: gammas[gammas.length >> 1]!,
  cost: costs[costs.length >> 1]!,
});

type Tried = Setting & { readonly slope: number };

/** What settings answered. */
class Scores {
  private readonly tried = new Map<string, { setting: Tried; right: number; surprise: number; count: number }>();

  add(setting: Tried, logits: Float64Array, label: number): void {
    const key = `${setting.gamma} ${setting.cost} ${setting.slope}`;
    const score = this.tried.get(key) ?? { setting, right: 0, surprise: 0, count: 0 };
    this.tried.set(key, score);
    const most = Math.max(...logits);
    score.count++;
    score.right += Number(logits.indexOf(most) === label);
    score.surprise += most - logits[label]! + Math.log(logits.reduce((sum, v) => sum + Math.exp(v - most), 0));
  }

  /** Of each setting the best factor, and of these the best setting. */
  best(): Choice | undefined {
    const factors = new Map<string, { setting: Tried; right: number; surprise: number; count: number }>();
    for (const score of this.tried.values()) {
      const key = `${score.setting.gamma} ${score.setting.cost}`;
      if (score.surprise < (factors.get(key)?.surprise ?? Number.POSITIVE_INFINITY)) factors.set(key, score);
    }
    const [first] = [...factors.values()].sort((a, b) => b.right - a.right || a.surprise - b.surprise);
    return first && { ...first.setting, accuracy: first.right / first.count };
  }
}
