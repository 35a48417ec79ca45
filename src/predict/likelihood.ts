// The likelihood of a set under a trained model: importance-weighted estimates of ln p(x) with their standard error.
import { fail } from "../base/errors.ts";
import { binarise, staticDraws } from "../data/binarise.ts";
import { decoded, gather, type ImageSet, range } from "../data/dataset.ts";
import { normalInterval } from "../metrics/intervals.ts";
import type { LikelihoodSpec } from "../models/model.ts";
import { Random } from "../random/random.ts";
import { type Finding, type FindingName, finding } from "./finding.ts";
import type { CallOptions } from "./head-runner.ts";
import type { TrainedModel } from "./trained.ts";

/**
 * How pixels are 0 or 1: "static" as the data has them, or by the one draw that `staticDraws` makes of a test part; "dynamic" where grey
 * levels are the probabilities of a draw of the estimate's own. A picture is drawn once, for all latent vectors.
 */
export type Binarisation = "static" | "dynamic";
/** Each of them. */
export const BINARISATIONS = ["static", "dynamic"] as const satisfies readonly Binarisation[];

/** What `estimateLikelihood` finds. */
export interface LikelihoodEstimate {
  /**
   * The mean over the pictures of the estimated ln p(x), nats a picture. Its expectation is a lower bound, which k draws bring
   * nearer to ln p(x) than fewer do (Burda et al. 2016, theorem 1).
   */
  readonly mean: number;
  /** Of the mean, over the pictures; 0 for one picture. */
  readonly standardError: number;
  /** Pictures. */
  readonly n: number;
  /** Latent vectors drawn for each picture. */
  readonly draws: number;
  /** What has the probability. */
  readonly of: LikelihoodSpec["of"];
  /** Of pixels 0 or 1: see `Binarisation`. */
  readonly binarisation?: Binarisation;
  /** -ln p(x) in bits a pixel and channel, where it is of levels. */
  readonly bitsPerDimension?: number;
}

/** Pictures that are decoded and drawn at a time. */
const CHUNK = 1000;

/**
 * Estimates the likelihood of pictures.
 * @param draws latent vectors a picture; rounded up to a whole number of the model's calls
 * @param options `binarisation` of the pixels, for a model whose likelihood is Bernoulli; by default those of a model that learnt from
 * drawn ones are drawn too, and others are as they are. `pictures`: only so many, from the start (default: all); `seed` of draws (default
 * 0); `signal` ends the work between two batches: the call then throws its reason
 * @throws `E_HEAD` for a model without the head `logLikelihood`, `E_DATA_EMPTY` for a set without pictures, `E_OPTION` for a binarisation
 * where the model's likelihood is not of pixels 0 or 1
 */
export async function estimateLikelihood(
  model: TrainedModel,
  whole: ImageSet,
  draws: number,
  { binarisation, pictures, seed = 0, signal }: CallOptions & { binarisation?: Binarisation; pictures?: number } = {},
): Promise<LikelihoodEstimate> {
  const spec = requireLikelihood(model, binarisation);
  const set = await decoded(whole);
  const n = Math.min(set.labels.length, pictures ?? Number.POSITIVE_INFINITY);
  if (n === 0) fail("E_DATA_EMPTY", "there are no pictures to estimate the likelihood of");
  const rounds = Math.ceil(draws / spec.draws);
  const estimates: number[] = [];
  const pixelDraws = binarisation === "static" ? staticDraws("test") : new Random(seed, "binary");
  const isBernoulli = spec.of === "binary" || spec.of === "grey";
  const isBinarised = binarisation !== undefined || spec.of === "binary";
  let hasGrey = false;
  for (let from = 0; from < n; from += CHUNK) {
    const bytes = await gather(set, range(from, Math.min(n, from + CHUNK)));
    if (isBernoulli) hasGrey = binarise(isBinarised ? bytes : bytes.slice(), pixelDraws) || hasGrey;
    const logMean = new LogMean();
    // Seeds of the draws follow each other; they are far from those of other estimates by the names of the noise.
    for (let round = 0; round < rounds; round++)
      logMean.add(
        (await model.run("logLikelihood", { picture: bytes }, { seed: seed + round, signal, isLong: true }))
          .data as Float32Array,
      );
    for (const value of logMean.values()) estimates.push(value);
  }
  // Pixels of a Bernoulli likelihood that are all 0 or 1 have a probability, whatever the model learnt from.
  const of = isBernoulli && (isBinarised || !hasGrey) ? "binary" : spec.of;
  const mean = estimates.reduce((a, b) => a + b, 0) / n;
  const { height, width, channels } = model.spec;
  const squares = estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    mean,
    standardError: n > 1 ? Math.sqrt(squares / (n - 1) / n) : 0,
    n,
    draws: rounds * spec.draws,
    of,
    ...(of === "binary" ? { binarisation: hasGrey && binarisation !== "static" ? "dynamic" : "static" } : {}),
    ...(spec.of === "levels" ? { bitsPerDimension: -mean / (height * width * channels * Math.LN2) } : {}),
  };
}

/** @throws as `estimateLikelihood`, for a model that cannot estimate what is asked for */
export function requireLikelihood(model: TrainedModel, binarisation?: Binarisation): LikelihoodSpec {
  const { likelihood: spec } = model;
  if (!spec || !model.has("logLikelihood"))
    fail(
      "E_HEAD",
      `this model estimates no likelihood: its heads are ${Object.keys(model.heads).join(", ")}; "genclass models" lists those with a head logLikelihood`,
    );
  if (binarisation && spec.of !== "binary" && spec.of !== "grey")
    fail(
      "E_OPTION",
      `the likelihood of this model is ${KINDS[spec.of]}: "${binarisation}" pixels have none; leave "${binarisation}" out`,
    );
  return spec;
}

/** ln of the mean of eˣ over rows that are added, place by place, without overflow. */
class LogMean {
  private rows = 0;
  private largest: Float64Array | undefined;
  private total = new Float64Array(0);

  add(row: Float32Array): void {
    this.rows++;
    if (!this.largest) {
      this.largest = Float64Array.from(row);
      this.total = new Float64Array(row.length).fill(1);
      return;
    }
    for (let i = 0; i < row.length; i++) {
      const top = Math.max(this.largest[i]!, row[i]!);
      this.total[i] = this.total[i]! * Math.exp(this.largest[i]! - top) + Math.exp(row[i]! - top);
      this.largest[i] = top;
    }
  }

  values(): Float64Array {
    return this.total.map((sum, i) => this.largest![i]! + Math.log(sum / this.rows));
  }
}

const KINDS: Readonly<Record<LikelihoodSpec["of"], string>> = {
  binary: "of pixels 0 or 1",
  levels: "of 256 levels",
  density: "a density on 0..1, not comparable with probabilities",
  grey: "of grey levels as probabilities, not comparable with those of other models",
};

/** An estimate as a number of an evaluation: nats of pixels 0 or 1, bits of levels; none of what is not comparable. */
export function likelihoodFindings({ mean, standardError, n, of, bitsPerDimension }: LikelihoodEstimate): Finding[] {
  const told = (name: FindingName, value: number) =>
    finding(name, value, n > 1 ? normalInterval(value, (standardError * value) / -mean) : undefined);
  if (of === "binary") return [told("nats", -mean)];
  return bitsPerDimension === undefined ? [] : [told("bitsPerDimension", bitsPerDimension)];
}

/** An estimate as a line for people. */
export function likelihoodText({
  mean,
  standardError,
  n,
  draws,
  of,
  binarisation,
  bitsPerDimension,
}: LikelihoodEstimate): string {
  const kind = `${KINDS[of]}${binarisation ? ` (${binarisation})` : ""}`;
  const bits = bitsPerDimension === undefined ? "" : `, ${bitsPerDimension.toFixed(3)} bits a dimension`;
  return `-ln p(x) at most ${(-mean).toFixed(2)} ± ${standardError.toFixed(2)} nats a picture${bits}: ${draws} draws a picture, ${n} pictures (± is the standard error over them), ${kind}`;
}
