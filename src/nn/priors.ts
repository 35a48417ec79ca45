// Priors of latent vectors: densities that can be computed and drawn from, fixed or trained, and under a condition (a one-hot class)
// one for each of its values.
import * as g from "../graph/ops/index.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import { categorical, gaussian } from "./distributions.ts";
import { type FlowShape, realNvp } from "./flows.ts";
import { type Initializer, normalInit, zerosInit } from "./init.ts";
import type { Scope } from "./scope.ts";

/** A density of latent vectors of `size` values. */
export interface Prior {
  /**
   * ln p(z) of vectors `[…, size]`, or ln p(z | condition) with conditions `[…, c]` whose leading axes broadcast with those of the
   * vectors: nats, `[…]`.
   */
  logProb(scope: Scope, z: Tensor, condition?: Tensor): Tensor;
  /** `n` vectors, `[n, size]`; with conditions `[n, c]`, one under each. */
  sample(scope: Scope, n: number, condition?: Tensor): Tensor;
}

const logNormal = (z: Tensor): Tensor => g.sum(gaussian.logProb(z, scalar(0), scalar(0)), -1);

/** N(0, I), whatever the condition. */
export const standardPrior = (size: number): Prior => ({
  logProb: (_scope, z) => logNormal(z),
  sample: (scope, n) => scope.noise("prior", [n, size]),
});

/**
 * A mixture of Gaussians with diagonal covariances; means, variances and shares are trained. Under a condition each of its values has
 * a mixture of its own.
 */
export function mixturePrior(size: number, components: number): Prior {
  // A trained row [width], or those that the conditions choose: […, width].
  const row = (scope: Scope, name: string, width: number, init: Initializer, condition?: Tensor) =>
    condition
      ? g.matmul(condition, scope.param(name, [condition.shape[condition.shape.length - 1]!, width], init))
      : scope.param(name, [width], init);
  const parts = (scope: Scope, condition?: Tensor) => {
    const perComponent = (x: Tensor) => g.reshape(x, [...x.shape.slice(0, -1), components, size]);
    return {
      mean: perComponent(row(scope, "mean", components * size, normalInit(1), condition)),
      logVariance: perComponent(row(scope, "logVariance", components * size, zerosInit, condition)),
      logits: row(scope, "share", components, zerosInit, condition),
    };
  };
  return {
    logProb(scope, z, condition) {
      const { mean, logVariance, logits } = parts(scope, condition);
      const each = g.reshape(z, [...z.shape.slice(0, -1), 1, size]);
      const inside = g.sum(gaussian.logProb(each, mean, logVariance), -1); // […, components]
      return g.logSumExp(g.add(inside, g.logSoftmax(logits)), -1);
    },
    sample(scope, n, condition) {
      const { mean, logVariance, logits } = parts(scope, condition);
      const chosen = categorical.sample(logits, scope.noise("component", [n, components], "uniform"));
      const pick = (x: Tensor) => g.sum(g.mul(g.reshape(chosen, [n, components, 1]), x), 1);
      return gaussian.sample(pick(mean), pick(logVariance), scope.noise("prior", [n, size]));
    },
  };
}

/**
 * The density of z where f(z) is standard normal under a RealNVP f (Dinh et al. 2017, equation 3): it begins as the standard normal. Of
 * a variational autoencoder it is the prior that brings one layer of latent variables to the likelihood of several (Xu et al. 2019).
 * @param size at least 2
 */
export function flowPrior(size: number, shape: FlowShape): Prior {
  const flow = realNvp(shape);
  return {
    logProb(scope, z, condition) {
      const { y, logDet } = flow.forward(scope, z, condition);
      return g.add(logNormal(y), logDet);
    },
    sample: (scope, n, condition) => flow.inverse(scope, scope.noise("prior", [n, size]), condition),
  };
}
