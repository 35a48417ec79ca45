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

/** What there is to find, by name, in the order in which it is shown. */
const INFOS = {
  angleError: { title: "error of the angle of turned pictures", better: "lower", unit: "degrees", headline: true },
  nats: { title: "-ln p(x) of pixels 0 or 1, at most", better: "lower", unit: "nats", headline: true },
  bitsPerDimension: { title: "bits a value of -ln p(x), at most", better: "lower", unit: "", headline: true },
  translatedClass: {
    ...{ title: "translations that the judge takes for the class asked for", better: "higher", unit: "share" },
    headline: true,
  },
  frechetDistance: {
    ...{ title: "Fréchet distance of samples, in the judge's features", better: "lower", unit: "" },
    headline: true,
  },
  judgedKernelDistance: { title: "kernel distance of samples, in the judge's features", better: "lower", unit: "" },
  judgedPrecision: { title: "samples near real pictures, in the judge's features", better: "higher", unit: "share" },
  judgedRecall: { title: "real pictures near samples, in the judge's features", better: "higher", unit: "share" },
  judgedDensity: {
    ...{ title: "density of samples among real pictures, in the judge's features", better: "neither", unit: "" },
  },
  judgedCoverage: {
    ...{ title: "coverage of real pictures by samples, in the judge's features", better: "higher", unit: "share" },
  },
  judgedSpread: {
    title: "distance between samples, over that between real pictures, in the judge's features",
    ...{ better: "neither", unit: "" },
  },
  classEntropy: {
    title: "entropy of the classes that the judge finds in samples, over that of equal shares",
    ...{ better: "neither", unit: "" },
  },
  askedClass: {
    ...{ title: "samples that the judge takes for the class asked for", better: "higher", unit: "share" },
    headline: true,
  },
} as const satisfies Readonly<Record<string, Omit<MetricInfo, "name">>>;

/** The name of a finding. */
export type FindingName = keyof typeof INFOS;

/** All that an evaluation may find beside the metrics of a model. */
export const FINDINGS: readonly MetricInfo[] = Object.entries(INFOS).map(([name, info]) => ({ name, ...info }));

/** What was found, or looked for in vain, under a name. */
export const finding = (name: FindingName, value: number | undefined, interval?: Interval): Finding => ({
  info: { name, ...INFOS[name] },
  value,
  interval,
});
