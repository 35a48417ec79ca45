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
export const detectionMetrics = (known: ArrayLike<number>, novel: ArrayLike<number>): DetectionMetrics =>
  countedDetection(known, novel)(new Int32Array(known.length + novel.length).fill(1));

/**
 * `detectionMetrics` for any counts of the pictures, of which at least one of each kind is above 0: what does not depend on the counts is
 * computed once.
 * @returns takes how often each counts, the known ones first
 */
export function countedDetection(
  known: ArrayLike<number>,
  novel: ArrayLike<number>,
): (counts: Int32Array) => DetectionMetrics {
  const score = (i: number) => (i < known.length ? known[i]! : novel[i - known.length]!);
  const order = Int32Array.from({ length: known.length + novel.length }, (_, i) => i).sort(
    (a, b) => score(b) - score(a),
  );
  const ends = Uint8Array.from(order, (i, at) => Number(at + 1 === order.length || score(order[at + 1]!) !== score(i)));
  return (counts) => {
    let [knownCount, novelCount] = [0, 0];
    for (let i = 0; i < counts.length; i++)
      if (i < known.length) knownCount += counts[i]!;
      else novelCount += counts[i]!;
    let [auroc, aupr, found, wrong, positives, negatives] = [0, 0, 0, 0, 0, 0];
    let fpr95: number | undefined;
    for (let at = 0; at < order.length; at++) {
      const i = order[at]!;
      if (i < known.length) negatives += counts[i]!;
      else positives += counts[i]!;
      // Equal scores are taken together: no threshold parts them.
      if (ends[at] === 0) continue;
      auroc += negatives * (found + positives / 2);
      found += positives;
      wrong += negatives;
      // Of counts: no term is above its own, and the sum not above theirs, whatever is rounded.
      aupr += (positives * found) / Math.max(1, found + wrong);
      if (fpr95 === undefined && found >= 0.95 * novelCount) fpr95 = wrong / knownCount;
      [positives, negatives] = [0, 0];
    }
    return { auroc: auroc / (knownCount * novelCount), aupr: aupr / novelCount, fpr95: fpr95! };
  };
}
