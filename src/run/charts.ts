// The charts in a report: what an evaluation found of the classes, and how training went.
import type { ClassCurves } from "../metrics/curves.ts";
import type { ClassEvaluation } from "../predict/evaluate.ts";
import { type Curve, confusion, curves, type Line, overlay, reliability } from "../report/plots.ts";
import type { RunEvent } from "../train/events.ts";

/** A chart that a report may have. */
export interface Chart {
  /** Name of its file, without its ending. */
  readonly name: string;
  /** What stands below it. */
  readonly caption: string;
  /** See `ReportChart.wide`. */
  readonly wide?: boolean;
  /** Draws it, as an SVG element. */
  draw(): string;
}

/** Points of a curve of the losses, at most; of more steps, evenly spread ones are shown. */
const MOST_POINTS = 400;

/** The confusion of classes as a picture: a file of its own, as the page has it as a table. Of more classes there is none. */
const MOST_CLASSES = 100;

export const confusionChart = ({ confusion: matrix }: ClassEvaluation, classes: readonly string[]): Chart[] =>
  classes.length > MOST_CLASSES
    ? []
    : [
        {
          name: "confusion",
          caption:
            "How many pictures of each class (rows) got each answer (columns); the shade is the share of the row.",
          draw: () => confusion(matrix, classes),
        },
      ];

/** How far the probabilities can be trusted. */
export const reliabilityChart = ({ calibration }: ClassEvaluation): Chart => ({
  name: "reliability",
  caption:
    "How many of the answers are right that were given with a confidence: on the dashed line, as many as were promised; below it, fewer. The larger a dot, the more answers it stands for.",
  draw: () => reliability(calibration),
});

/** How far apart points of a curve of shares are at least, for all to be seen that is there. */
const APART = 0.005;

/** The points of a curve of shares, less those that lie on others. */
function pointsOf(x: readonly number[], y: readonly number[]): Line["points"] {
  let [lastX, lastY] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  return x.flatMap((value, i) => {
    const far = Math.max(Math.abs(value - lastX), Math.abs(y[i]! - lastY)) >= APART;
    if (!far && i < x.length - 1) return [];
    [lastX, lastY] = [value, y[i]!];
    return [[value, y[i]!] as const];
  });
}

/**
 * Curves of one class against the rest.
 * @param lowest the class whose curve is drawn in the second colour
 * @param which what the classes are, for the caption
 */
export function curvesOfClasses(
  made: readonly { readonly name: string; readonly curves: ClassCurves }[],
  lowest: string,
  which: string,
): Chart[] {
  const lines = (of: (curves: ClassCurves) => Line["points"]): Line[] =>
    made
      .map(({ name, curves }): Line => ({ points: of(curves), kind: name === lowest ? "other" : "faint" }))
      // What is drawn last is above.
      .sort((a, b) => Number(a.kind === "other") - Number(b.kind === "other"));
  const share = (name: string) => ({ name, min: 0, max: 1 });
  return [
    {
      name: "roc",
      caption: `ROC curves, a line for ${which}; orange: ${lowest}, the one that is found worst. The dashed line is guessing.`,
      draw: () => {
        const guessing: Line = {
          points: [
            [0, 0],
            [1, 1],
          ],
          kind: "guide",
        };
        const all = [guessing, ...lines(({ roc }) => pointsOf(roc.fpr, roc.tpr))];
        return overlay("ROC", all, share("share of other pictures taken for it"), share("share of its pictures found"));
      },
    },
    {
      name: "precision-recall",
      caption: `Precision and recall, a line for ${which}; orange: ${lowest}.`,
      draw: () =>
        overlay(
          "Precision and recall",
          lines(({ precisionRecall: { precision, recall } }) => pointsOf(recall, precision)),
          share("recall: share of its pictures found"),
          share("precision: share right among those"),
        ),
    },
  ];
}

/** Bars of a histogram of novelty, and how far it goes beyond the threshold; what is farther counts for the last bar. */
const [BARS, FARTHEST] = [60, 3];

/** How novelty is spread over the evaluated pictures and over unlike ones. */
export function noveltyChart(
  known: ArrayLike<number>,
  unlike: readonly { readonly scores: ArrayLike<number> }[],
): Chart {
  const least = Array.from(known).reduce((lowest, score) => Math.min(lowest, score), 0);
  // The axis begins at a number that can be read.
  const low = Math.max(-FARTHEST, Math.floor(2 * least) / 2);
  const width = (FARTHEST - low) / BARS;
  const bars = (scores: ArrayLike<number>): Line["points"] => {
    const counts = new Float64Array(BARS);
    for (const score of Array.from(scores))
      counts[Math.min(BARS - 1, Math.max(0, Math.floor((score - low) / width)))]!++;
    const most = Math.max(...counts);
    return Array.from(counts).flatMap((count, bar) => [
      [low + bar * width, count / most] as const,
      [low + (bar + 1) * width, count / most] as const,
    ]);
  };
  const all = [known, ...unlike.map(({ scores }) => scores)].map(bars);
  return {
    name: "novelty",
    caption: `Novelty of the evaluated pictures (blue)${unlike.length > 0 ? " and of unlike ones (orange)" : ""}; each is drawn as high as the other. Right of the dashed line at 1 are alarms; the last bar counts all from ${FARTHEST} on.`,
    draw: () =>
      overlay(
        "Novelty",
        [
          ...all.map((points, i): Line => ({ points, kind: i === 0 ? "main" : "other", filled: true })),
          {
            points: [
              [1, 0],
              [1, 1],
            ],
            kind: "guide",
          },
        ],
        { name: "novelty (0: median of validation, 1: threshold)", min: low, max: FARTHEST },
        { name: "pictures, of the highest bar", min: 0, max: 1 },
      ),
  };
}

/** The losses by step, and each of the first metrics of validation by epoch. */
export function trainingCharts(events: readonly RunEvent[]): Chart[] {
  const lines = lossCurves(events);
  const charts: Chart[] = [];
  if (lines.length > 0)
    charts.push({
      name: "training-losses",
      caption:
        lines.length > 1
          ? "The loss and its terms at single steps, as PHASE/TERM; each has an axis of its own."
          : "The loss at single steps.",
      draw: () => curves("Training losses", lines, "step"),
    });
  const epochs = events.filter((event) => event.type === "epoch");
  const metrics = events.findLast((event) => event.type === "start")?.metrics ?? [];
  for (const { name, title, headline, better, unit } of metrics) {
    const key = `validation/${name}`;
    const points = epochs.flatMap((e) => (e.metrics[key] === undefined ? [] : [[e.epoch, e.metrics[key]] as const]));
    if (headline && points.length > 1)
      charts.push({
        name: `training-${name}`,
        caption: `${title[0]!.toUpperCase()}${title.slice(1)} on the validation pictures after each epoch${better === "neither" ? "" : `; ${better} is better`}.`,
        draw: () => curves(`Validation: ${title}`, [{ name, points, isShare: unit === "share" }], "epoch"),
      });
  }
  return charts;
}

function lossCurves(events: readonly RunEvent[]): Curve[] {
  const steps = events.filter((event) => event.type === "step");
  const stride = Math.max(1, Math.floor(steps.length / MOST_POINTS));
  const losses = new Map<string, [number, number][]>();
  steps.forEach((event, i) => {
    if (i % stride !== 0) return;
    for (const [name, value] of Object.entries(event.losses))
      losses.set(name, [...(losses.get(name) ?? []), [event.step, value]]);
  });
  return [...losses].map(([name, points]) => ({ name, points }));
}
