// A run in MLflow's words: its parameters, tags and metrics, within MLflow's limits on names and values.
import type { RunEvent } from "../../../train/events.ts";
import type { RunConfig } from "../../folder.ts";
import { withoutPlaces } from "../../places.ts";

/** A name and its value, as MLflow has parameters and tags. */
export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

/** One value of a metric. */
export interface MetricValue {
  readonly key: string;
  readonly value: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly step: number;
}

/** Characters of names and of values that MLflow takes. */
const [MOST_KEY, MOST_PARAM, MOST_TAG] = [250, 6000, 5000];

/** A name as MLflow allows it: letters, digits and `_ - . /` and space, no empty or dotted part of a path. */
export const keyOf = (name: string): string =>
  name
    .split("/")
    .map((part) => part.replace(/[^\w. -]/g, "_"))
    .filter((part) => part !== "" && part !== "." && part !== "..")
    .join("/")
    .slice(0, MOST_KEY) || "_";

/** Name of a registered model, which has no slash. */
export const modelName = ({ model, data }: RunConfig): string =>
  keyOf(`genclass-${model}-${data.name}`.replaceAll("/", "-"));

/** Everything that config.json says, flat, but where files lie on this machine. */
export function paramsOf(config: RunConfig): KeyValue[] {
  const { options, data, ...run } = withoutPlaces(config);
  const { classes, location: _, ...rest } = data;
  const flat: Record<string, unknown> = {
    ...run,
    ...prefixed("options.", options),
    ...prefixed("data.", rest),
    "data.classes": classes.length,
  };
  return Object.entries(flat).map(([name, value]) => ({
    key: keyOf(name),
    value: (typeof value === "string" ? value : JSON.stringify(value)).slice(0, MOST_PARAM),
  }));
}

const prefixed = (prefix: string, values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));

/** What the run is found by. */
export const tagsOf = ({ model, genclass, backend, data }: RunConfig): KeyValue[] =>
  Object.entries({
    "genclass.version": genclass,
    "genclass.model": model,
    "genclass.data": data.name,
    "genclass.backend": backend,
    "genclass.fingerprint": data.fingerprint,
    "genclass.classes": data.classes.join(", "),
  }).map(([key, value]) => ({ key, value: value.slice(0, MOST_TAG) }));

/** The metrics of an event, at `begun` plus the time of training; none of other events than steps and epochs. */
export function metricsOfEvent(event: RunEvent, begun: number): MetricValue[] {
  if (event.type !== "step" && event.type !== "epoch") return [];
  const values =
    event.type === "step"
      ? { ...event.losses, learningRate: event.learningRate, imagesPerSecond: event.imagesPerSecond }
      : event.metrics;
  return metricValues(values, event.step, begun + Math.round(1000 * event.seconds));
}

/** Metrics by name. What is not finite has no number in JSON, and is left out. */
export const metricValues = (
  values: Readonly<Record<string, number | null>>,
  step: number,
  timestamp: number,
): MetricValue[] =>
  Object.entries(values).flatMap(([name, value]) =>
    value !== null && Number.isFinite(value) ? [{ key: keyOf(name), value, timestamp, step }] : [],
  );
