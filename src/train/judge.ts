// A model's judgement of every picture of a set, batch by batch: what validation and evaluation are computed from.
import { type NdArray, sizeOf } from "../base/array.ts";
import { BatchBuffer } from "../data/batches.ts";
import { type ImageSet, range } from "../data/dataset.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Heads } from "../models/model.ts";
import { perExample } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import { type StepFeeds, UNDER_WAY } from "./feeds.ts";

/** By name, a row for each picture: `logits` [n, classes], `squaredError` and `logDensity` [n], where the model can. */
export type Judgement = ReadonlyMap<string, Float32Array>;

/** What heads say of pictures `x` [n, h, w, c] in 0..1. */
export function judgementOf(heads: Heads, scope: Scope, x: Tensor): Map<string, Tensor> {
  const outputs = new Map<string, Tensor>();
  if (heads.classify) outputs.set("logits", heads.classify(scope, x));
  if (heads.reconstruct) outputs.set("squaredError", perExample(g.square(g.sub(heads.reconstruct(scope, x), x))));
  if (heads.logDensity) outputs.set("logDensity", heads.logDensity(scope, x));
  return outputs;
}

/**
 * Judges a decoded set in batches of `size`. `run` computes the outputs of `judgementOf` for one batch; meanwhile the next are
 * made and queued.
 */
export async function judge(
  set: ImageSet,
  size: number,
  seed: number,
  feeds: StepFeeds,
  run: (inputs: Readonly<Record<string, NdArray>>) => Promise<Readonly<Record<string, NdArray>>>,
): Promise<Judgement> {
  const n = set.labels.length;
  const order = range(0, n);
  const gathered = new Map<string, Float32Array>();
  const buffers = Array.from({ length: UNDER_WAY + 1 }, () => new BatchBuffer(set, size));
  const judgeBatch = async (inputs: Readonly<Record<string, NdArray>>, from: number, count: number) => {
    for (const [name, { data, shape }] of Object.entries(await run(inputs))) {
      const width = sizeOf(shape.slice(1));
      const all = gathered.get(name) ?? new Float32Array(n * width);
      gathered.set(name, all);
      all.set((data as Float32Array).subarray(0, count * width), from * width);
    }
  };
  const underWay: Promise<void>[] = [];
  for (let from = 0, index = 0; from < n; from += size, index++) {
    const buffer = buffers[index % buffers.length]!;
    const examples = order.subarray(from, from + size);
    buffer.fill(examples);
    const inputs = { ...buffer.feeds, ...feeds.at(seed, index, 1) };
    if (underWay.length === UNDER_WAY) await underWay.shift();
    const running = judgeBatch(inputs, from, examples.length);
    // A failure is told where the batch is waited for.
    running.catch(() => {});
    underWay.push(running);
  }
  for (const running of underWay) await running;
  return gathered;
}
