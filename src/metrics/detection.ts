// How well a score tells pictures that are novel from those that are not.

/** What is told of a score that should be higher for novel pictures. */
export interface DetectionMetrics {
  /** Area under the ROC curve: how often a novel picture scores above one that is not; ties count a half. 0..1 */
  readonly auroc: number;
  /** Average precision of finding the novel pictures, 0..1; its value at random is their share. */
  readonly aupr: number;
  /** Share of pictures that are not novel among those scored as high as 95 % of the novel ones are, 0..1. */
  readonly fpr95: number;
}

/**
 * Compares the scores of pictures that are known with those of novel ones, at least one of each, by the definitions of
 * scikit-learn (`roc_auc_score`, `average_precision_score`, `roc_curve`).
 */
export function detectionMetrics(known: ArrayLike<number>, novel: ArrayLike<number>): DetectionMetrics {
  const all = [
    ...Array.from(known, (score) => ({ score, positive: false })),
    ...Array.from(novel, (score) => ({ score, positive: true })),
  ].sort((a, b) => b.score - a.score);
  let [auroc, aupr] = [0, 0];
  let fpr95: number | undefined;
  let [found, wrong] = [0, 0];
  for (let from = 0; from < all.length; ) {
    // Equal scores are taken together: no threshold parts them.
    let [positives, negatives] = [0, 0];
    let to = from;
    for (; to < all.length && all[to]!.score === all[from]!.score; to++) {
      if (all[to]!.positive) positives++;
      else negatives++;
    }
    auroc += negatives * (found + positives / 2);
    found += positives;
    wrong += negatives;
    aupr += (positives / novel.length) * (found / (found + wrong));
    if (fpr95 === undefined && found >= 0.95 * novel.length) fpr95 = wrong / known.length;
    from = to;
  }
  return { auroc: auroc / (known.length * novel.length), aupr, fpr95: fpr95! };
}
