// Every number a trained model can give on a labelled set.
import { sizeOf } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { decoded, type ImageSet } from "../data/dataset.ts";
import {
  type CalibrationBin,
  type ClassScores,
  calibrationBins,
  classificationMetrics,
  classScores,
  confusionMatrix,
  softmaxRows,
} from "../metrics/classification.ts";
import type { TrainedModel } from "./trained.ts";

export interface Evaluation {
  readonly n: number;
  /** Shares, not per cent; nats; squared error a pixel. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly classes: readonly (ClassScores & { name: string })[];
  readonly confusion: readonly (readonly number[])[];
  readonly calibration: readonly CalibrationBin[];
  readonly probabilities: Float64Array;
  /** The pictures that were evaluated: all that decode. */
  readonly set: ImageSet;
}

/** @throws `E_DATA_EMPTY` for a set without labelled pictures, `E_RUN_CONFLICT` for pictures of another shape */
export async function evaluate(model: TrainedModel, whole: ImageSet, classes: readonly string[]): Promise<Evaluation> {
  const set = await decoded(whole);
  const { spec } = model;
  if (set.height !== spec.height || set.width !== spec.width || set.channels !== spec.channels)
    fail(
      "E_RUN_CONFLICT",
      `the model takes pictures of ${spec.height}x${spec.width}x${spec.channels}, the data has ${set.height}x${set.width}x${set.channels}; give --image ${spec.height}x${spec.width} or the data it was trained on`,
    );
  if (classes.join("\n") !== spec.classes.join("\n"))
    fail(
      "E_RUN_CONFLICT",
      `the model knows the classes ${spec.classes.join(", ")}; the data has ${classes.join(", ")}`,
    );
  const n = set.labels.length;
  if (n === 0 || set.labels.some((label) => label < 0))
    fail("E_DATA_EMPTY", "evaluation needs pictures that all have labels");
  const k = classes.length;
  const judgement = await model.judge(set);
  const logits = judgement.get("logits")!;
  const squaredError = judgement.get("squaredError");
  const logDensity = judgement.get("logDensity");
  const probabilities = softmaxRows(logits, k, model.temperature);
  const confusion = confusionMatrix(probabilities, set.labels, k);
  const { accuracy, balancedAccuracy, nll, ece, macroF1 } = classificationMetrics(probabilities, set.labels, k);
  const raw = classificationMetrics(softmaxRows(logits, k), set.labels, k);
  const metrics: Record<string, number> = {
    accuracy,
    balancedAccuracy,
    nll,
    ece,
    macroF1,
    temperature: model.temperature,
    eceUncalibrated: raw.ece,
  };
  if (squaredError) metrics.mse = average(squaredError) / sizeOf([set.height, set.width, set.channels]);
  if (logDensity) metrics.elbo = average(logDensity);
  return {
    n,
    metrics,
    classes: classScores(confusion).map((score, i) => ({ name: classes[i]!, ...score })),
    confusion,
    calibration: calibrationBins(probabilities, set.labels, k),
    probabilities,
    set,
  };
}

function average(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total / values.length;
}
