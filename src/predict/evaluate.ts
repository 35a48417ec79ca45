// Every number that a trained model can give on a set of pictures.

import { fail } from "../base/errors.ts";
import type { StopSignal } from "../base/stop-signal.ts";
import { decoded, type ImageSet } from "../data/dataset.ts";
import { classIntervals } from "../metrics/bootstrap.ts";
import {
  type CalibrationBin,
  type ClassScores,
  calibrationBins,
  classScores,
  confusionMatrix,
} from "../metrics/classification.ts";
import { type Interval, wilsonInterval } from "../metrics/intervals.ts";
import { computeIntervals, computeMetrics, type MetricInfo } from "../metrics/metric.ts";
import { Random } from "../random/random.ts";
import { angleFindings } from "./angle-error.ts";
import type { Finding } from "./finding.ts";
import type { TrainedModel } from "./trained.ts";

/** What only a classifier has, on the pictures with a label. */
export interface ClassEvaluation {
  /** Scores of each class. */
  readonly classes: readonly (ClassScores & { name: string })[];
  /** `confusion[label][answer]` counts. */
  readonly confusion: readonly (readonly number[])[];
  /** Confidence against accuracy, bin by bin. */
  readonly calibration: readonly CalibrationBin[];
  /** The 95 % interval of the accuracy (`wilsonInterval`). */
  readonly accuracyInterval: Interval;
  /** `[n, classes]` */
  readonly probabilities: Float64Array;
}

/** What `evaluate` finds. */
export interface Evaluation {
  /** Pictures that were evaluated. */
  readonly n: number;
  /** What is told of the metrics, in the order in which they are shown. */
  readonly known: readonly MetricInfo[];
  /** By metric name: shares of 1, not per cent; nats; squared error a pixel; degrees. */
  readonly metrics: Readonly<Record<string, number>>;
  /**
   * A 95 % interval of each metric that has one, over other pictures of the kind: Wilson's of a share of pictures, as the accuracy, which is
   * no point without a mistake; of a mean, that of the normal distribution; of the others of a classifier the bootstrap's
   * (`classIntervals`), always of the same resamples.
   */
  readonly intervals: Readonly<Record<string, Interval>>;
  /** Absent for a model that does not classify, and without labels. */
  readonly classification?: ClassEvaluation;
  /** Novelty of each picture, where the model tells it. */
  readonly novelty?: Float32Array;
  /** The pictures: all that decode. */
  readonly set: ImageSet;
}

/**
 * Evaluates a model on a set. Class metrics leave out pictures without a label.
 * @param options `signal` ends the work between two batches: the call then throws its reason
 * @throws `E_DATA_EMPTY` for a set without pictures, `E_RUN_CONFLICT` for pictures of another shape or other classes
 */
export async function evaluate(
  model: TrainedModel,
  whole: ImageSet,
  classes: readonly string[],
  { signal }: { readonly signal?: StopSignal } = {},
): Promise<Evaluation> {
  const set = await decoded(whole);
  const { spec } = model;
  if (set.height !== spec.height || set.width !== spec.width || set.channels !== spec.channels)
    fail(
      "E_RUN_CONFLICT",
      `the model takes pictures of ${spec.height}x${spec.width}x${spec.channels}, the data has ${set.height}x${set.width}x${set.channels}; give pictures of that kind, or the data it was trained on`,
    );
  if (classes.join("\n") !== spec.classes.join("\n"))
    fail(
      "E_RUN_CONFLICT",
      `the model knows the classes ${spec.classes.join(", ")}; the data has ${classes.join(", ")}`,
    );
  const n = set.labels.length;
  if (n === 0) fail("E_DATA_EMPTY", "there are no pictures to evaluate on");
  const predictions = await model.predict(set, signal);
  const metrics = computeMetrics(model.metrics, predictions);
  const intervals = computeIntervals(model.metrics, predictions);
  const found = withFindings(
    { n, known: model.metrics, metrics, intervals, novelty: predictions.outputs.get("novelty"), set },
    await angleFindings(model, set, signal),
  );
  if (!model.has("classify") || !predictions.hasLabels) return found;
  const k = classes.length;
  const { probabilities } = predictions;
  const confusion = confusionMatrix(probabilities, set.labels, k);
  const resamples = new Random(0, "bootstrap");
  const accuracyInterval = wilsonInterval(
    confusion.reduce((right, row, label) => right + row[label]!, 0),
    confusion.flat().reduce((a, b) => a + b, 0),
  );
  const classification = {
    classes: classScores(confusion).map((score, i) => ({ name: classes[i]!, ...score })),
    confusion,
    calibration: calibrationBins(probabilities, set.labels, k),
    accuracyInterval,
    probabilities,
  };
  const bootstrap = classIntervals(probabilities, set.labels, k, (out) => resamples.fillUniform(out));
  return { ...found, intervals: { ...found.intervals, ...bootstrap, accuracy: accuracyInterval }, classification };
}

/** An evaluation with more numbers: the report, metrics.json and trackers show them as they show the metrics of the model. */
export function withFindings(evaluation: Evaluation, findings: readonly Finding[]): Evaluation {
  const values = findings.flatMap(({ info, value }) => (value === undefined ? [] : [[info.name, value] as const]));
  const intervals = findings.flatMap(({ info, interval }) => (interval ? [[info.name, interval] as const] : []));
  return {
    ...evaluation,
    known: [...evaluation.known, ...findings.map(({ info }) => info)],
    metrics: { ...evaluation.metrics, ...Object.fromEntries(values) },
    intervals: { ...evaluation.intervals, ...Object.fromEntries(intervals) },
  };
}
