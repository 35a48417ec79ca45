// A model's judgement of every picture of a set, batch by batch: what validation and evaluation are computed from.
import { type NdArray, sizeOf } from "../base/array.ts";
import { BatchBuffer } from "../data/batches.ts";
import { type ImageSet, numbers } from "../data/dataset.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Heads } from "../models/model.ts";
import { perExample } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import type { StepFeeds } from "./feeds.ts";

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
 * Judges a decoded set in batches of `size`. `run` computes the outputs of `judgementOf` for one batch; meanwhile the next is
 * made.
 */
export async function judge(
  set: ImageSet,
  size: number,
  seed: number,
  feeds: StepFeeds,
  run: (inputs: Readonly<Record<string, NdArray>>) => Promise<Readonly<Record<string, NdArray>>>,
): Promise<Judgement> {
  const n = set.labels.length;
  const order = numbers(n);
  const gathered = new Map<string, Float32Array>();
  let [current, next] = [new BatchBuffer(set, size), new BatchBuffer(set, size)];
  next.fill(order.subarray(0, size));
  for (let from = 0, index = 0; from < n; from += size, index++) {
    [current, next] = [next, current];
    feeds.draw(seed, index, 1);
    const running = run({ ...current.feeds, ...feeds.values });
    const to = Math.min(n, from + size);
    if (to < n) {
      feeds.prepare(seed, index + 1);
      next.fill(order.subarray(to, to + size));
    }
    for (const [name, { data, shape }] of Object.entries(await running)) {
      const width = sizeOf(shape.slice(1));
      const all = gathered.get(name) ?? new Float32Array(n * width);
      gathered.set(name, all);
      all.set((data as Float32Array).subarray(0, (to - from) * width), from * width);
    }
  }
  return gathered;
}
