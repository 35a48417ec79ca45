// How good class probabilities are, on plain arrays. Throughout, `k` is the number of classes, `probabilities` and `logits` are
// [n, k] row by row, and `labels` [n] holds class numbers 0..k-1, or -1 for an example without a label, which is left out.

/** How well one class is distinguished from the others. */
export interface ClassScores {
  /** Share of right answers among the examples that were given this class, 0..1; 0 when none was. */
  precision: number;
  /** Share of right answers among the examples of this class, 0..1; 0 when there is none. */
  recall: number;
  /** Harmonic mean of precision and recall, 0..1. */
  f1: number;
  /** Number of examples of this class. */
  support: number;
}

/** The results of `classificationMetrics`; every number is NaN for a set without any label. */
export interface ClassificationMetrics {
  /** Share of right answers, 0..1. */
  accuracy: number;
  /** Mean recall over the classes that have examples, 0..1. */
  balancedAccuracy: number;
  /** Mean negative log-likelihood of the label, nats. */
  nll: number;
  /** Expected calibration error, 0..1 (Guo et al. 2017, equation 3; 15 bins of equal width). */
  ece: number;
  /** Mean F1 over the classes that have examples, 0..1. */
  macroF1: number;
}

/** Where the largest of `values[from]` to `values[from + count - 1]` is, counted from `from`; of equal ones, the first. */
export function argmax(values: ArrayLike<number>, from = 0, count = values.length): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[from + i]! > values[from + best]!) best = i;
  return best;
}

/**
 * Class probabilities of logits: the softmax of each row divided by the temperature, in float64.
 * @param logits `[n, k]`, any finite numbers
 * @param temperature above 0; above 1 the probabilities are more alike, below 1 less
 * @returns `[n, k]`, each row adding up to 1
 */
export function softmaxRows(logits: ArrayLike<number>, k: number, temperature = 1): Float64Array {
  const out = new Float64Array(logits.length);
  for (let row = 0; row < logits.length; row += k) {
    const most = logits[row + argmax(logits, row, k)]!;
    let total = 0;
    for (let i = 0; i < k; i++) total += out[row + i] = Math.exp((logits[row + i]! - most) / temperature);
    for (let i = 0; i < k; i++) out[row + i]! /= total;
  }
  return out;
}

/**
 * How many examples of each class were given each class: `matrix[label][answer]`, `[k, k]`. The answer is the class of the
 * largest probability (logits do as well), of equal ones the first. Examples without a label are not counted.
 */
export function confusionMatrix(probabilities: ArrayLike<number>, labels: ArrayLike<number>, k: number): number[][] {
  const matrix = Array.from({ length: k }, () => new Array<number>(k).fill(0));
  for (let i = 0; i < labels.length; i++) if (labels[i]! >= 0) matrix[labels[i]!]![argmax(probabilities, i * k, k)]!++;
  return matrix;
}

/** Precision, recall, F1 and support of each class, from a confusion matrix `[label][answer]`. */
export function classScores(matrix: readonly (readonly number[])[]): ClassScores[] {
  return matrix.map((row, label) => {
    const support = row.reduce((a, b) => a + b, 0);
    const answered = matrix.reduce((total, other) => total + other[label]!, 0);
    const right = row[label]!;
    const precision = answered > 0 ? right / answered : 0;
    const recall = support > 0 ? right / support : 0;
    return { precision, recall, f1: right > 0 ? (2 * precision * recall) / (precision + recall) : 0, support };
  });
}

/** Their means over the classes that have examples (macro averages), and how many examples there are. */
export function meanScores(scores: readonly ClassScores[]): ClassScores {
  const present = scores.filter(({ support }) => support > 0);
  const total = (pick: (score: ClassScores) => number) => present.reduce((sum, score) => sum + pick(score), 0);
  const mean = (pick: (score: ClassScores) => number) => total(pick) / present.length;
  return {
    precision: mean(({ precision }) => precision),
    recall: mean(({ recall }) => recall),
    f1: mean(({ f1 }) => f1),
    support: total(({ support }) => support),
  };
}

/** Ranges of equal width that the probabilities of answers are sorted into. */
export const CALIBRATION_BINS = 15;

/** The answers whose probability lies in one range. */
export interface CalibrationBin {
  /** Mean probability of the answers, 0..1; 0 in an empty bin. */
  confidence: number;
  /** Share of them that are right, 0..1; 0 in an empty bin. */
  accuracy: number;
  /** Number of answers in the bin. */
  count: number;
}

/**
 * A reliability table: answers sorted into `bins` ranges of equal width by their probability, the lowest first (Guo et al.
 * 2017, section 2). Examples without a label are left out; without any label all bins are empty.
 */
export function calibrationBins(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  bins = CALIBRATION_BINS,
): CalibrationBin[] {
  const table = Array.from({ length: bins }, () => ({ confidence: 0, accuracy: 0, count: 0 }));
  for (let i = 0; i < labels.length; i++) {
    if (labels[i]! < 0) continue;
    const answer = argmax(probabilities, i * k, k);
    const confidence = probabilities[i * k + answer]!;
    const bin = table[Math.min(bins - 1, Math.floor(confidence * bins))]!;
    bin.count++;
    bin.confidence += confidence;
    bin.accuracy += Number(answer === labels[i]);
  }
  for (const bin of table) {
    bin.confidence /= Math.max(1, bin.count);
    bin.accuracy /= Math.max(1, bin.count);
  }
  return table;
}

/** The negative log-likelihood of a label, nats, by its probability: one that underflowed to 0 counts as the smallest float32. */
export const logLoss = (probability: number): number => -Math.log(Math.max(probability, 1e-38));

/**
 * Accuracy, balanced accuracy, likelihood, calibration error and F1 of class probabilities over the examples with a label.
 * Where no example has one, all five are NaN: there is nothing to tell, and the caller leaves them out.
 * @param probabilities `[n, k]`, each row adding up to 1
 * @param labels `[n]`: 0..k-1, or -1 for none
 * @param k number of classes
 */
export function classificationMetrics(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
): ClassificationMetrics {
  const matrix = confusionMatrix(probabilities, labels, k);
  const { recall, f1, support: n } = meanScores(classScores(matrix));
  let nll = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i]! >= 0) nll += logLoss(probabilities[i * k + labels[i]!]!);
  const bins = calibrationBins(probabilities, labels, k);
  return {
    accuracy: matrix.reduce((total, row, label) => total + row[label]!, 0) / n,
    balancedAccuracy: recall,
    nll: nll / n,
    ece: bins.reduce((total, bin) => total + (bin.count / n) * Math.abs(bin.accuracy - bin.confidence), 0),
    macroF1: f1,
  };
}

/** Bounds of the temperature. */
const [COLDEST, HOTTEST] = [0.05, 20];

/**
 * The temperature at which `softmaxRows(logits, k, temperature)` gives the labels the largest likelihood (Guo et al. 2017,
 * section 4.2), in 0.05..20; 1 where no example has a label. The negative log-likelihood is convex in 1/T, so that Newton's
 * method finds it, kept between the bounds within which the slope changes sign.
 *
 * Of n labels, each counts as right with weight (n + 1) / (n + 2) alone, and the rest is spread over the other classes (Platt
 * 1999, "Probabilistic Outputs for Support Vector Machines", section 2.2; Laplace's rule of succession). Without a mistake the
 * likelihood itself is largest at T = 0, where every picture of whatever kind is certain; so, the mean confidence of n faultless
 * answers stays below what n answers can show. Among many mistakes the one that is assumed makes no difference.
 * @param logits `[n, k]` of examples that the model was not trained on
 * @param labels `[n]`: 0..k-1, or -1 for none
 */
export function fitTemperature(logits: ArrayLike<number>, labels: ArrayLike<number>, k: number): number {
  let labelled = 0;
  for (let row = 0; row < labels.length; row++) labelled += Number(labels[row]! >= 0);
  const believed = (labelled + 1) / (labelled + 2);
  let [low, high] = [1 / HOTTEST, 1 / COLDEST];
  let inverse = 1;
  for (let i = 0; i < 60; i++) {
    const p = softmaxRows(logits, k, 1 / inverse);
    let slope = 0;
    let curvature = 0;
    for (let row = 0; row < labels.length; row++) {
      if (labels[row]! < 0) continue;
      // Above the logit of the label.
      const own = logits[row * k + labels[row]!]!;
      let [mean, square, sum] = [0, 0, 0];
      for (let c = row * k; c < (row + 1) * k; c++) {
        const above = logits[c]! - own;
        mean += p[c]! * above;
        square += p[c]! * above ** 2;
        sum += above;
      }
      slope += mean - ((1 - believed) * sum) / (k - 1);
      curvature += square - mean ** 2;
    }
    if (slope === 0) break;
    if (slope > 0) high = inverse;
    else low = inverse;
    const newton = inverse - slope / curvature;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    const moved = Math.abs(next - inverse);
    inverse = next;
    if (moved < 1e-9 * inverse) break;
  }
  return 1 / inverse;
}
