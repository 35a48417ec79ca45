// A bank of guessed labels for the pictures that have none: from a graph of latent vectors first, then from a trained teacher.

/** A class for each picture, and how far it is trusted. */
export interface Guesses {
  /** Class numbers `[n]`. */
  readonly classes: Int32Array;
  /** Confidence `[n]`: comparable among pictures of one class. */
  readonly confidence: Float32Array;
}

/** The class of the largest score of each row of `[n, k]`, with its margin over the second. */
export function byMargin(scores: ArrayLike<number>, k: number): Guesses {
  const n = scores.length / k;
  const classes = new Int32Array(n);
  const confidence = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    let [best, first, second] = [0, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let c = 0; c < k; c++) {
      const score = scores[i * k + c]!;
      if (score > first) [best, first, second] = [c, score, first];
      else if (score > second) second = score;
    }
    classes[i] = best;
    confidence[i] = first - second;
  }
  return { classes, confidence };
}

/** The class of the largest probability of each row of `[n, k]`, with that probability. */
export function byProbability(probabilities: ArrayLike<number>, k: number): Guesses {
  const { classes } = byMargin(probabilities, k);
  return { classes, confidence: Float32Array.from(classes, (label, i) => probabilities[i * k + label]!) };
}
