// Distributions as records of functions on tensors. Log-probabilities are in nats, one a value of the event.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";

const LOG_2PI = Math.log(2 * Math.PI);

/** Diagonal Gaussian by mean and logarithm of the variance. */
export const gaussian = {
  /** mean + e^(logVariance / 2) · noise, with `noise` from N(0, 1) (Kingma & Welling 2014, section 2.4) */
  sample: (mean: Tensor, logVariance: Tensor, noise: Tensor): Tensor =>
    g.add(mean, g.mul(g.exp(g.mul(logVariance, 0.5)), noise)),
  logProb: (x: Tensor, mean: Tensor, logVariance: Tensor): Tensor =>
    g.mul(g.add(g.add(logVariance, LOG_2PI), g.div(g.square(g.sub(x, mean)), g.exp(logVariance))), -0.5),
  /** KL(N(mean, variance) ‖ N(0, 1)) (Kingma & Welling 2014, appendix B) */
  klToStandard: (mean: Tensor, logVariance: Tensor): Tensor =>
    g.mul(g.sub(g.sub(g.add(g.square(mean), g.exp(logVariance)), logVariance), 1), 0.5),
  /** KL(N(m₁, v₁) ‖ N(m₂, v₂)) */
  kl: (mean: Tensor, logVariance: Tensor, otherMean: Tensor, otherLogVariance: Tensor): Tensor => {
    const ratio = g.sub(logVariance, otherLogVariance);
    const distance = g.div(g.square(g.sub(mean, otherMean)), g.exp(otherLogVariance));
    return g.mul(g.sub(g.sub(g.add(g.exp(ratio), distance), ratio), 1), 0.5);
  },
} as const;

/** Bernoulli by logit; `x` may be any value in 0..1 (a grey level as a probability). */
export const bernoulli = {
  mean: g.sigmoid,
  /** 1 where uniform noise falls below the probability */
  sample: (logits: Tensor, noise: Tensor): Tensor => g.step(g.sub(g.sigmoid(logits), noise)),
  // x ln σ(l) + (1 - x) ln(1 - σ(l)) = x l - softplus(l)
  logProb: (x: Tensor, logits: Tensor): Tensor => g.sub(g.mul(x, logits), g.softplus(logits)),
} as const;

/** Categorical by logits over the last axis. */
export const categorical = {
  /** log-probability of int32 labels; 0 for a label outside the classes */
  logProb: (labels: Tensor, logits: Tensor): Tensor =>
    g.sum(g.mul(g.oneHot(labels, logits.shape[logits.shape.length - 1]!), g.logSoftmax(logits)), -1),
  entropy: (logits: Tensor): Tensor => g.neg(g.sum(g.mul(g.softmax(logits), g.logSoftmax(logits)), -1)),
  /** KL(a ‖ b) */
  kl: (logits: Tensor, other: Tensor): Tensor =>
    g.sum(g.mul(g.softmax(logits), g.sub(g.logSoftmax(logits), g.logSoftmax(other))), -1),
  /** Gumbel-max: the one-hot code of a sample, with `noise` uniform in (0, 1) */
  sample: (logits: Tensor, noise: Tensor): Tensor => {
    const scores = g.sub(logits, g.log(g.neg(g.log(noise))));
    return g.cast(g.equal(scores, g.max(scores, -1, true)), "float32");
  },
} as const;

/**
 * Logistic discretised to 256 grey levels (Salimans et al. 2017, equation 2, one component): for colour images.
 * `x` in 0..1, `mean` in 0..1, `logScale` the logarithm of the scale.
 */
export const discretizedLogistic = {
  logProb: (x: Tensor, mean: Tensor, logScale: Tensor): Tensor => {
    const half = 0.5 / 255;
    const inverse = g.exp(g.neg(logScale));
    const upper = g.mul(g.add(g.sub(x, mean), half), inverse);
    const lower = g.mul(g.sub(g.sub(x, mean), half), inverse);
    const inside = g.log(g.maximum(g.sub(g.sigmoid(upper), g.sigmoid(lower)), 1e-7));
    const darkest = g.neg(g.softplus(g.neg(upper)));
    const brightest = g.neg(g.softplus(lower));
    return g.where(g.less(x, half), darkest, g.where(g.greater(x, 1 - half), brightest, inside));
  },
  sample: (mean: Tensor, logScale: Tensor, noise: Tensor): Tensor =>
    g.add(mean, g.mul(g.exp(logScale), g.sub(g.log(noise), g.log(g.sub(1, noise))))),
} as const;
