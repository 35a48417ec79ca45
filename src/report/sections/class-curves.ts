// How well the probability of each class finds its pictures: ROC and precision-recall curves, one class against the rest.
import type { ReportChart, ReportSection } from "../html.ts";

/** The areas under the curves of a class. */
export interface ClassArea {
  readonly name: string;
  /** 0..1 */
  readonly auroc: number;
  readonly averagePrecision: number;
}

/** @param areas of the classes that have curves */
export const classCurvesSection = (areas: readonly ClassArea[], charts: readonly ReportChart[]): ReportSection => ({
  title: "Finding each class",
  note: "One class against the rest, by its probability, as the threshold moves.",
  charts,
  table: {
    head: ["class", "area under the ROC curve", "average precision"],
    rows: areas.map(({ name, auroc, averagePrecision }) => [name, auroc.toFixed(5), averagePrecision.toFixed(5)]),
  },
  folded: "Areas under the curves",
});
