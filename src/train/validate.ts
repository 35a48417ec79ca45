// Validation: the outputs of the held-out pictures, the metrics computed from them, and what is fitted on them.
import type { NdArray } from "../base/array.ts";
import type { Table } from "../data/batches.ts";
import { type Dataset, decoded, type ImageSet, isUsable, ownCount, range } from "../data/dataset.ts";
import { spreadOf } from "../metrics/folds.ts";
import { computeMetrics, type Fitted, type Metric, Predictions } from "../metrics/metric.ts";
import { type Step, StepFeeds } from "../predict/feeds.ts";
import { predictSet } from "../predict/outputs.ts";
import type { Program } from "../runtime/program.ts";
import type { CompiledModel } from "./compiled.ts";
import type { Metrics } from "./events.ts";

/** What validation found; empty without validation pictures. */
export interface Validation {
  /** `validation/METRIC` */
  readonly metrics: Metrics;
  /**
   * Fits what is fitted on validation pictures; what is slow where the weights are kept to be used, not to go on from alone. No step may
   * be in flight.
   */
  fit(isKept: boolean): Promise<Fitted>;
  /** What all is computed from. */
  readonly predictions?: Predictions;
}

/** Rows by name that steps are fed beside the pictures of a part. */
interface PartTables {
  readonly validation?: Readonly<Record<string, Table>>;
  readonly train?: Readonly<Record<string, Table>>;
}

/** Runs the validate step over the validation part of the data. */
export class Validator {
  private readonly feeds: StepFeeds;

  /** Decodes the validation part. */
  static async create(
    program: Program,
    compiled: Pick<CompiledModel, "validate" | "fitted" | "training">,
    data: Dataset,
    seed: number,
    batch: number,
    tables: PartTables = {},
  ): Promise<Validator> {
    const set = data.validation && (await decoded(data.validation));
    return new Validator(program, compiled, set, data, seed, batch, tables);
  }

  private constructor(
    private readonly program: Program,
    private readonly compiled: Pick<CompiledModel, "validate" | "fitted" | "training">,
    private readonly set: ImageSet | undefined,
    private readonly data: Dataset,
    private readonly seed: number,
    private readonly batch: number,
    private readonly tables: PartTables,
  ) {
    this.feeds = new StepFeeds(compiled.validate);
  }

  /** @param metrics those that are computed */
  async run(metrics: readonly Metric[]): Promise<Validation> {
    const { set, compiled } = this;
    if (!set || set.labels.length === 0 || compiled.validate.graph.log.size === 0)
      return { metrics: {}, fit: async () => new Map() };
    const outputs = await this.predict(set, compiled.validate, this.feeds, this.tables.validation);
    const predictions = new Predictions(outputs, set.labels, this.data.classes.length);
    return {
      metrics: computeMetrics(metrics, predictions, "validation/"),
      fit: (isKept) => this.fitAll(isKept, predictions),
      predictions,
    };
  }

  private predict(
    set: ImageSet,
    { graph }: Step,
    feeds: StepFeeds,
    tables?: Readonly<Record<string, Table>>,
    order?: Int32Array,
  ): Promise<ReadonlyMap<string, Float32Array>> {
    const run = (inputs: Readonly<Record<string, NdArray>>) => this.program.run(graph.name, inputs);
    return predictSet(set, this.batch, this.seed, feeds, run, tables, order);
  }

  private async fitAll(isKept: boolean, predictions: Predictions): Promise<Fitted> {
    const fitted = new Map<string, NdArray>();
    for (const quantity of this.compiled.fitted) {
      if (quantity.slow && !isKept) continue;
      const found = quantity.fit(predictions, await this.ofTraining(quantity.name));
      for (const [name, value] of Object.entries(found ?? {})) fitted.set(name, value);
    }
    return fitted;
  }

  /** What a quantity takes of training pictures. Those that were added are of another source, and left out. */
  private async ofTraining(name: string): Promise<Predictions | undefined> {
    const asked = this.compiled.training.find(({ quantity }) => quantity.name === name);
    if (!asked) return undefined;
    const { train, classes } = this.data;
    const n = ownCount(train);
    const chosen = range(0, n).filter((i) => spreadOf(i) * n < asked.quantity.ofTraining!.most);
    await train.pixels.ready?.(chosen);
    const usable = chosen.filter((i) => isUsable(train, i));
    const outputs = await this.predict(train, asked.step, new StepFeeds(asked.step), this.tables.train, usable);
    return new Predictions(
      outputs,
      usable.map((i) => train.labels[i]!),
      classes.length,
    );
  }
}
