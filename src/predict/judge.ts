// What a judge makes of a model's samples: a classifier that was trained on real pictures sees them and real ones by its features.
import { fail } from "../base/errors.ts";
import { scattered } from "../base/scattered.ts";
import type { StopSignal } from "../base/stop-signal.ts";
import { decoded, gather, type ImageSet, ownCount, subset } from "../data/dataset.ts";
import { toBytes } from "../data/picture.ts";
import { argmax } from "../metrics/classification.ts";
import { type Copying, copying } from "../metrics/copying.ts";
import { frechetDistance } from "../metrics/frechet-distance.ts";
import { kernelDistance } from "../metrics/kernel-distance.ts";
import { type ManifoldMetrics, manifoldMetrics } from "../metrics/manifold.ts";
import { type Rows, rowsAt } from "../metrics/nearest.ts";
import { spreadRows } from "../metrics/sample-metrics.ts";
import { spread } from "../metrics/spread.ts";
import { requireHead } from "../models/heads.ts";
import { type Finding, finding } from "./finding.ts";
import type { TrainedModel } from "./trained.ts";

/** Pictures of each kind, at most. */
const MOST_PICTURES = 10_000;

/** What is told of the samples of a class, beside the real pictures of the class; numbers are absent where there are too few. */
export interface ClassSamples extends Partial<ManifoldMetrics> {
  /** Of the class. */
  readonly name: string;
  /** Real pictures of it. */
  readonly real: number;
  /** Samples of it. */
  readonly generated: number;
  /** Mean distance between samples of the class, over that between its real pictures. */
  readonly spread?: number;
}

/** What a judge finds. */
export interface JudgedSamples extends Partial<ManifoldMetrics> {
  /** Samples, and as many real pictures; of each, at most 2000 are compared one by one. */
  readonly n: number;
  /** Numbers of a picture's features, each with a standard deviation of 1 over the real pictures. */
  readonly features: number;
  /** Between Gaussians of the features of samples and of real pictures (Heusel et al. 2017); smaller is better. */
  readonly frechetDistance: number;
  /** Squared maximum mean discrepancy of the features (Bińkowski et al. 2018); smaller is better. */
  readonly kernelDistance?: number;
  /** Mean distance between samples, over that between real pictures. */
  readonly spread?: number;
  /** Entropy of the classes that the judge answers, over that of equal shares, 0..1; below 0.85 classes are missing. */
  readonly classEntropy: number;
  /** Share of samples that the judge takes for the class that was asked for; absent where none can be asked for. */
  readonly askedClass?: number;
  /** Whether samples are copies of training pictures; absent where these are not at hand. */
  readonly copying?: Copying;
  /** By class number. */
  readonly classes: readonly ClassSamples[];
}

/**
 * Draws as many samples as there are pictures in a set (10,000 at most), and lets a judge compare the two.
 * @param judge a classifier with a head `features`, of the same pictures and classes
 * @param train the pictures that `model` was trained on
 * @param options `signal` ends the work between two batches: the call then throws its reason
 * @throws `E_HEAD` for a model that does not sample or a judge without features or classes, `E_RUN_CONFLICT` for a judge of other
 * pictures or classes, `E_DATA_EMPTY` for fewer than two pictures
 */
export async function judgeSamples(
  model: TrainedModel,
  judge: TrainedModel,
  set: ImageSet,
  train?: ImageSet,
  { signal }: { readonly signal?: StopSignal } = {},
): Promise<JudgedSamples> {
  requireHead(model.heads, "sample");
  requireJudge(model, judge);
  const chosen = await someOf(set, set.labels.length);
  const { labels } = chosen;
  const n = labels.length;
  if (n < 2) fail("E_DATA_EMPTY", `${n} pictures are too few to judge samples by; give a part with hundreds`);
  const asked = model.heads.sample!.takes.includes("label");
  // The classes as they are among the real pictures; for those that tell none, all in turn.
  const label = labels.map((value, i) => (value >= 0 ? value : i % judge.spec.classes.length));
  const samples = toBytes((await model.sample(n, { label, signal })).data);
  const answers = await answersOf(judge, samples, signal);
  const featuresOf = async (picture: Uint8Array): Promise<Float32Array> =>
    (await judge.run("features", { picture }, { signal })).data as Float32Array;
  const ofReal = await featuresOf(await gather(chosen));
  const width = ofReal.length / n;
  const standardise = standardiser(ofReal, width);
  const [real, generated] = [ofReal, await featuresOf(samples)].map(standardise) as [Float32Array, Float32Array];
  const rows = (data: Float32Array): Rows => ({ data, width });
  const [fewReal, fewGenerated] = [real, generated].map((data) => spreadRows(rows(data))) as [Rows, Rows];
  const compareCopies = async (from: ImageSet): Promise<Copying> => {
    const pictures = await gather(await someOf(from, ownCount(from)));
    return copying(fewGenerated, rows(standardise(await featuresOf(pictures))), fewReal);
  };
  return {
    ...{ n, features: width },
    frechetDistance: frechetDistance(real, generated, n),
    kernelDistance: kernelDistance(real, generated, n),
    ...manifoldMetrics(fewReal, fewGenerated),
    spread: spread(fewReal, fewGenerated),
    classEntropy: evenness(answers, judge.spec.classes.length),
    askedClass: asked ? shareEqual(answers, label) : undefined,
    copying: train && (await compareCopies(train)),
    classes: judge.spec.classes.map((name, k) => {
      const [a, b] = [rowsOf(real, width, labels, k), rowsOf(generated, width, asked ? label : answers, k)];
      const found = { name, real: a.data.length / width, generated: b.data.length / width };
      const [few, fewOther] = [spreadRows(a), spreadRows(b)];
      return found.real < 2 || found.generated < 2
        ? found
        : { ...found, ...manifoldMetrics(few, fewOther), spread: spread(few, fewOther) };
    }),
  };
}

/** What a judge finds of all samples, as numbers of an evaluation. */
export const judgedFindings = (found: JudgedSamples): Finding[] => [
  finding("frechetDistance", found.frechetDistance),
  finding("judgedKernelDistance", found.kernelDistance),
  finding("judgedPrecision", found.precision),
  finding("judgedRecall", found.recall),
  finding("judgedDensity", found.density),
  finding("judgedCoverage", found.coverage),
  finding("judgedSpread", found.spread),
  finding("classEntropy", found.classEntropy),
  finding("askedClass", found.askedClass),
];

/** @throws as `judgeSamples`, for a judge that does not fit the model */
export function requireJudge(model: TrainedModel, judge: TrainedModel): void {
  for (const head of ["features", "classify"])
    if (!judge.has(head))
      fail(
        "E_HEAD",
        `the judge has no head "${head}"; it has ${Object.keys(judge.heads).join(", ")}. Train a classifier on the same data (genclass models tells which have features)`,
      );
  const kind = ({ spec }: TrainedModel) =>
    `pictures of ${spec.height}x${spec.width}x${spec.channels} and the classes ${spec.classes.join(", ")}`;
  if (kind(model) !== kind(judge))
    fail("E_RUN_CONFLICT", `the judge knows ${kind(judge)}; the model ${kind(model)}. Train a judge on the same data`);
}

/** Of the first `n` pictures of a set, scattered ones, those that decode. */
const someOf = (set: ImageSet, n: number): Promise<ImageSet> =>
  decoded(subset(set, scattered(n, Math.min(n, MOST_PICTURES))));

/** Class numbers `[n]` that a judge answers for pictures, bytes `[n, h, w, c]`. */
export async function answersOf(judge: TrainedModel, picture: Uint8Array, signal?: StopSignal): Promise<Int32Array> {
  const k = judge.spec.classes.length;
  const { data } = await judge.logits(picture, { signal });
  return Int32Array.from({ length: data.length / k }, (_, i) => argmax(data, i * k, k));
}

/** Less the mean, over the standard deviation, of each number of some rows; what never varies becomes 0. */
function standardiser(rows: Float32Array, width: number): (other: Float32Array) => Float32Array {
  const n = rows.length / width;
  const [mean, deviation] = [new Float64Array(width), new Float64Array(width)];
  for (let i = 0; i < rows.length; i++) mean[i % width]! += rows[i]! / n;
  for (let i = 0; i < rows.length; i++) deviation[i % width]! += (rows[i]! - mean[i % width]!) ** 2 / n;
  return (other) =>
    other.map((value, i) => {
      const variance = deviation[i % width]!;
      return variance > 0 ? (value - mean[i % width]!) / Math.sqrt(variance) : 0;
    });
}

/** The rows whose group is `k`. */
function rowsOf(data: Float32Array, width: number, groups: Int32Array, k: number): Rows {
  const index = Array.from(groups, (_, i) => i).filter((i) => groups[i] === k);
  return rowsAt({ data, width }, index);
}

/** The entropy of the shares of classes, over that of equal shares; 1 of a single class, which cannot be uneven. */
function evenness(answers: Int32Array, classes: number): number {
  if (classes === 1) return 1;
  const counts = new Float64Array(classes);
  for (const answer of answers) counts[answer]!++;
  let entropy = 0;
  for (const count of counts) if (count > 0) entropy -= (count / answers.length) * Math.log(count / answers.length);
  return entropy / Math.log(classes);
}

const shareEqual = (a: Int32Array, b: Int32Array): number =>
  a.reduce((sum, value, i) => sum + Number(value === b[i]), 0) / a.length;
