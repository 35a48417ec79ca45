// Which labels are probably wrong, from class probabilities of examples that the model was not trained on: the confident joint of
// Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", section 3.1.

/** An example that is probably of another class than its label says. */
export interface LabelIssue {
  /** Number of the example. */
  readonly index: number;
  /** Class number of the label. */
  readonly given: number;
  /** Class number that it is counted for. */
  readonly suggested: number;
  /** Probability of the label less that of the best other class (their normalised margin, section 3.2), -1..1. */
  readonly margin: number;
}

/** What is found of labels. */
export interface LabelIssues {
  /** Of each class, the mean probability of it over examples with that label: what counts as confident; NaN for none. */
  readonly thresholds: Float64Array;
  /** Counts `[label][class]` of examples that are confidently of a class; those of none are not counted. */
  readonly joint: readonly (readonly number[])[];
  /** The examples off its diagonal whose label is not the likeliest class, the least believable label first. */
  readonly issues: readonly LabelIssue[];
}

/** Mean probabilities and those that they are made of are compared up to this, as rounding may part equal ones. */
const ROUNDING = 1e-6;

/**
 * Counts each example with a label for the likeliest of the classes whose probability reaches that class's threshold (equation 1);
 * where that is not its label, the label is probably wrong. Unlike the paper, and as the authors' cleanlab does, a label that is the
 * likeliest class of all is believed.
 * @param probabilities `[n, k]`, out of sample
 * @param labels `[n]`: 0..k-1, or -1 for none
 */
export function labelIssues(probabilities: ArrayLike<number>, labels: ArrayLike<number>, k: number): LabelIssues {
  const sums = new Float64Array(k);
  const counts = new Float64Array(k);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label < 0) continue;
    sums[label]! += probabilities[i * k + label]!;
    counts[label]!++;
  }
  const thresholds = sums.map((sum, c) => sum / counts[c]!);
  const joint = Array.from({ length: k }, () => new Array<number>(k).fill(0));
  const issues: LabelIssue[] = [];
  for (let i = 0; i < labels.length; i++) {
    const given = labels[i]!;
    if (given < 0) continue;
    const p = (c: number) => probabilities[i * k + c]!;
    let suggested = -1;
    let other = 0;
    for (let c = 0; c < k; c++) {
      if (c !== given) other = Math.max(other, p(c));
      if (p(c) >= thresholds[c]! - ROUNDING && (suggested < 0 || p(c) > p(suggested))) suggested = c;
    }
    if (suggested < 0) continue;
    joint[given]![suggested]!++;
    const margin = p(given) - other;
    if (suggested !== given && margin < 0) issues.push({ index: i, given, suggested, margin });
  }
  return { thresholds, joint, issues: issues.sort((a, b) => a.margin - b.margin) };
}
