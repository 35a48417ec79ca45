// How far what is told of a score that finds novel pictures may be from the truth.
import { type FillUniform, RESAMPLES, resample, spanOf } from "./bootstrap.ts";
import { countedDetection, type DetectionMetrics } from "./detection.ts";
import { areaInterval, type Interval } from "./intervals.ts";

/**
 * 95 % intervals: of the area under the ROC curve by `areaInterval`, of the others by the percentile bootstrap (see `classIntervals`) over
 * resamples of the known and of the novel pictures. Where all novel pictures score above all others, those of the others are points.
 * @param known scores of known pictures
 * @param novel scores of novel ones
 * @param fillUniform what is drawn: a seeded source gives the same intervals again
 */
export function detectionIntervals(
  known: ArrayLike<number>,
  novel: ArrayLike<number>,
  fillUniform: FillUniform,
): Record<keyof DetectionMetrics, Interval> {
  const [n, m] = [known.length, novel.length];
  const metrics = countedDetection(known, novel);
  const { auroc } = metrics(new Int32Array(n + m).fill(1));
  const strata = [Array.from({ length: n }, (_, i) => i), Array.from({ length: m }, (_, i) => n + i)];
  const [aupr, fpr95] = [new Float64Array(RESAMPLES), new Float64Array(RESAMPLES)];
  for (let r = 0; r < RESAMPLES; r++) {
    const found = metrics(resample(strata, n + m, fillUniform));
    aupr[r] = found.aupr;
    fpr95[r] = found.fpr95;
  }
  return { auroc: areaInterval(auroc, n, m), aupr: spanOf(aupr), fpr95: spanOf(fpr95) };
}
