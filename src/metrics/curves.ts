// The ROC and the precision-recall curve of a score that should be higher for the examples that are looked for, as plain arrays.

/** A ROC curve: points from (0, 0) to (1, 1), as the threshold falls. */
export interface RocCurve {
  /** Share of the other examples that score at least the threshold, 0..1, rising; NaN without any. */
  readonly fpr: readonly number[];
  /** Share of the examples looked for that score at least the threshold, 0..1, rising; NaN without any. */
  readonly tpr: readonly number[];
  /** Falling, from infinity, which nothing reaches. */
  readonly thresholds: readonly number[];
}

/** A precision-recall curve: points from the lowest score, where everything is taken, to a last one where nothing is. */
export interface PrecisionRecallCurve {
  /** Share of the examples looked for among those that score at least the threshold, 0..1; 1 at the last point. */
  readonly precision: readonly number[];
  /** Share of the examples looked for that score at least the threshold, falling from 1 to 0; 1 until the last without any. */
  readonly recall: readonly number[];
  /** Rising, one fewer than points: the last has none. */
  readonly thresholds: readonly number[];
}

/** How many examples score at least a threshold: one step for each different score, the highest first. */
interface Step {
  readonly threshold: number;
  readonly found: number;
  readonly wrong: number;
}

function stepsOf(scores: ArrayLike<number>, isPositive: ArrayLike<unknown>): Step[] {
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const steps: Step[] = [];
  let [found, wrong] = [0, 0];
  for (const [place, i] of order.entries()) {
    if (isPositive[i]) found++;
    else wrong++;
    const next = order[place + 1];
    // Equal scores are taken together: no threshold parts them.
    if (next === undefined || scores[next] !== scores[i]) steps.push({ threshold: scores[i]!, found, wrong });
  }
  return steps;
}

/**
 * The ROC curve as scikit-learn's `roc_curve` has it: points on a straight line between their neighbours are left out.
 * @param scores `[n]`, at least one
 * @param isPositive `[n]`: whether the example is one of those looked for
 */
export function rocCurve(scores: ArrayLike<number>, isPositive: ArrayLike<unknown>): RocCurve {
  const steps = stepsOf(scores, isPositive);
  const bends = steps.filter((step, i) => {
    const [before, after] = [steps[i - 1], steps[i + 1]];
    if (!before || !after) return true;
    // As scikit-learn, only where both counts rise as they did: a slope that is kept over unequal steps stays a point.
    return (
      after.found - step.found !== step.found - before.found || after.wrong - step.wrong !== step.wrong - before.wrong
    );
  });
  const { found: positives, wrong: negatives } = steps.at(-1)!;
  const points = [{ threshold: Number.POSITIVE_INFINITY, found: 0, wrong: 0 }, ...bends];
  return {
    fpr: points.map(({ wrong }) => wrong / negatives),
    tpr: points.map(({ found }) => found / positives),
    thresholds: points.map(({ threshold }) => threshold),
  };
}

/**
 * The precision-recall curve as scikit-learn's `precision_recall_curve` has it. Arrays are those of `rocCurve`.
 */
export function precisionRecallCurve(scores: ArrayLike<number>, isPositive: ArrayLike<unknown>): PrecisionRecallCurve {
  const steps = stepsOf(scores, isPositive).reverse();
  const positives = steps[0]!.found;
  return {
    precision: [...steps.map(({ found, wrong }) => found / (found + wrong)), 1],
    recall: [...steps.map(({ found }) => (positives > 0 ? found / positives : 1)), 0],
    thresholds: steps.map(({ threshold }) => threshold),
  };
}

/** The curves of one class against the rest. */
export interface ClassCurves {
  /** Hits against false alarms. */
  readonly roc: RocCurve;
  /** Precision against recall. */
  readonly precisionRecall: PrecisionRecallCurve;
}

/**
 * The curves of each class, by its probability, over the examples with a label. Arrays are those of `classificationMetrics`.
 * @param classes those whose curves are asked for; default: all
 * @returns the curves of each of them; undefined for a class that none or all of these examples are of
 */
export function classCurves(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  classes: readonly number[] = Array.from({ length: k }, (_, c) => c),
): (ClassCurves | undefined)[] {
  const labelled = Array.from(labels, (_, i) => i).filter((i) => labels[i]! >= 0);
  return classes.map((c) => {
    const scores = labelled.map((i) => probabilities[i * k + c]!);
    const isPositive = labelled.map((i) => labels[i] === c);
    if (!isPositive.includes(true) || !isPositive.includes(false)) return undefined;
    return { roc: rocCurve(scores, isPositive), precisionRecall: precisionRecallCurve(scores, isPositive) };
  });
}
