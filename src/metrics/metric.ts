// What a metric is: a number computed from what a model gives for the pictures of a set. On arrays only.
import type { NdArray } from "../base/array.ts";
import { argmax, softmaxRows } from "./classification.ts";
import { type Interval, meanInterval } from "./intervals.ts";

/** Values fitted on validation pictures and kept with the weights, by name: see `FittedQuantity`. */
export type Fitted = ReadonlyMap<string, NdArray>;

/** The factor that divides logits: 1 where none was fitted. */
export const temperatureOf = (fitted: Fitted): number => fitted.get("temperature")?.data[0] ?? 1;

/**
 * What a model gives for the pictures of a set: rows by output name, with what is known of the pictures. An output is a head
 * (`classify`: logits `[n, classes]`, `elbo`: `[n]`, …) or derived from one (see predict/outputs.ts).
 */
export class Predictions {
  private calibrated: Float64Array | undefined;

  constructor(
    /** By name, `[n, …]` each. */
    readonly outputs: ReadonlyMap<string, Float32Array>,
    /** Class numbers `[n]`; -1 where there is no label. */
    readonly labels: Int32Array,
    /** Number of classes. */
    readonly classes: number,
    /** What was fitted on validation pictures; empty while that is being done. */
    readonly fitted: Fitted = new Map(),
  ) {}

  /** Rows of an output that is there: a metric is only computed where all that it needs is. */
  output(name: string): Float32Array {
    return this.outputs.get(name)!;
  }

  /** The mean over pictures of an output `[n]`, through `f`; undefined where the pictures do not have it. */
  mean(name: string, f: (value: number) => number = (value) => value): number | undefined {
    const values = this.outputs.get(name);
    return values && values.reduce((total, value) => total + f(value), 0) / values.length;
  }

  /** The 95 % interval of that mean. */
  meanInterval(name: string, f: (value: number) => number = (value) => value): Interval | undefined {
    const values = this.outputs.get(name);
    return values && meanInterval(Float64Array.from(values, f));
  }

  /** Class probabilities `[n, classes]` at the fitted temperature. */
  get probabilities(): Float64Array {
    this.calibrated ??= softmaxRows(this.output("classify"), this.classes, temperatureOf(this.fitted));
    return this.calibrated;
  }

  /** The class of each picture `[n]`: its label, or what the model answers; -1 without a label for a model that gives no answer. */
  get labelsOrAnswers(): Int32Array {
    const logits = this.outputs.get("classify");
    const { labels, classes } = this;
    return logits ? labels.map((label, i) => (label >= 0 ? label : argmax(logits, i * classes, classes))) : labels;
  }

  /** Whether any picture has a label. */
  get hasLabels(): boolean {
    return this.labels.some((label) => label >= 0);
  }
}

/** How a value is read: a share of 1 (shown in per cent), nats, decibels, degrees of an angle, or a plain number. */
export type MetricUnit = "share" | "nats" | "dB" | "degrees" | "";

/** What is told of a metric: enough to show its values. */
export interface MetricInfo {
  /** As in JSON, in `--until` and in CSV columns. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Which values are better. */
  readonly better: "higher" | "lower" | "neither";
  /** What its values are in. */
  readonly unit: MetricUnit;
  /** Whether it is among the few that are shown first. */
  readonly headline?: boolean;
}

/** A metric: it is computed where a model gives all the outputs that it needs. */
export interface Metric extends MetricInfo {
  /** Names of outputs. */
  readonly needs: readonly string[];
  /** Computed in evaluation; in validation only for a model that chooses its best checkpoint by it, or is watched by it. */
  readonly slow?: boolean;
  /** Whether it needs pictures with labels. */
  readonly labels?: boolean;
  /** Whether it tells of what was fitted on validation pictures: it is computed in evaluation alone. */
  readonly afterFitting?: boolean;
  /** The value; undefined where it has none (a class metric without labels, one of pairs without those). */
  compute(predictions: Predictions): number | undefined;
  /** Its 95 % interval over other pictures of the kind, where it has one of its own. */
  interval?(predictions: Predictions): Interval | undefined;
}

/** Something fitted on validation pictures that the trained model uses later. */
export interface FittedQuantity {
  /** In messages; its arrays have names of their own. */
  readonly name: string;
  /** Names of outputs. */
  readonly needs: readonly string[];
  /** Names of outputs that it takes too where the model gives them. */
  readonly uses?: readonly string[];
  /** Fitted for the checkpoints that are used alone: the best one, and the one with which a run ends or is stopped. */
  readonly slow?: boolean;
  /** What it takes of training pictures, where the model gives all of it. */
  readonly ofTraining?: {
    /** Names of outputs. */
    readonly needs: readonly string[];
    /** Names of outputs that it takes too where the model gives them. */
    readonly uses?: readonly string[];
    /** Pictures that are looked at, at most: of more, some of all kinds. */
    readonly most: number;
  };
  /**
   * @param training what the model gives for training pictures, as `ofTraining` asks; undefined where it does not
   * @returns arrays by name, kept in the checkpoint; undefined where there is nothing to fit
   */
  fit(predictions: Predictions, training?: Predictions): Readonly<Record<string, NdArray>> | undefined;
}

/** A value as people read it: shares in per cent, others to four digits. */
export function formatMetric({ unit }: Pick<MetricInfo, "unit">, value: number): string {
  if (unit === "share") return `${(100 * value).toFixed(2)} %`;
  return `${Number(value.toPrecision(4))}${unit === "" ? "" : ` ${unit}`}`;
}

/** Whether `a` is better than `b`. */
export const isBetter = ({ better }: Pick<MetricInfo, "better">, a: number, b: number): boolean =>
  better === "lower" ? a < b : a > b;

/** The values of those metrics that have one, by name behind `prefix`. */
export function computeMetrics(
  metrics: readonly Metric[],
  predictions: Predictions,
  prefix = "",
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const metric of metrics) {
    const value = metric.compute(predictions);
    if (value !== undefined) found[prefix + metric.name] = value;
  }
  return found;
}

/** The intervals of those metrics that have one of their own, by name. */
export function computeIntervals(metrics: readonly Metric[], predictions: Predictions): Record<string, Interval> {
  const found: Record<string, Interval> = {};
  for (const metric of metrics) {
    const interval = metric.interval?.(predictions);
    // One that is not finite says nothing.
    if (interval?.every(Number.isFinite)) found[metric.name] = interval;
  }
  return found;
}
