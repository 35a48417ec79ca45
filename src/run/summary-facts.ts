// What the summary of a report tells, from a run and its evaluation.
import { formatMetric, type MetricInfo } from "../metrics/metric.ts";
import { MODELS } from "../models/index.ts";
import type { ClassEvaluation, Evaluation } from "../predict/evaluate.ts";
import { confidenceOf } from "../report/judged.ts";
import { mixUps } from "../report/sections/confusion.ts";
import { type AnswerFacts, SURE, type SummaryFacts, type TrainedFacts } from "../report/sections/summary.ts";
import type { Metrics, RunEvent } from "../train/events.ts";
import type { AnswersFound } from "./class-sections.ts";
import type { RunConfig } from "./folder.ts";

/** What was trained, on what and for how long. */
export function trainedFacts({ model, data }: RunConfig, events: readonly RunEvent[]): TrainedFacts {
  const end = events.findLast((event) => event.type === "end");
  // What is solved has no losses; its stages count as steps, of which there are few by nature.
  const isStepped = events.some((event) => event.type === "epoch" && hasLosses(event.metrics));
  return {
    model,
    title: MODELS.find(({ name }) => name === model)?.title,
    data: data.name,
    height: data.height,
    width: data.width,
    channels: data.channels,
    classes: data.classes.length,
    examples: data.examples,
    length: end && { epochs: end.epoch, steps: isStepped ? end.step : undefined, seconds: end.seconds },
  };
}

const hasLosses = (metrics: Metrics): boolean => Object.keys(metrics).some((name) => name.startsWith("train/"));

/** How good and how sure the answers are. */
export function answerFacts(
  { metrics }: Evaluation,
  { classes, accuracyInterval }: ClassEvaluation,
  { judged, issues }: AnswersFound,
): AnswerFacts {
  const { labels, answers } = judged;
  const labelled = Array.from(labels, (_, i) => i).filter((i) => labels[i]! >= 0);
  const right = labelled.filter((i) => answers[i] === labels[i]);
  const sure = labelled.filter((i) => confidenceOf(judged, i) >= SURE);
  const n = labelled.length;
  const weakest = classes
    .filter(({ support }) => support > 0)
    .reduce<(typeof classes)[number] | undefined>((a, b) => (a && a.recall <= b.recall ? a : b), undefined);
  const [mixUp] = mixUps(judged);
  return {
    accuracy: right.length / n,
    interval: accuracyInterval,
    majority: Math.max(...classes.map(({ support }) => support)) / n,
    labelled: n,
    weakest: weakest && { name: weakest.name, recall: weakest.recall, n: weakest.support },
    mixUp: mixUp && {
      label: judged.classes[mixUp.label]!,
      answer: judged.classes[mixUp.answer]!,
      count: mixUp.count,
    },
    confidence: labelled.reduce((sum, i) => sum + confidenceOf(judged, i), 0) / n,
    ece: metrics.ece ?? 0,
    sure: {
      share: sure.length / n,
      right: sure.filter((i) => answers[i] === labels[i]).length / Math.max(1, sure.length),
    },
    labelIssues: issues?.issues.length ?? 0,
  };
}

/** Whether training ended while it still got better: the best of several epochs is the last. */
export function stillImproving(events: readonly RunEvent[]): boolean {
  const epochs = events.filter((event) => event.type === "epoch");
  return epochs.length > 1 && epochs.at(-1)!.best;
}

/** The headline numbers of a model that does not classify, as text. */
export const numbersInWords = (values: readonly (readonly [MetricInfo, number])[]): SummaryFacts["numbers"] =>
  values
    .filter(([{ headline }]) => headline)
    .map(([metric, value]) => `${metric.title} ${formatMetric(metric, value)}`);
