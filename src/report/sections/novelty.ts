// How unlike the training data pictures are to the model: those that were evaluated, and those of other kinds.
import type { Interval } from "../../metrics/intervals.ts";
import type { ReportChart, ReportSection } from "../html.ts";
import { percent } from "../judged.ts";

/** How pictures of another kind come out. */
export interface UnlikePictures {
  /** What they are. */
  readonly source: string;
  readonly n: number;
  /** Share past the threshold, 0..1. */
  readonly alarms: number;
  /** Area under the ROC curve against the evaluated pictures, 0..1. */
  readonly auroc: number;
  /** Its 95 % interval. */
  readonly intervals: { readonly auroc: Interval };
  /** Novelty of each. */
  readonly scores: ArrayLike<number>;
}

/**
 * @param known share of the evaluated pictures past the threshold, 0..1
 * @param falseAlarms the share that is promised, 0..1
 */
export const noveltySection = (
  known: number,
  falseAlarms: number,
  unlike: readonly UnlikePictures[],
  charts: readonly ReportChart[],
): ReportSection => ({
  title: "Unlike pictures",
  note: `Novelty says how unlike the training data a picture is: 0 for the median of validation, below 0 for a more typical one, above 1 for an alarm. The threshold is set on validation pictures so that at most ${percent(falseAlarms, 1)} of such pictures raise one; of the evaluated ones ${percent(known, 1)} do.`,
  charts,
  table: {
    head: ["pictures", "how many", "alarms", "AUROC against the evaluated ones", "95 % interval"],
    rows: unlike.map(({ source, n, alarms, auroc, intervals }) => [
      ...[source, n, percent(alarms, 1), auroc.toFixed(4)],
      intervals.auroc.map((end) => end.toFixed(4)).join(" to "),
    ]),
  },
});
