// The charts in a report: what an evaluation found of the classes, and how training went.
import type { ClassEvaluation } from "../predict/evaluate.ts";
import { type Curve, confusion, curves, reliability } from "../report/plots.ts";
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

/** How the classes are confused, and how far the probabilities can be trusted. */
export const classCharts = (
  { confusion: matrix, calibration }: ClassEvaluation,
  classes: readonly string[],
): Chart[] => [
  {
    name: "confusion",
    caption: "How many pictures of each class (rows) got each answer (columns); the shade is the share of the row.",
    wide: true,
    draw: () => confusion(matrix, classes),
  },
  {
    name: "reliability",
    caption:
      "How many of the answers are right that were given with a confidence: on the dashed line, as many as were promised; below it, fewer.",
    draw: () => reliability(calibration),
  },
];

/** The losses by step, and each of the first metrics of validation by epoch. */
export function trainingCharts(events: readonly RunEvent[]): Chart[] {
  const lines = lossCurves(events);
  const charts: Chart[] = [];
  if (lines.length > 0)
    charts.push({
      name: "training-losses",
      caption: "The loss and its terms at single steps, as PHASE/TERM; each has an axis of its own.",
      draw: () => curves("Training losses", lines, "step"),
    });
  const epochs = events.filter((event) => event.type === "epoch");
  const metrics = events.findLast((event) => event.type === "start")?.metrics ?? [];
  for (const { name, title, headline, better } of metrics) {
    const key = `validation/${name}`;
    const points = epochs.flatMap((e) => (e.metrics[key] === undefined ? [] : [[e.epoch, e.metrics[key]] as const]));
    if (headline && points.length > 0)
      charts.push({
        name: `training-${name}`,
        caption: `${title[0]!.toUpperCase()}${title.slice(1)} on the validation pictures after each epoch${better === "neither" ? "" : `; ${better} is better`}.`,
        draw: () => curves(`Validation: ${title}`, [{ name, points }], "epoch"),
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
