// What a run aims at: which checkpoint is the best, and when it may end before its budget is used up.
import { fail } from "../base/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import { isBetter, type Metric } from "../metrics/metric.ts";
import type { Metrics } from "./events.ts";
import type { FitOptions } from "./fit-options.ts";
import type { TrainingProgress } from "./progress.ts";

type Target = NonNullable<FitOptions["until"]>;
type Best = TrainingProgress["best"];

/** The goals of a run, read against validation metrics. */
export class Goals {
  private readonly until: FitOptions["until"];
  private readonly patience: number;
  /** The metrics by which the best checkpoint is chosen; later ones decide between equals. */
  private readonly chosenBy: readonly Metric[];
  /** Metrics of which the best checkpoint must reach a share of the highest value so far. */
  private readonly keeps: readonly (readonly [name: string, share: number])[];
  private readonly target: Metric | undefined;

  /** @throws `E_OPTION` for a target or a patience that no validation metric can meet */
  constructor({ model, data, until, patience = 0 }: FitOptions, metrics: readonly Metric[]) {
    const known = validated(data, metrics);
    this.target = until && targetMetric(until, known, noMetrics(data));
    this.chosenBy = (model.best ?? []).flatMap((name) => known.find((metric) => metric.name === name) ?? []);
    this.keeps = Object.entries(model.bestKeeps ?? {}).filter(([name]) => known.some((metric) => metric.name === name));
    if (patience > 0 && this.chosenBy.length === 0)
      fail(
        "E_OPTION",
        `--patience ${patience}: nothing tells which checkpoint is better, as ${noMetrics(data) ?? "this model names no metric for it"}; leave it out`,
      );
    this.until = until;
    this.patience = patience;
  }

  /** What is remembered of an epoch whose checkpoint is the best so far. */
  valuesOf(metrics: Metrics): Record<string, number> {
    const names = [...this.chosenBy.map(({ name }) => name), ...this.keeps.map(([name]) => name)];
    return Object.fromEntries(
      names.flatMap((name) => {
        const value = metrics[`validation/${name}`];
        return value === undefined ? [] : [[name, value]];
      }),
    );
  }

  /** The highest values so far of the metrics that the best checkpoint must keep (`BuiltModel.bestKeeps`), after an epoch. */
  highestOf(metrics: Metrics, before: Metrics = {}): Record<string, number> {
    return Object.fromEntries(
      this.keeps.map(([name]) => [name, Math.max(before[name] ?? 0, metrics[`validation/${name}`] ?? 0)]),
    );
  }

  /**
   * Whether an epoch's metrics are better than the best so far; never where one of them is missing or no number.
   * @param highest `highestOf` this epoch
   */
  isBest(metrics: Metrics, best: Best, highest: Metrics = {}): boolean {
    const values = this.valuesOf(metrics);
    if (this.chosenBy.length === 0 || this.chosenBy.some(({ name }) => !Number.isFinite(values[name]))) return false;
    const keeps = (of: Metrics) => this.keeps.every(([name, share]) => (of[name] ?? 0) >= share * (highest[name] ?? 0));
    if (!keeps(values)) return false;
    if (!best || !keeps(best.values)) return true;
    const decisive = this.chosenBy.find(
      ({ name }) => best.values[name] !== undefined && values[name] !== best.values[name],
    );
    return decisive !== undefined && isBetter(decisive, values[decisive.name]!, best.values[decisive.name]!);
  }

  /**
   * Why a run ends after an epoch with these metrics, if it does.
   * @param waited epochs without a better checkpoint
   */
  reached(metrics: Metrics, waited: number): "until" | "patience" | undefined {
    const { until, target, patience } = this;
    const value = until && metrics[`validation/${until.metric}`];
    if (value !== undefined && (target!.better === "lower" ? value <= until!.value : value >= until!.value))
      return "until";
    return patience > 0 && waited >= patience ? "patience" : undefined;
  }
}

/**
 * The metric of a target.
 * @param known the metrics that validation computes
 * @param none why there are none, where that is so
 * @throws `E_OPTION` for a metric that is not among them, or a value that it cannot have
 */
export function targetMetric({ metric, value }: Target, known: readonly Metric[], none?: string): Metric {
  const found = known.find(({ name }) => name === metric);
  const refuse = (why: string): never => fail("E_OPTION", `--until ${metric}=${value}: ${why}`);
  if (!found)
    return refuse(
      `there is no validation metric "${metric}"; ${none ?? `known: ${known.map(({ name }) => name).join(", ")}`}`,
    );
  if (found.unit === "share" && !(value >= 0 && value <= 1))
    refuse(`${found.title} is a share in 0..1; 99 % is written ${metric}=0.99`);
  return found;
}

/** The metrics that the validation pictures allow. */
function validated({ validation }: Dataset, metrics: readonly Metric[]): readonly Metric[] {
  if (!validation) return [];
  const labelled = validation.labels.some((label) => label >= 0);
  return metrics.filter(({ labels }) => labelled || !labels);
}

/** Why validation gives nothing by which a class could be judged. */
function noMetrics({ validation }: Dataset): string | undefined {
  if (!validation) return "there are no validation pictures";
  return validation.labels.some((label) => label >= 0) ? undefined : "no validation picture has a label";
}
