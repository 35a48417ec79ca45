// The common metrics and fitted quantities, as explicit lists.
import { ndarray } from "../base/array.ts";
import { cohenKappa, matthewsCorrelation, topAccuracy } from "./agreement.ts";
import { classAreas } from "./class-curves.ts";
import {
  type ClassificationMetrics,
  classificationMetrics,
  confusionMatrix,
  fitTemperature,
  softmaxRows,
} from "./classification.ts";
import { spreadOf } from "./folds.ts";
import { wilsonInterval } from "./intervals.ts";
import { type FittedQuantity, type Metric, type Predictions, temperatureOf } from "./metric.ts";
import { mixtureQuantity } from "./mixture-quantity.ts";
import type { Rows } from "./nearest.ts";
import { noveltyQuantity, shareOfAlarms } from "./novelty.ts";
import { adaptiveCalibrationError, brierScore } from "./probability-scores.ts";
import { linearProbe, neighbourProbe, silhouette } from "./probes.ts";
import { psnr } from "./psnr.ts";
import { SAMPLE_METRICS } from "./sample-metrics.ts";

type ClassMetric = Pick<Metric, "title" | "better" | "unit" | "headline"> & {
  readonly name: keyof ClassificationMetrics;
};

/** Metrics of class probabilities share one pass over them. */
const classification = new WeakMap<Predictions, ClassificationMetrics>();

const CLASS_METRICS = (
  [
    { name: "accuracy", title: "accuracy", better: "higher", unit: "share", headline: true },
    { name: "balancedAccuracy", title: "balanced accuracy", better: "higher", unit: "share" },
    { name: "nll", title: "log-loss", better: "lower", unit: "nats", headline: true },
    { name: "ece", title: "calibration error", better: "lower", unit: "share" },
    { name: "macroF1", title: "macro F1", better: "higher", unit: "share" },
  ] satisfies ClassMetric[]
).map(
  (metric): Metric => ({
    ...metric,
    needs: ["classify"],
    labels: true,
    compute(p) {
      if (!p.hasLabels) return undefined;
      const found = classification.get(p) ?? classificationMetrics(p.probabilities, p.labels, p.classes);
      classification.set(p, found);
      return found[metric.name];
    },
  }),
);

/** Those that are told of a finished classifier; none is what it is trained for. */
const CLASS_DETAILS = (
  [
    {
      ...{ name: "top5", title: "label among the five likeliest", better: "higher", unit: "share" },
      of: (p) => (p.classes > 5 ? topAccuracy(p.probabilities, p.labels, p.classes, 5) : undefined),
    },
    {
      ...{ name: "kappa", title: "Cohen's kappa", better: "higher", unit: "" },
      of: (p) => cohenKappa(confusionMatrix(p.probabilities, p.labels, p.classes)),
    },
    {
      ...{ name: "mcc", title: "Matthews' correlation", better: "higher", unit: "" },
      of: (p) => matthewsCorrelation(confusionMatrix(p.probabilities, p.labels, p.classes)),
    },
    {
      ...{ name: "brier", title: "Brier score", better: "lower", unit: "" },
      of: (p) => brierScore(p.probabilities, p.labels, p.classes),
    },
    {
      ...{ name: "adaptiveEce", title: "adaptive calibration error", better: "lower", unit: "share" },
      of: (p) => adaptiveCalibrationError(p.probabilities, p.labels, p.classes),
    },
    {
      ...{ name: "auroc", title: "area under the ROC curve, mean over classes", better: "higher", unit: "" },
      of: (p) => classAreas(p.probabilities, p.labels, p.classes)?.auroc,
    },
    {
      ...{ name: "averagePrecision", title: "average precision, mean over classes", better: "higher", unit: "" },
      of: (p) => classAreas(p.probabilities, p.labels, p.classes)?.averagePrecision,
    },
  ] satisfies (Pick<Metric, "name" | "title" | "better" | "unit"> & { of: Metric["compute"] })[]
).map(
  ({ of, ...metric }): Metric => ({
    ...metric,
    ...{ needs: ["classify"], labels: true, slow: true },
    compute: (p) => (p.hasLabels ? of(p) : undefined),
  }),
);

/** About as many examples at most have a rule fitted to their codes, and codes compared with each other: of more, some of all kinds. */
const [MOST_FITTED, MOST_COMPARED] = [5000, 2000];

/** How well codes tell the classes apart, of up to so many examples with a label. */
const PROBES = (
  [
    {
      ...{ name: "linearProbe", title: "accuracy of a linear rule on codes, cross-validated", unit: "share" },
      ...{ most: MOST_FITTED, of: linearProbe },
    },
    {
      ...{ name: "neighbourProbe", title: "accuracy of the five nearest codes", unit: "share" },
      ...{ most: MOST_COMPARED, of: neighbourProbe },
    },
    {
      ...{ name: "silhouette", title: "silhouette of the classes in codes", unit: "" },
      ...{ most: MOST_COMPARED, of: silhouette },
    },
  ] satisfies (Pick<Metric, "name" | "title" | "unit"> & {
    most: number;
    of: (rows: Rows, labels: ArrayLike<number>) => number | undefined;
  })[]
).map(
  ({ most, of, ...metric }): Metric => ({
    ...metric,
    ...{ better: "higher", needs: ["encode"], labels: true, slow: true },
    compute(p) {
      const labelled = Array.from(p.labels, (_, i) => i).filter((i) => p.labels[i]! >= 0);
      if (labelled.length === 0) return undefined;
      const codes = p.output("encode");
      const width = codes.length / p.labels.length;
      const taken = labelled.filter((_, at) => spreadOf(at) * labelled.length < most);
      const data = new Float32Array(taken.length * width);
      for (const [row, i] of taken.entries()) data.set(codes.subarray(i * width, (i + 1) * width), row * width);
      return of(
        { data, width },
        taken.map((i) => p.labels[i]!),
      );
    },
  }),
);

/** A metric that is the mean over pictures of an output `[n]`, through `f`. */
const meanOf = (output: string, f?: (value: number) => number): Pick<Metric, "needs" | "compute" | "interval"> => ({
  needs: [output],
  compute: (p) => p.mean(output, f),
  interval: (p) => p.meanInterval(output, f),
});

/** Every metric that does not belong to one model. */
export const METRICS: readonly Metric[] = [
  ...CLASS_METRICS,
  ...CLASS_DETAILS,
  ...PROBES,
  {
    name: "temperature",
    title: "temperature",
    better: "neither",
    unit: "",
    needs: ["classify"],
    afterFitting: true,
    compute: (p) => (p.fitted.has("temperature") ? temperatureOf(p.fitted) : undefined),
  },
  {
    name: "eceUncalibrated",
    title: "calibration error before temperature",
    better: "lower",
    unit: "share",
    needs: ["classify"],
    labels: true,
    afterFitting: true,
    compute: (p) =>
      p.fitted.has("temperature") && p.hasLabels
        ? classificationMetrics(softmaxRows(p.output("classify"), p.classes), p.labels, p.classes).ece
        : undefined,
  },
  {
    name: "mse",
    title: "squared error a pixel",
    better: "lower",
    unit: "",
    headline: true,
    ...meanOf("squaredError"),
  },
  {
    name: "elbo",
    title: "ELBO",
    better: "higher",
    unit: "nats",
    headline: true,
    ...meanOf("elbo"),
  },
  {
    name: "psnr",
    title: "peak signal-to-noise ratio of translations",
    better: "higher",
    unit: "dB",
    headline: true,
    ...meanOf("translationError", psnr),
  },
  {
    name: "psnrBefore",
    title: "the same of what is translated",
    better: "neither",
    unit: "dB",
    headline: true,
    ...meanOf("partnerError", psnr),
  },
  {
    name: "translationError",
    title: "squared error a pixel of translations",
    better: "lower",
    unit: "",
    ...meanOf("translationError"),
  },
  {
    name: "ssim",
    title: "structural similarity of translations",
    better: "higher",
    unit: "",
    slow: true,
    ...meanOf("translationSimilarity"),
  },
  ...SAMPLE_METRICS,
  {
    name: "noveltyAlarms",
    title: "pictures past the novelty threshold",
    better: "neither",
    unit: "share",
    needs: ["novelty"],
    afterFitting: true,
    compute: (p) => shareOfAlarms(p.output("novelty")),
    interval(p) {
      const { length } = p.output("novelty");
      return wilsonInterval(Math.round(shareOfAlarms(p.output("novelty")) * length), length);
    },
  },
];

/** Everything that is fitted on validation pictures. */
export const FITTED: readonly FittedQuantity[] = [
  {
    // Guo et al. 2017, section 4.2
    name: "temperature",
    needs: ["classify"],
    fit: (p) =>
      p.hasLabels
        ? { temperature: ndarray("float32", [], [fitTemperature(p.output("classify"), p.labels, p.classes)]) }
        : undefined,
  },
  noveltyQuantity,
  mixtureQuantity,
];
