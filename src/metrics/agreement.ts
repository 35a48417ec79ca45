// How far answers agree with labels beyond chance, from a confusion matrix `[label][answer]`; and how many labels are among the
// likeliest answers.

type Matrix = readonly (readonly number[])[];

/** Sums that both coefficients are made of. */
function sumsOf(matrix: Matrix) {
  const labels = matrix.map((row) => row.reduce((a, b) => a + b, 0));
  const answers = matrix.map((_, k) => matrix.reduce((sum, row) => sum + row[k]!, 0));
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const n = labels.reduce((a, b) => a + b, 0);
  const right = matrix.reduce((sum, row, k) => sum + row[k]!, 0);
  return { n, right, chance: dot(labels, answers), ofLabels: dot(labels, labels), ofAnswers: dot(answers, answers) };
}

/**
 * Cohen's kappa (Cohen 1960, "A Coefficient of Agreement for Nominal Scales"): 1 for no mistake, 0 for what independent answers of
 * the same shares get. @returns undefined where all labels and all answers are one class, or there is none
 */
export function cohenKappa(matrix: Matrix): number | undefined {
  const { n, right, chance } = sumsOf(matrix);
  const expected = chance / n;
  return n > expected ? (right - expected) / (n - expected) : undefined;
}

/**
 * Matthews' correlation of labels and answers, for any number of classes (Gorodkin 2004, "Comparing two K-category assignments by a
 * K-category correlation coefficient"): -1..1; 0 where all labels or all answers are one class.
 */
export function matthewsCorrelation(matrix: Matrix): number {
  const { n, right, chance, ofLabels, ofAnswers } = sumsOf(matrix);
  const scale = Math.sqrt((n ** 2 - ofAnswers) * (n ** 2 - ofLabels));
  return scale > 0 ? (right * n - chance) / scale : 0;
}

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
