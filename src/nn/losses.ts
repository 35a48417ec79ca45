// Losses: one number an example, [n]; the caller averages. `weights` [n] leaves padding and unlabelled examples out.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { categorical } from "./distributions.ts";

/** Sums everything but the first axis: `[n, …] -> [n]`. */
export function perExample(x: Tensor): Tensor {
  return g.sum(
    x,
    x.shape.slice(1).map((_, i) => i + 1),
  );
}

/** Mean of `values` [n] over examples with weight; 0 when none has any. */
export function weightedMean(values: Tensor, weights: Tensor): Tensor {
  return g.div(g.sum(g.mul(values, weights)), g.maximum(g.sum(weights), 1));
}

/** -ln p(label), with label smoothing (Szegedy et al. 2016, section 7). */
export function crossEntropy(logits: Tensor, labels: Tensor, smoothing = 0): Tensor {
  const exact = g.neg(categorical.logProb(labels, logits));
  if (smoothing === 0) return exact;
  const uniform = g.neg(g.mean(g.logSoftmax(logits), -1));
  return g.add(g.mul(exact, 1 - smoothing), g.mul(uniform, smoothing));
}

/** Targets of a class loss: labels `[n]`, or labels of two pictures mixed in `share` of the first. */
export interface ClassTargets {
  readonly labels: Tensor;
  readonly labelled: Tensor;
  readonly mixed?: { readonly labels: Tensor; readonly share: Tensor; readonly labelled: Tensor };
}

/** Mean cross entropy over examples with a label; of mixed pictures, the mixture of both (Zhang et al. 2018, eq. 2). */
export function classLoss(logits: Tensor, { labels, labelled, mixed }: ClassTargets, smoothing = 0): Tensor {
  const own = crossEntropy(logits, labels, smoothing);
  if (!mixed) return weightedMean(own, labelled);
  const other = crossEntropy(logits, mixed.labels, smoothing);
  return weightedMean(g.add(other, g.mul(g.sub(own, other), mixed.share)), mixed.labelled);
}

/** Squared error, summed over an example. */
export const squaredError = (x: Tensor, y: Tensor): Tensor => perExample(g.square(g.sub(x, y)));

/** Cross entropy of logits against probabilities in 0..1, elementwise. */
export const sigmoidCrossEntropy = (logits: Tensor, target: Tensor): Tensor =>
  g.sub(g.softplus(logits), g.mul(target, logits));
