// Outputs: rows that a model gives for every picture of a set, from which metrics and fitted quantities are computed.
import { type NdArray, ndarray, sizeOf } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { BatchBuffer, MAIN_VIEW, PARTNER_VIEW, type Table } from "../data/batches.ts";
import { type ImageSet, keptPartner, range } from "../data/dataset.ts";
import { grad } from "../graph/grad.ts";
import * as g from "../graph/ops/index.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import { FITTED, METRICS } from "../metrics/index.ts";
import type { FittedQuantity, Metric } from "../metrics/metric.ts";
import { applyHead, type Head, type Heads, judgesSamples, requireHead } from "../models/heads.ts";
import type { BuiltModel } from "../models/model.ts";
import { perExample } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import { thumbnail } from "../nn/thumbnail.ts";
import type { PlainBatch } from "./batch.ts";
import { IN_FLIGHT, type StepFeeds } from "./feeds.ts";
import { requireFinite } from "./rows.ts";
import { similarity } from "./similarity.ts";
import { askedOf, hasStatistics, statistics } from "./statistics.ts";

/** An output made of heads whose own rows are too large to keep, or that do not look at the pictures. */
interface DerivedOutput {
  /** Whether it compares with the partners of pictures, which not every set has. */
  readonly ofPairs?: true;
  isPossible(heads: Heads): boolean;
  build(asked: AskedOfBatch): Tensor;
}

/** What derived outputs are made of. */
interface AskedOfBatch {
  readonly heads: Heads;
  readonly scope: Scope;
  /** The pictures, `[n, h, w, c]` in 0..1. */
  readonly x: Tensor;
  /** Their partners, of the same shape: what is translated. Of a batch of pairs alone. */
  readonly partner: Tensor | undefined;
  /** int32 `[n]`: the class that a sample is asked for: the label; where there is none, all classes in turn. */
  readonly sampled: Tensor;
  /** The rows of a head for the pictures, or their partners, and their labels: the first class where there is none. */
  run(head: string, of?: "partner"): Tensor;
}

const errorOf = (x: Tensor, y: Tensor): Tensor => g.mean(g.square(g.sub(x, y)), [1, 2, 3]);

/** Outputs that tell how near a translation of the partner comes to the picture. */
const ofPairs = (build: DerivedOutput["build"]): DerivedOutput => ({
  ofPairs: true,
  isPossible: ({ translate }) => translate?.takes.join() === "picture",
  build,
});

const DERIVED: Readonly<Record<string, DerivedOutput>> = {
  /** Mean squared error a pixel of the reconstruction, `[n]`. */
  squaredError: {
    isPossible: (heads) => "reconstruct" in heads,
    build: ({ run, x }) => errorOf(run("reconstruct"), x),
  },
  /** The picture averaged to a few pixels a side, `[n, d]`. */
  thumbnail: { isPossible: (heads) => "sample" in heads, build: ({ x }) => thumbnail(x, THUMBNAIL) },
  /** As many generated pictures, of the same classes where the model is asked for one, averaged in the same way. */
  sampleThumbnail: {
    isPossible: (heads) => "sample" in heads,
    build: ({ run }) => thumbnail(run("sample"), THUMBNAIL),
  },
  /** What the discriminator makes of those generated pictures, `[n]`. */
  discriminateSample: {
    isPossible: judgesSamples,
    build: ({ run, sampled, heads, scope }) => {
      const picture = run("sample");
      return applyHead(heads.discriminate!, scope, picture.shape[0]!, { picture, label: sampled });
    },
  },
  /**
   * The length of the derivative of that score by the generated picture, `[n]`: per unit of the distance of pictures, whose pixels are
   * 0..1. A generator learns along it.
   */
  sampleSlope: {
    isPossible: judgesSamples,
    build: ({ run, sampled, heads, scope }) => {
      const picture = run("sample");
      const n = picture.shape[0]!;
      const score = applyHead(heads.discriminate!, scope, n, { picture, label: sampled });
      const [slope] = grad(g.sum(score), [picture]);
      return g.sqrt(perExample(g.square(slope!)));
    },
  },
  /** What the novelty of a picture is scored from, `[n, s]`: it does not depend on the label. */
  noveltyStatistics: {
    isPossible: hasStatistics,
    build: ({ x, heads, scope }) => statistics(heads, askedOf(heads, scope, x)),
  },
  /** The translation, `[n, h, w, c]`: of the partner, where there is one. */
  translation: {
    isPossible: ({ translate }) => translate !== undefined,
    build: ({ run, partner }) => run("translate", partner ? "partner" : undefined),
  },
  /** Mean squared error a pixel of the translation, `[n]`. */
  translationError: ofPairs(({ run, x }) => errorOf(run("translate", "partner"), x)),
  /** The same of what is translated. */
  partnerError: ofPairs(({ partner, x }) => errorOf(partner!, x)),
  /** Structural similarity of the translation, `[n]`. */
  translationSimilarity: ofPairs(({ run, x }) => similarity(run("translate", "partner"), x)),
};

/** Pixels a side of a thumbnail, at most. */
const THUMBNAIL = 8;

/**
 * The names of all outputs that heads can give: those that look at a picture (and its label) and give few numbers, and derived
 * ones.
 * @param paired whether the pictures have partners
 */
export function outputsOf(heads: Heads, paired: boolean): string[] {
  const looks = ({ takes }: Head) =>
    takes.includes("picture") && takes.every((kind) => kind === "picture" || kind === "label");
  const direct = Object.entries(heads)
    .filter(([, head]) => looks(head) && head.gives !== "picture")
    .map(([name]) => name);
  const derived = Object.entries(DERIVED)
    .filter(([, output]) => output.isPossible(heads) && (paired || !output.ofPairs))
    .map(([name]) => name);
  return [...direct, ...derived];
}

/**
 * The metrics that a model's heads allow: common ones and its own. Those of pairs have no value on single pictures.
 * @throws `E_NAME` for one of its own that is called like another, or needs an output that the heads do not give
 */
export function metricsOf({ heads, metrics = [] }: Pick<BuiltModel, "heads" | "metrics">): Metric[] {
  const available = outputsOf(heads, true);
  requireOutputs(metrics, available);
  const twice = metrics.find(({ name }, i) =>
    [...METRICS, ...metrics.slice(0, i)].some((other) => other.name === name),
  );
  if (twice) fail("E_NAME", `there is another metric called "${twice.name}"; give the model's own another name`);
  return [...METRICS, ...metrics].filter(({ needs }) => needs.every((output) => available.includes(output)));
}

/** What is fitted on validation pictures for a model: common quantities and its own. @throws `E_NAME` as `metricsOf` */
export function fittedOf({ heads, fitted = [] }: Pick<BuiltModel, "heads" | "fitted">): FittedQuantity[] {
  const available = outputsOf(heads, false);
  requireOutputs(fitted, available);
  return [...FITTED, ...fitted].filter(({ needs }) => needs.every((output) => available.includes(output)));
}

function requireOutputs(
  own: readonly { name: string; needs: readonly string[] }[],
  available: readonly string[],
): void {
  for (const { name, needs } of own)
    for (const output of needs)
      if (!available.includes(output))
        fail("E_NAME", `"${name}" needs the output "${output}"; the model's heads give ${available.join(", ")}`);
}

/** Outputs `names` of `outputsOf(heads, …)` for a plain batch, as tensors `[n, …]`. */
export function outputTensors(
  heads: Heads,
  names: readonly string[],
  scope: Scope,
  { x, views, labels, classes }: PlainBatch,
): Map<string, Tensor> {
  const partner = views[PARTNER_VIEW];
  const first = g.maximum(labels, 0);
  const inTurn = Int32Array.from({ length: x.shape[0]! }, (_, i) => i % classes);
  const sampled = g.where(g.less(labels, 0), constant(ndarray("int32", [inTurn.length], inTurn)), labels);
  const made = new Map<string, Tensor>();
  const run = (name: string, of?: "partner") => {
    const key = of ? `${name} of ${of}` : name;
    const picture = of ? partner! : x;
    const label = name === "sample" ? sampled : first;
    const known = made.get(key) ?? applyHead(requireHead(heads, name), scope, x.shape[0]!, { picture, label });
    made.set(key, known);
    return known;
  };
  const asked = { heads, scope, x, partner, sampled, run };
  return new Map(names.map((name) => [name, DERIVED[name]?.build(asked) ?? run(name)]));
}

/**
 * Rows by output for every picture of a decoded set, in batches of `size`. `run` computes one batch; meanwhile the next are
 * made and queued.
 * @param tables rows of the pictures that `run` is fed beside them
 * @param order numbers of the pictures, by default all
 * @throws `E_NAN` for rows that are not finite
 */
export async function predictSet(
  set: ImageSet,
  size: number,
  seed: number,
  feeds: StepFeeds,
  run: (inputs: Readonly<Record<string, NdArray>>) => Promise<Readonly<Record<string, NdArray>>>,
  tables: Readonly<Record<string, Table>> = {},
  order: Int32Array = range(0, set.labels.length),
): Promise<ReadonlyMap<string, Float32Array>> {
  const n = order.length;
  const gathered = new Map<string, Float32Array>();
  const partner = keptPartner(set);
  const views = partner ? [MAIN_VIEW, PARTNER_VIEW] : [MAIN_VIEW];
  const buffers = Array.from({ length: IN_FLIGHT + 1 }, () => new BatchBuffer(set, { size, views, tables }));
  const predictBatch = async (inputs: Readonly<Record<string, NdArray>>, from: number, count: number) => {
    for (const [name, { data, shape }] of Object.entries(await run(inputs))) {
      const width = sizeOf(shape.slice(1));
      const all = gathered.get(name) ?? new Float32Array(n * width);
      gathered.set(name, all);
      all.set((data as Float32Array).subarray(0, count * width), from * width);
    }
  };
  const inFlight: Promise<void>[] = [];
  for (let from = 0, index = 0; from < n; from += size, index++) {
    const buffer = buffers[index % buffers.length]!;
    const examples = order.subarray(from, from + size);
    await Promise.all([set.pixels.ready?.(examples), partner?.ready?.(examples)]);
    buffer.fill(examples, { [PARTNER_VIEW]: { pixels: partner } });
    const inputs = { ...buffer.feeds, ...feeds.at(seed, index, 1) };
    if (inFlight.length === IN_FLIGHT) await inFlight.shift();
    const running = predictBatch(inputs, from, examples.length);
    // A failure is told where the batch is waited for.
    running.catch(() => {});
    inFlight.push(running);
  }
  for (const running of inFlight) await running;
  for (const [name, rows] of gathered) requireFinite(name, rows, rows.length / n);
  return gathered;
}
