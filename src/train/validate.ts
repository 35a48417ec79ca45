// Validation: the outputs of the held-out pictures, the metrics computed from them, and what is fitted on them.
import type { NdArray } from "../base/array.ts";
import type { Table } from "../data/batches.ts";
import { type Dataset, decoded, type ImageSet } from "../data/dataset.ts";
import { computeMetrics, type Fitted, type FittedQuantity, type Metric, Predictions } from "../metrics/metric.ts";
import { type Step, StepFeeds } from "../predict/feeds.ts";
import { predictSet } from "../predict/outputs.ts";
import type { Program } from "../runtime/program.ts";
import type { Metrics } from "./events.ts";
import type { CompiledModel } from "./steps.ts";

/** What validation found; empty without validation pictures. */
export interface Validation {
  /** `validation/METRIC` */
  readonly metrics: Metrics;
  /** Fits what is fitted on validation pictures; what is slow where the weights are kept to be used, not to go on from alone. */
  fit(isKept: boolean): Fitted;
  /** What all is computed from. */
  readonly predictions?: Predictions;
}

/** Runs the validate step over the validation part of the data. */
export class Validator {
  private readonly feeds: StepFeeds;

  /**
   * Decodes the validation part.
   * @param tables rows of its pictures that the step is fed beside them
   */
  static async create(
    program: Program,
    { validate, fitted }: CompiledModel,
    data: Dataset,
    seed: number,
    batch: number,
    tables: Readonly<Record<string, Table>> = {},
  ): Promise<Validator> {
    const set = data.validation && (await decoded(data.validation));
    return new Validator(program, validate, fitted, set, data.classes.length, seed, batch, tables);
  }

  private constructor(
    private readonly program: Program,
    private readonly step: Step,
    private readonly fitted: readonly FittedQuantity[],
    private readonly set: ImageSet | undefined,
    private readonly classes: number,
    private readonly seed: number,
    private readonly batch: number,
    private readonly tables: Readonly<Record<string, Table>>,
  ) {
    this.feeds = new StepFeeds(step);
  }

  /** @param metrics those that are computed */
  async run(metrics: readonly Metric[]): Promise<Validation> {
    const { set, classes } = this;
    const { name, log } = this.step.graph;
    if (!set || set.labels.length === 0 || log.size === 0) return { metrics: {}, fit: () => new Map() };
    const run = (inputs: Readonly<Record<string, NdArray>>) => this.program.run(name, inputs);
    const outputs = await predictSet(set, this.batch, this.seed, this.feeds, run, this.tables);
    const predictions = new Predictions(outputs, set.labels, classes);
    return {
      metrics: computeMetrics(metrics, predictions, "validation/"),
      fit: (isKept) =>
        fitAll(
          this.fitted.filter(({ slow }) => isKept || !slow),
          predictions,
        ),
      predictions,
    };
  }
}

function fitAll(quantities: readonly FittedQuantity[], predictions: Predictions): Fitted {
  const fitted = new Map<string, NdArray>();
  for (const { fit } of quantities)
    for (const [name, value] of Object.entries(fit(predictions) ?? {})) fitted.set(name, value);
  return fitted;
}
