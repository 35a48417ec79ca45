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

/**
 * Which guesses are the most confident `share` (0..1) of those of their class: 1 for these, else 0; `[n]`. One of confidence 0,
 * where no label has come, is none.
 */
export function mostConfident({ classes, confidence }: Guesses, k: number, share: number): Float32Array {
  const kept = new Float32Array(classes.length);
  for (let c = 0; c < k; c++) {
    const members = [...classes.keys()].filter((i) => classes[i] === c);
    members.sort((a, b) => confidence[b]! - confidence[a]! || a - b);
    for (const i of members.slice(0, Math.round(members.length * share))) kept[i] = Number(confidence[i]! > 0);
  }
  return kept;
}
