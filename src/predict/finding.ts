// What an evaluation finds beside the metrics of its model: numbers that are looked for in ways of their own.
import type { Interval } from "../metrics/intervals.ts";
import type { MetricInfo } from "../metrics/metric.ts";

/** A number that was looked for, and what it is. */
export interface Finding {
  /** As of a metric. */
  readonly info: MetricInfo;
  /** Undefined where it could not be told. */
  readonly value: number | undefined;
  /** Of 95 %, where it has one. */
  readonly interval?: Interval;
}
