// Penalties on the slope of a discriminator at pictures. They are made of derivatives by pictures, and a training step derives
// them once more by the weights.
//
// The derivative of a score is taken to be by its own picture alone: there must be no batch normalisation over the batch in
// the discriminator.
import { grad } from "../graph/grad.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { perExample } from "./losses.ts";
import type { Scope } from "./scope.ts";

/** The squared length of the derivative of each score `[n]` by its picture, of `x` `[n, …]`: `[n]`. */
function squaredSlope(scores: Tensor, x: Tensor): Tensor {
  const [slope] = grad(g.sum(scores), [x]);
  return perExample(g.square(slope!));
}

/**
 * R1 (Mescheder et al. 2018, equation 9) without its factor γ: ½ ‖∇ₓ D(x)‖² of each real picture, `[n]`.
 * @param scores `[n]`: D of `x`
 * @param x the real pictures `[n, …]` from which `scores` is computed
 */
export const r1Penalty = (scores: Tensor, x: Tensor): Tensor => g.mul(squaredSlope(scores, x), 0.5);

/**
 * The gradient penalty of WGAN-GP (Gulrajani et al. 2017, equation 3) without its factor λ: (‖∇ₓ D(x)‖ - 1)² at a random place x
 * between each real picture and a generated one, `[n]`.
 * @param real `[n, h, w, c]`
 * @param generated `[n, h, w, c]`
 * @param discriminate gives the scores `[n]` of pictures
 */
export function gradientPenalty(
  scope: Scope,
  real: Tensor,
  generated: Tensor,
  discriminate: (x: Tensor) => Tensor,
): Tensor {
  const share = scope.noise("between", [real.shape[0]!, 1, 1, 1], "uniform");
  const x = g.add(generated, g.mul(g.sub(real, generated), share));
  // A root has no derivative at 0, where a discriminator of ReLUs may well be flat.
  const length = g.sqrt(g.add(squaredSlope(discriminate(x), x), 1e-12));
  return g.square(g.sub(length, 1));
}
