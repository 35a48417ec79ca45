// Losses of batches of n examples: most give one number an example, [n], and `weightedMean` averages them.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { categorical } from "./distributions.ts";

/** Sums over all axes but the first: `[n, …] -> [n]`. */
export function perExample(x: Tensor): Tensor {
  return g.sum(
    x,
    x.shape.slice(1).map((_, i) => i + 1),
  );
}

/**
 * The weighted mean of `values` [n], a scalar: Σ weight · value / max(1, Σ weight). With weights [n] of 0 and 1 it is the mean
 * over the examples of weight 1 (padding and unlabelled examples have 0), and 0 when there is none.
 */
export function weightedMean(values: Tensor, weights: Tensor): Tensor {
  return g.div(g.sum(g.mul(values, weights)), g.maximum(g.sum(weights), 1));
}

/**
 * Cross entropy of each example in nats, `[n]`: -ln p(label), with label smoothing (Szegedy et al. 2016, section 7).
 * @param logits `[n, k]`
 * @param labels int32 `[n]`, 0..k-1; for one outside the first term below is 0, and the caller gives the example no weight
 * @param smoothing share of the target, 0..1, that is spread evenly over the classes: the result is (1 - smoothing) · -ln
 * p(label) + smoothing · the mean of -ln p over the classes
 */
export function crossEntropy(logits: Tensor, labels: Tensor, smoothing = 0): Tensor {
  return smoothed(g.neg(categorical.logProb(labels, logits)), g.logSoftmax(logits), smoothing);
}

/**
 * Cross entropy of each example in nats against probabilities, `[n]`: -Σ p ln q, with label smoothing as in `crossEntropy`.
 * @param logits `[n, k]`
 * @param targets `[n, k]`: rows that sum up to 1, or of zeros for an example without a label
 */
export function softCrossEntropy(logits: Tensor, targets: Tensor, smoothing = 0): Tensor {
  const logP = g.logSoftmax(logits);
  return smoothed(g.neg(perExample(g.mul(targets, logP))), logP, smoothing);
}

/**
 * Focal loss of each example in nats, `[n]`: -Σ t (1 - p)² ln p, so that examples that are already told well teach little (Lin et al.
 * 2017, Focal Loss for Dense Object Detection, equation 4 with their γ of 2), with label smoothing as in `crossEntropy`.
 * @param logits `[n, k]`
 * @param targets `[n, k]`: rows t that sum up to 1, or of zeros for an example without a label
 */
export function focalLoss(logits: Tensor, targets: Tensor, smoothing = 0): Tensor {
  const logP = g.logSoftmax(logits);
  const focused = g.mul(g.square(g.sub(1, g.exp(logP))), logP); // [n, k]
  return smoothed(g.neg(perExample(g.mul(targets, focused))), focused, smoothing);
}

/** (1 - smoothing) · the exact loss - smoothing · the mean over the classes of `logs` `[n, k]`, what a class says of itself. */
function smoothed(exact: Tensor, logs: Tensor, smoothing: number): Tensor {
  if (smoothing === 0) return exact;
  const uniform = g.neg(g.mean(logs, -1));
  return g.add(g.mul(exact, 1 - smoothing), g.mul(uniform, smoothing));
}

/** What a class loss compares logits with. Tensors are `[n]` unless they say otherwise. */
export interface ClassTargets {
  /** Class numbers, int32; -1 for none. */
  readonly labels: Tensor;
  /** Weight of each example: 0 where it has no label or is padding. */
  readonly labelled: Tensor;
  /** `[n, k]`: probabilities that are learnt in place of the labels. */
  readonly soft?: Tensor;
  /**
   * Where each picture is mixed with a partner: the partner's label, the share of the picture itself (0..1), and the weight
   * of the mixture, 0 where one of the two has no label.
   */
  readonly mixed?: {
    readonly labels: Tensor;
    readonly soft?: Tensor;
    readonly share: Tensor;
    readonly labelled: Tensor;
  };
}

/** Losses that `classLoss` can be the mean of. */
export const CLASS_LOSS_NAMES = ["crossEntropy", "focal"] as const;

/**
 * Mean cross entropy or focal loss in nats over the examples with a label, a scalar; for mixed pictures, share · (loss of the own
 * label) + (1 - share) · (loss of the partner's) (Zhang et al. 2018, equation 2).
 * @param logits `[n, k]`
 * @param smoothing label smoothing as in `crossEntropy`, 0..1
 */
export function classLoss(
  logits: Tensor,
  targets: ClassTargets,
  smoothing = 0,
  name: (typeof CLASS_LOSS_NAMES)[number] = "crossEntropy",
): Tensor {
  const { labelled, mixed } = targets;
  const lossOf = ({ labels, soft }: Pick<ClassTargets, "labels" | "soft">) => {
    if (name === "focal") return focalLoss(logits, soft ?? g.oneHot(labels, logits.shape[1]!), smoothing);
    return soft ? softCrossEntropy(logits, soft, smoothing) : crossEntropy(logits, labels, smoothing);
  };
  const own = lossOf(targets);
  if (!mixed) return weightedMean(own, labelled);
  const other = lossOf(mixed);
  return weightedMean(g.add(other, g.mul(g.sub(own, other), mixed.share)), mixed.labelled);
}

/** Squared difference of `x` and `y` (both `[n, …]`), summed over each example: `[n]`. */
export const squaredError = (x: Tensor, y: Tensor): Tensor => perExample(g.square(g.sub(x, y)));

/**
 * Binary cross entropy in nats of logits against targets 0..1 of the same shape, elementwise: -t ln σ(l) - (1 - t) ln(1 -
 * σ(l)).
 */
export const sigmoidCrossEntropy = (logits: Tensor, target: Tensor): Tensor =>
  g.sub(g.softplus(logits), g.mul(target, logits));

/**
 * Generalised cross entropy of each example, `[n]`: (1 - p^q) / q, where p is the probability of its target class. Between cross
 * entropy (q -> 0) and the absolute error (q = 1), which learns less of wrong labels (Zhang & Sabuncu 2018, equation 6).
 * @param logits `[n, k]`
 * @param targets `[n, k]`: one-hot rows
 */
export function generalizedCrossEntropy(logits: Tensor, targets: Tensor, q = 0.7): Tensor {
  const logP = perExample(g.mul(g.logSoftmax(logits), targets));
  return g.mul(g.sub(1, g.exp(g.mul(logP, q))), 1 / q);
}
