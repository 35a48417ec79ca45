// How far answers agree with labels beyond chance, from a confusion matrix `[label][answer]`; and how many labels are among the
// likeliest answers.

type Matrix = readonly (readonly number[])[];

/** How many examples each class has, how often it is the answer, and how often rightly. */
export interface ClassCounts {
  readonly labels: ArrayLike<number>;
  readonly answers: ArrayLike<number>;
  readonly right: ArrayLike<number>;
}

const countsOf = (matrix: Matrix): ClassCounts => ({
  labels: matrix.map((row) => row.reduce((a, b) => a + b, 0)),
  answers: matrix.map((_, k) => matrix.reduce((sum, row) => sum + row[k]!, 0)),
  right: matrix.map((row, k) => row[k]!),
});

/** Both coefficients of some counts; kappa is undefined where all labels and all answers are one class, or there is none. */
export function agreementOf({ labels, answers, right }: ClassCounts): { kappa: number | undefined; mcc: number } {
  let [n, hits, chance, ofLabels, ofAnswers] = [0, 0, 0, 0, 0];
  for (let c = 0; c < labels.length; c++) {
    const [own, answered] = [labels[c]!, answers[c]!];
    n += own;
    hits += right[c]!;
    chance += own * answered;
    ofLabels += own ** 2;
    ofAnswers += answered ** 2;
  }
  const expected = chance / n;
  const scale = Math.sqrt((n ** 2 - ofAnswers) * (n ** 2 - ofLabels));
  return {
    kappa: n > expected ? (hits - expected) / (n - expected) : undefined,
    mcc: scale > 0 ? (hits * n - chance) / scale : 0,
  };
}

/**
 * Cohen's kappa (Cohen 1960, "A Coefficient of Agreement for Nominal Scales"): 1 for no mistake, 0 for what independent answers of
 * the same shares get. @returns undefined where all labels and all answers are one class, or there is none
 */
export const cohenKappa = (matrix: Matrix): number | undefined => agreementOf(countsOf(matrix)).kappa;

/**
 * Matthews' correlation of labels and answers, for any number of classes (Gorodkin 2004, "Comparing two K-category assignments by a
 * K-category correlation coefficient"): -1..1; 0 where all labels or all answers are one class.
 */
export const matthewsCorrelation = (matrix: Matrix): number => agreementOf(countsOf(matrix)).mcc;

/**
 * Share of examples whose label is among the `top` likeliest classes, 0..1; of equal ones, the first count as likelier. NaN without
 * any label. Arrays are those of `classificationMetrics`.
 */
export function topAccuracy(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  top: number,
): number {
  let [right, n] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label < 0) continue;
    const own = probabilities[i * k + label]!;
    let before = 0;
    for (let c = 0; c < k; c++) {
      const other = probabilities[i * k + c]!;
      if (other > own || (other === own && c < label)) before++;
    }
    right += Number(before < top);
    n++;
  }
  return right / n;
}
