// How good class probabilities are, on plain arrays: `probabilities` [n, k] row by row, `labels` [n].

export interface ClassScores {
  precision: number;
  recall: number;
  f1: number;
  support: number;
}

export interface ClassificationMetrics {
  /** Share of right answers, 0..1. */
  accuracy: number;
  /** Mean recall over classes. */
  balancedAccuracy: number;
  /** Mean negative log-likelihood of the label, nats. */
  nll: number;
  /** Expected calibration error, 0..1 (Guo et al. 2017, equation 3; 15 bins of equal width). */
  ece: number;
  /** Mean F1 over classes. */
  macroF1: number;
}

export function argmax(values: ArrayLike<number>, from = 0, count = values.length): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[from + i]! > values[from + best]!) best = i;
  return best;
}

/** Rows of logits to probabilities at a temperature. */
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

/** `matrix[label][answer]` counts. */
export function confusionMatrix(probabilities: ArrayLike<number>, labels: ArrayLike<number>, k: number): number[][] {
  const matrix = Array.from({ length: k }, () => new Array<number>(k).fill(0));
  for (let i = 0; i < labels.length; i++) matrix[labels[i]!]![argmax(probabilities, i * k, k)]!++;
  return matrix;
}

/** Precision, recall and F1 of each class; 0 where undefined. */
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

export interface CalibrationBin {
  confidence: number;
  accuracy: number;
  count: number;
}

/** Answers by confidence: mean confidence, share right and count of each bin. */
export function calibrationBins(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  bins = 15,
): CalibrationBin[] {
  const table = Array.from({ length: bins }, () => ({ confidence: 0, accuracy: 0, count: 0 }));
  for (let i = 0; i < labels.length; i++) {
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

export function classificationMetrics(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
): ClassificationMetrics {
  const n = labels.length;
  const matrix = confusionMatrix(probabilities, labels, k);
  const scores = classScores(matrix).filter((score) => score.support > 0);
  const mean = (pick: (score: ClassScores) => number) =>
    scores.reduce((total, score) => total + pick(score), 0) / scores.length;
  let nll = 0;
  // A probability that underflowed to 0 counts as the smallest float32.
  for (let i = 0; i < n; i++) nll -= Math.log(Math.max(probabilities[i * k + labels[i]!]!, 1e-38)) / n;
  const bins = calibrationBins(probabilities, labels, k);
  return {
    accuracy: matrix.reduce((total, row, label) => total + row[label]!, 0) / n,
    balancedAccuracy: mean((score) => score.recall),
    nll,
    ece: bins.reduce((total, bin) => total + (bin.count / n) * Math.abs(bin.accuracy - bin.confidence), 0),
    macroF1: mean((score) => score.f1),
  };
}

/** Bounds of the temperature. */
const [COLDEST, HOTTEST] = [0.05, 20];

/**
 * The temperature that minimises the negative log-likelihood (Guo et al. 2017, section 4.2), in 0.05..20. That is convex in
 * 1/T: Newton's method, between the bounds within which its slope changes sign.
 */
export function fitTemperature(logits: ArrayLike<number>, labels: ArrayLike<number>, k: number): number {
  let [low, high] = [1 / HOTTEST, 1 / COLDEST];
  let inverse = 1;
  for (let i = 0; i < 60; i++) {
    const p = softmaxRows(logits, k, 1 / inverse);
    let slope = 0;
    let curvature = 0;
    for (let row = 0; row < labels.length; row++) {
      let mean = 0;
      let square = 0;
      for (let c = row * k; c < (row + 1) * k; c++) {
        mean += p[c]! * logits[c]!;
        square += p[c]! * logits[c]! ** 2;
      }
      slope += mean - logits[row * k + labels[row]!]!;
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
