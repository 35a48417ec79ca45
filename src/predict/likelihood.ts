// The likelihood of a set under a trained model: importance-weighted estimates of ln p(x) with their standard error.
import { fail } from "../base/errors.ts";
import { binarise } from "../data/binarise.ts";
import { decoded, gather, type ImageSet, range } from "../data/dataset.ts";
import type { LikelihoodSpec } from "../models/model.ts";
import { Random } from "../random/random.ts";
import type { CallOptions } from "./head-runner.ts";
import type { TrainedModel } from "./trained.ts";

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
  /**
   * For pixels 0 or 1: "static" where the data holds no others, "dynamic" where grey levels were the probabilities of one draw a
   * pixel, the same for all latent vectors.
   */
  readonly binarisation?: "static" | "dynamic";
  /** -ln p(x) in bits a pixel and channel, where it is of levels. */
  readonly bitsPerDimension?: number;
}

/** Pictures that are decoded and drawn at a time. */
const CHUNK = 1000;

/**
 * Estimates the likelihood of pictures.
 * @param draws latent vectors a picture; rounded up to a whole number of the model's calls
 * @param options `pictures`: only so many, from the start (default: all); `seed` of binarisation and draws (default 0); `signal` ends
 * the work between two batches: the call then throws its reason
 * @throws `E_HEAD` for a model without the head `logLikelihood`, `E_DATA_EMPTY` for a set without pictures
 */
export async function estimateLikelihood(
  model: TrainedModel,
  whole: ImageSet,
  draws: number,
  { pictures, seed = 0, signal }: CallOptions & { pictures?: number } = {},
): Promise<LikelihoodEstimate> {
  const { likelihood: spec, spec: kind } = model;
  if (!spec || !model.has("logLikelihood"))
    fail(
      "E_HEAD",
      `this model estimates no likelihood: its heads are ${Object.keys(model.heads).join(", ")}; "genclass models" lists those with a head logLikelihood`,
    );
  const set = await decoded(whole);
  const n = Math.min(set.labels.length, pictures ?? Number.POSITIVE_INFINITY);
  if (n === 0) fail("E_DATA_EMPTY", "there are no pictures to estimate the likelihood of");
  const rounds = Math.ceil(draws / spec.draws);
  const estimates: number[] = [];
  let isDrawn = false;
  for (let from = 0; from < n; from += CHUNK) {
    const bytes = await gather(set, range(from, Math.min(n, from + CHUNK)));
    if (spec.of === "binary") isDrawn = binarise(bytes, new Random(seed, `binary:${from}`)) || isDrawn;
    const logMean = new LogMean();
    // Seeds of the draws follow each other; they are far from those of other estimates by the names of the noise.
    for (let round = 0; round < rounds; round++)
      logMean.add(
        (await model.run("logLikelihood", { picture: bytes }, { seed: seed + round, signal })).data as Float32Array,
      );
    for (const value of logMean.values()) estimates.push(value);
  }
  const mean = estimates.reduce((a, b) => a + b, 0) / n;
  const squares = estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    mean,
    standardError: n > 1 ? Math.sqrt(squares / (n - 1) / n) : 0,
    n,
    draws: rounds * spec.draws,
    of: spec.of,
    ...(spec.of === "binary" ? { binarisation: isDrawn ? "dynamic" : "static" } : {}),
    ...(spec.of === "levels"
      ? { bitsPerDimension: -mean / (kind.height * kind.width * kind.channels * Math.LN2) }
      : {}),
  };
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
  const kind = {
    binary: binarisation === "static" ? "pixels 0 or 1, as in the data (static)" : "pixels drawn 0 or 1 once (dynamic)",
    levels: "256 levels",
    density: "a density on 0..1, not comparable with probabilities",
    grey: "grey levels as probabilities, not comparable with other models' likelihoods",
  }[of];
  const bits = bitsPerDimension === undefined ? "" : `, ${bitsPerDimension.toFixed(3)} bits a dimension`;
  return `-ln p(x) at most ${(-mean).toFixed(2)} ± ${standardError.toFixed(2)} nats a picture${bits}: ${draws} draws a picture, ${n} pictures (± is the standard error over them), ${kind}`;
}
