// The sections of a report that tell of a classifier's answers.
import { gather } from "../data/dataset.ts";
import { areasOfClasses } from "../metrics/class-curves.ts";
import { meanScores } from "../metrics/classification.ts";
import { type LabelIssues, labelIssues } from "../metrics/confident-learning.ts";
import { classCurves } from "../metrics/curves.ts";
import { formatMetric } from "../metrics/metric.ts";
import type { ClassEvaluation, Evaluation } from "../predict/evaluate.ts";
import type { TrainedModel } from "../predict/trained.ts";
import type { ReportSection, ReportTable } from "../report/html.ts";
import { type Judged, mostUncertain, percent, worstMistakes } from "../report/judged.ts";
import { type ClassArea, classCurvesSection } from "../report/sections/class-curves.ts";
import { confusionSection } from "../report/sections/confusion.ts";
import { labelErrorsSection } from "../report/sections/label-errors.ts";
import { mistakesSection, uncertainSection } from "../report/sections/mistakes.ts";
import type { Thumbnails } from "../report/thumbnails.ts";
import { confusionChart, curvesOfClasses, reliabilityChart } from "./charts.ts";
import { explainedMistakes } from "./explained.ts";
import type { ReportMaker } from "./report-maker.ts";

/** Mistakes and uncertain pictures that are shown. */
const [MISTAKES, UNCERTAIN] = [40, 20];

/** Classes whose curves are drawn, at most: of more, those that are found worst. */
const MOST_CURVES = 20;

/** What is found of the answers beside the evaluation itself. */
export interface AnswersFound {
  readonly judged: Judged;
  /** Absent for pictures that the model was trained on: it has learnt their labels, right or wrong. */
  readonly issues?: LabelIssues;
}

/** What of labels is probably wrong. */
export const issuesOf = ({ probabilities, labels, classes }: Judged): LabelIssues =>
  labelIssues(probabilities, labels, classes.length);

/** What shows single pictures: mistakes, doubts, and labels. */
export async function pictureSections(
  maker: ReportMaker,
  model: TrainedModel,
  found: Evaluation,
  { judged, issues }: AnswersFound,
  thumbnails: Thumbnails,
): Promise<ReportSection[]> {
  const sections: ReportSection[] = [];
  const worst = worstMistakes(judged, MISTAKES);
  if (worst.length > 0) {
    const explained = await maker.attempt("the explained mistakes", () => explainedMistakes(model, found, worst));
    sections.push(mistakesSection(judged, thumbnails, worst, explained ?? []));
  }
  const uncertain = mostUncertain(judged, UNCERTAIN);
  if (uncertain.length > 0) sections.push(uncertainSection(judged, thumbnails, uncertain));
  if (issues && issues.issues.length > 0) sections.push(labelErrorsSection(judged, thumbnails, issues));
  return sections;
}

/** The matrix, with the pictures that fit on what is left of the sheet. */
export async function matrixSection(
  maker: ReportMaker,
  evaluation: ClassEvaluation,
  judged: Judged,
  thumbnails: Thumbnails,
): Promise<ReportSection> {
  await maker.draw(confusionChart(evaluation, judged.classes));
  return confusionSection(judged, thumbnails, classTable(evaluation));
}

function classTable({ classes }: ClassEvaluation): ReportTable {
  const share = (value: number) => formatMetric({ unit: "share" }, value);
  return {
    head: ["class", "precision", "recall", "F1", "pictures"],
    rows: [...classes, { name: "mean", ...meanScores(classes) }].map((c) => [
      c.name,
      share(c.precision),
      share(c.recall),
      share(c.f1),
      c.support,
    ]),
  };
}

/** How far the probabilities can be trusted, and how well they find each class. */
export async function probabilitySections(
  maker: ReportMaker,
  evaluation: ClassEvaluation,
  { labels, probabilities, classes }: Judged,
): Promise<ReportSection[]> {
  const bins = evaluation.calibration.filter(({ count }) => count > 0);
  const sections: ReportSection[] = [
    {
      title: "How far the probabilities can be trusted",
      charts: await maker.draw([reliabilityChart(evaluation)]),
      table: {
        head: ["mean probability of the answers", "of them right", "answers"],
        rows: bins.map(({ confidence, accuracy, count }) => [percent(confidence, 1), percent(accuracy, 1), count]),
      },
      folded: "The same as a table",
    },
  ];
  const k = classes.length;
  const found = areasOfClasses(probabilities, labels, k).flatMap((areas, c) => (areas ? [{ c, ...areas }] : []));
  if (found.length === 0) return sections;
  const worst = found.toSorted((a, b) => a.aupr - b.aupr).slice(0, MOST_CURVES);
  const drawn = worst.map(({ c }) => c);
  const made = classCurves(probabilities, labels, k, drawn).flatMap((curves, i) =>
    curves ? [{ name: classes[drawn[i]!]!, curves }] : [],
  );
  const which = worst.length < found.length ? `each of the ${worst.length} classes that are found worst` : "each class";
  const charts = await maker.draw(curvesOfClasses(made, made[0]!.name, which));
  const areas = found.map(({ c, auroc, aupr }): ClassArea => ({ name: classes[c]!, auroc, averagePrecision: aupr }));
  return [...sections, classCurvesSection(areas, charts)];
}

/** The pictures of the sheet, as a style. */
export const thumbnailStyle = async (thumbnails: Thumbnails, { set }: Evaluation): Promise<string> =>
  thumbnails.style(await gather(set, thumbnails.index));
