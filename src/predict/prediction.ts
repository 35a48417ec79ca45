// What a classifier says of pictures.

/** What a classifier says of a picture. */
export interface Prediction {
  /** Name of the likeliest class. */
  label: string;
  /** Of the label, 0..1. */
  probability: number;
  /** Of each class, 0..1. */
  probabilities: Record<string, number>;
  /**
   * How unlike the training data: 0 for the median of validation, below 0 for a more typical picture, above 1 for an alarm,
   * which of pictures like those of validation at most a share `TrainedModel.novelty.falseAlarms` raises. Undefined where it
   * has no basis: see `TrainedModel.novelty`.
   */
  novelty?: number;
}

/**
 * The answers of a classifier by name.
 * @param probabilities `[n, classes]`
 * @param labels the likeliest class of each picture, `[n]`
 * @param novelty `[n]`, where it is told
 */
export const predictionsOf = (
  classes: readonly string[],
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  novelty?: ArrayLike<number>,
): Prediction[] =>
  Array.from(labels, (best, i) => {
    const from = i * classes.length;
    return {
      label: classes[best]!,
      probability: probabilities[from + best]!,
      probabilities: Object.fromEntries(classes.map((name, c) => [name, probabilities[from + c]!])),
      ...(novelty ? { novelty: novelty[i]! } : {}),
    };
  });
