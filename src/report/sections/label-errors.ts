// Labels that are probably wrong, by confident learning.
import type { LabelIssues } from "../../metrics/confident-learning.ts";
import type { ReportSection } from "../html.ts";
import { type Judged, percent, probabilityOf } from "../judged.ts";
import { type Shot, shotsHtml } from "../shots.ts";
import type { Thumbnails } from "../thumbnails.ts";

/** Pictures that are shown, and rows of the list, at most. */
const [SHOWN, LISTED] = [30, 300];

export function labelErrorsSection(
  judged: Judged,
  thumbnails: Thumbnails,
  { issues, thresholds }: LabelIssues,
): ReportSection {
  const { classes, name } = judged;
  const share = (i: number, c: number) => percent(probabilityOf(judged, i, c), 1);
  const shots = issues.slice(0, SHOWN).map(
    ({ index: i, given, suggested }): Shot => ({
      i,
      alt: `${name(i)}: labelled ${classes[given]} (${share(i, given)}), perhaps ${classes[suggested]} (${share(i, suggested)})`,
      text: `${classes[given]}, perhaps ${classes[suggested]}`,
    }),
  );
  const usual = thresholds.filter((value) => !Number.isNaN(value));
  const [low, high] = [Math.min(...usual), Math.max(...usual)].map((value) => percent(value, 1));
  return {
    title: "Probable label errors",
    note: `${issues.length} of these pictures are confidently of another class than their label says (confident learning, Northcutt et al. 2021): the probability of the other class reaches what is usual for pictures of that class (its mean over them: ${low} to ${high}), and no class that does so is likelier. Some are mistakes of the labels, others of the model: only a look tells.`,
    body: shotsHtml(thumbnails, shots),
    table: {
      head: ["picture", "label", "its probability", "perhaps", "its probability"],
      rows: issues
        .slice(0, LISTED)
        .map(({ index: i, given, suggested }) => [
          name(i),
          classes[given]!,
          share(i, given),
          classes[suggested]!,
          share(i, suggested),
        ]),
    },
    folded: `Names of ${issues.length > LISTED ? `the first ${LISTED}` : "them"}`,
  };
}
