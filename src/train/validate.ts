// Validation: the validate step over the held-out part, and what is fitted on it (temperature, novelty scale).
import { type Dataset, decoded, type ImageSet } from "../data/dataset.ts";
import { classificationMetrics, fitTemperature, softmaxRows } from "../metrics/classification.ts";
import type { Program } from "../runtime/program.ts";
import type { Metrics } from "./events.ts";
import { StepFeeds } from "./feeds.ts";
import { judge } from "./judge.ts";
import type { Step } from "./steps.ts";

export interface Validation {
  readonly metrics: Metrics;
  /** Divides logits, fitted on validation data; 1 without any. */
  readonly temperature: number;
  /** Median and 99th percentile of the negative log-density bound, nats; absent without the head. */
  readonly novelty?: { readonly median: number; readonly p99: number };
  /** What checkpoints are compared by, larger is better; absent without validation data. */
  readonly score?: number;
}

/** Runs the validate step over a set and gathers its per-example results. */
export class Validator {
  private readonly program: Program;
  private readonly step: Step;
  private readonly set: ImageSet | undefined;
  private readonly classes: number;
  private readonly seed: number;
  private readonly batch: number;
  private readonly feeds: StepFeeds;

  /** Decodes the validation part. */
  static async create(program: Program, step: Step, data: Dataset, seed: number, batch: number): Promise<Validator> {
    return new Validator(program, step, data, data.validation && (await decoded(data.validation)), seed, batch);
  }

  private constructor(
    program: Program,
    step: Step,
    data: Dataset,
    set: ImageSet | undefined,
    seed: number,
    batch: number,
  ) {
    this.program = program;
    this.step = step;
    this.set = set;
    this.classes = data.classes.length;
    this.seed = seed;
    this.batch = batch;
    this.feeds = new StepFeeds(step);
  }

  async run(): Promise<Validation> {
    const { set } = this;
    if (!set || set.labels.length === 0) return { metrics: {}, temperature: 1 };
    const { name } = this.step.graph;
    const gathered = await judge(set, this.batch, this.seed, this.feeds, (inputs) => this.program.run(name, inputs));
    const metrics: Record<string, number> = {};
    let temperature = 1;
    const logits = gathered.get("logits");
    if (logits) {
      temperature = fitTemperature(logits, set.labels, this.classes);
      const found = classificationMetrics(softmaxRows(logits, this.classes), set.labels, this.classes);
      for (const [name, value] of Object.entries(found)) metrics[`validation/${name}`] = value;
    }
    const squared = gathered.get("squaredError");
    if (squared) metrics["validation/mse"] = mean(squared) / (set.height * set.width * set.channels);
    const density = gathered.get("logDensity");
    if (density) metrics["validation/elbo"] = mean(density);
    // Accuracy alone ties too often on a small set; the likelihood decides between equals.
    const score = logits
      ? metrics["validation/accuracy"]! - 1e-4 * Math.min(9, metrics["validation/nll"]!)
      : metrics["validation/elbo"];
    return { metrics, temperature, score, novelty: density && noveltyScale(density) };
  }
}

function noveltyScale(density: Float32Array): { median: number; p99: number } {
  const sorted = Float64Array.from(density, (value) => -value).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { median: at(0.5), p99: at(0.99) };
}

function mean(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total / values.length;
}
