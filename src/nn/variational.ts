// What variational autoencoders share: a Gaussian posterior, draws from it, and bounds on ln p(x) from the weights of draws.
// Draws and classes are leading axes: k draws for each of n pictures are n · k rows, those of a picture one after the other.
import { ndarray } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import { gaussian } from "./distributions.ts";
import { glorotUniform } from "./init.ts";
import { dense } from "./layers.ts";
import type { Scope } from "./scope.ts";

/** A Gaussian of latent vectors for each row; mean and logarithm of the variance are `[n, d]`. */
export interface Posterior {
  /** Of each latent number. */
  readonly mean: Tensor;
  /** ln σ² of each latent number. */
  readonly logVariance: Tensor;
}

/** Range of a posterior's log-variance (Tomczak & Welling 2018). */
const LOG_VARIANCE = [-6, 2] as const;

/** The posterior of `size` values that dense layers make of `hidden` [n, units]. */
export const posteriorOf = (scope: Scope, hidden: Tensor, size: number): Posterior => ({
  mean: dense(scope.child("mean"), hidden, size, { init: glorotUniform }),
  logVariance: g.clip(dense(scope.child("logVariance"), hidden, size, { init: glorotUniform }), ...LOG_VARIANCE),
});

/** σ of each latent number, as `mean` has them. */
export const deviationOf = ({ logVariance }: Pick<Posterior, "logVariance">): Tensor => g.exp(g.mul(logVariance, 0.5));

/** Latent vectors drawn from posteriors. */
export interface Draws {
  /** `[n · k, d]` */
  readonly latent: Tensor;
  /** ln q(latent | x), nats, `[n · k]`. */
  readonly logProb: Tensor;
}

/**
 * `k` draws for each of n posteriors.
 * @param given standard normal values `[1, k, d]` for every posterior; by default each has its own, anew every step
 */
export function draw(scope: Scope, posterior: Posterior, k = 1, given?: Tensor): Draws {
  const [n, d] = posterior.mean.shape as [number, number];
  const noise = given ?? scope.noise("latent", [n, k, d]);
  const each = (x: Tensor) => g.reshape(x, [n, 1, d]);
  const drawn = gaussian.sample(each(posterior.mean), each(posterior.logVariance), noise); // [n, k, d]
  const latent = g.reshape(drawn, [n * k, d]);
  const [mean, logVariance] = [repeatRows(posterior.mean, k), repeatRows(posterior.logVariance, k)];
  return { latent, logProb: g.sum(gaussian.logProb(latent, mean, logVariance), -1) };
}

/** Each row of `[n, …]` `k` times: `[n · k, …]`. */
export function repeatRows(x: Tensor, k: number): Tensor {
  if (k === 1) return x;
  const [n, ...row] = x.shape as [number, ...number[]];
  return g.reshape(g.broadcast(g.reshape(x, [n, 1, ...row]), [n, k, ...row]), [n * k, ...row]);
}

/**
 * The importance-weighted bound on ln p(x) (Burda et al. 2016, equation 8), nats, `[n]`: the logarithm of the mean weight of k draws.
 * e to its power is an unbiased estimate of p(x); with one draw its mean is the ELBO.
 * @param logWeights ln p(x, z) - ln q(z | x) of the draws, `[n · k]`
 */
export const importanceBound = (logWeights: Tensor, k: number): Tensor =>
  k === 1 ? logWeights : logMeanExp(g.reshape(logWeights, [logWeights.shape[0]! / k, k]), 1);

/** The logarithm of the mean of eˣ over an axis. */
export const logMeanExp = (x: Tensor, axis: number): Tensor => g.sub(g.logSumExp(x, axis), Math.log(x.shape[axis]!));

// ---------------------------------------------------------------------------------------------- classes

/** Every class as a one-hot condition: `[1, k, k]`, beside rows `[n, 1, d]`. */
export const eachClass = (k: number): Tensor =>
  constant(
    ndarray(
      "float32",
      [1, k, k],
      Float32Array.from({ length: k * k }, (_, i) => Number(i % (k + 1) === 0)),
    ),
  );

/**
 * For each row the value of its class where it has a label, else what `unknown` says of it, `[n]`.
 * @param values of each class, `[n, k]`
 * @param labels int32 `[n]`; -1 where there is none
 */
export function ofClass(values: Tensor, labels: Tensor, unknown: Tensor): Tensor {
  const own = g.sum(g.mul(g.oneHot(labels, values.shape[1]!), values), 1);
  return g.where(g.less(labels, 0), unknown, own);
}

/**
 * A bound on ln p(x) without the class (Kingma et al. 2014, equation 7), nats, `[n]`: Σ q(y | x) · bound(x, y) + H(q(y | x)).
 * @param bounds on ln p(x, y) of each class, `[n, k]`
 * @param logits of q(y | x), `[n, k]`
 */
export const marginalBound = (bounds: Tensor, logits: Tensor): Tensor =>
  g.sum(g.mul(g.softmax(logits), g.sub(bounds, g.logSoftmax(logits))), 1);
