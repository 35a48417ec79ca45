// Distributions as records of functions on tensors of one shape, elementwise unless said otherwise. Log-probabilities and
// divergences are in nats, one for each value: the caller sums over the values of an event. `noise` is given as a tensor.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";

const LOG_2PI = Math.log(2 * Math.PI);

/** Independent Gaussian values, given by their means and the natural logarithms of their variances. */
export const gaussian = {
  /** A sample mean + e^(logVariance / 2) · noise, with `noise` from N(0, 1) (Kingma & Welling 2014, section 2.4). */
  sample: (mean: Tensor, logVariance: Tensor, noise: Tensor): Tensor =>
    g.add(mean, g.mul(g.exp(g.mul(logVariance, 0.5)), noise)),
  /** ln N(x; mean, e^logVariance), the logarithm of the density. */
  logProb: (x: Tensor, mean: Tensor, logVariance: Tensor): Tensor =>
    g.mul(g.add(g.add(logVariance, LOG_2PI), g.div(g.square(g.sub(x, mean)), g.exp(logVariance))), -0.5),
  /** KL(N(mean, e^logVariance) ‖ N(0, 1)) (Kingma & Welling 2014, appendix B). */
  klToStandard: (mean: Tensor, logVariance: Tensor): Tensor =>
    g.mul(g.sub(g.sub(g.add(g.square(mean), g.exp(logVariance)), logVariance), 1), 0.5),
  /** KL(N(mean, e^logVariance) ‖ N(otherMean, e^otherLogVariance)). */
  kl: (mean: Tensor, logVariance: Tensor, otherMean: Tensor, otherLogVariance: Tensor): Tensor => {
    const ratio = g.sub(logVariance, otherLogVariance);
    const distance = g.div(g.square(g.sub(mean, otherMean)), g.exp(otherLogVariance));
    return g.mul(g.sub(g.sub(g.add(g.exp(ratio), distance), ratio), 1), 0.5);
  },
} as const;

/** Independent values of 0 or 1, given by the logits of the probability of 1. */
export const bernoulli = {
  /** The probability of 1: σ(logits). */
  mean: g.sigmoid,
  /** A sample: 1 where `noise`, uniform in (0, 1), lies below the probability, else 0. */
  sample: (logits: Tensor, noise: Tensor): Tensor => g.step(g.sub(g.sigmoid(logits), noise)),
  /**
   * x ln p + (1 - x) ln(1 - p) with p = σ(logits), for `x` of 0 or 1, or any value between (a grey level that stands for a
   * probability). Finite for all finite logits.
   */
  // It equals x · logits - softplus(logits).
  logProb: (x: Tensor, logits: Tensor): Tensor => g.sub(g.mul(x, logits), g.softplus(logits)),
} as const;

/** One of k classes, given by logits `[…, k]`. */
export const categorical = {
  /** The log-probability of `labels` (int32 […]), `[…]`; 0 for a label outside 0..k-1, such as -1. */
  logProb: (labels: Tensor, logits: Tensor): Tensor =>
    g.sum(g.mul(g.oneHot(labels, logits.shape[logits.shape.length - 1]!), g.logSoftmax(logits)), -1),
  /** The entropy, `[…]`, 0..ln k. */
  entropy: (logits: Tensor): Tensor => g.neg(g.sum(g.mul(g.softmax(logits), g.logSoftmax(logits)), -1)),
  /** KL of the distribution of `logits` from that of `other` (both `[…, k]`), `[…]`: Σ p ln(p / q) with p from `logits`. */
  kl: (logits: Tensor, other: Tensor): Tensor =>
    g.sum(g.mul(g.softmax(logits), g.sub(g.logSoftmax(logits), g.logSoftmax(other))), -1),
  /** A sample as one-hot code `[…, k]`, by the Gumbel-max trick; `noise` `[…, k]` is uniform in (0, 1). */
  sample: (logits: Tensor, noise: Tensor): Tensor => {
    const scores = g.sub(logits, g.log(g.neg(g.log(noise))));
    return g.cast(g.equal(scores, g.max(scores, -1, true)), "float32");
  },
} as const;

/**
 * Independent values of 256 levels 0, 1/255, …, 1 from a logistic distribution that is rounded to them, the tails beyond 0 and
 * 1 included (Salimans et al. 2017, equation 2, with one component). It is given by `mean`, on the scale of the levels, and
 * `logScale`, the natural logarithm of the scale.
 */
export const discretizedLogistic = {
  /** The log-probability of levels `x`; finite for `logScale` in -60..60. */
  // A level inside has probability σ(upper) - σ(lower) = σ(upper) · σ(-lower) · (1 - e^-width), with width = upper - lower, which
  // cancels nothing; the lowest level lacks the lower edge, and the highest the upper one. 1 - e^-width is 2t / (1 + t) with
  // t = tanh(width / 2), which keeps its digits where the width is small.
  logProb: (x: Tensor, mean: Tensor, logScale: Tensor): Tensor => {
    const half = 0.5 / 255;
    const inverse = g.exp(g.neg(logScale));
    const upper = g.mul(g.add(g.sub(x, mean), half), inverse);
    const lower = g.mul(g.sub(g.sub(x, mean), half), inverse);
    const below = g.neg(g.softplus(g.neg(upper))); // ln of the probability below the upper edge
    const above = g.neg(g.softplus(lower)); // and above the lower edge
    const t = g.tanh(g.mul(inverse, half));
    const inside = g.add(g.add(below, above), g.log(g.div(g.mul(t, 2), g.add(t, 1))));
    return g.where(g.less(x, half), below, g.where(g.greater(x, 1 - half), above, inside));
  },
  /** A sample before it is rounded, which may lie outside 0..1; `noise` is uniform in (0, 1). */
  sample: (mean: Tensor, logScale: Tensor, noise: Tensor): Tensor =>
    g.add(mean, g.mul(g.exp(logScale), g.sub(g.log(noise), g.log(g.sub(1, noise))))),
} as const;
