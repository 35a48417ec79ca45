// What an evaluation finds beside the metrics of its model: numbers that are looked for in ways of their own.
import type { Interval } from "../metrics/intervals.ts";
import type { MetricInfo } from "../metrics/metric.ts";
import type { Evaluation } from "./evaluate.ts";

/** A number, and what it is. */
export interface Finding {
  readonly info: MetricInfo;
  readonly value: number;
  /** Of 95 %, where it has one. */
  readonly interval?: Interval;
}

/** An evaluation with more numbers: the report, metrics.json and trackers show them as they show the metrics of the model. */
export function withFindings(evaluation: Evaluation, findings: readonly Finding[]): Evaluation {
  const values = findings.map(({ info, value }) => [info.name, value] as const);
  const intervals = findings.flatMap(({ info, interval }) => (interval ? [[info.name, interval] as const] : []));
  return {
    ...evaluation,
    known: [...evaluation.known, ...findings.map(({ info }) => info)],
    metrics: { ...evaluation.metrics, ...Object.fromEntries(values) },
    intervals: { ...evaluation.intervals, ...Object.fromEntries(intervals) },
  };
}
