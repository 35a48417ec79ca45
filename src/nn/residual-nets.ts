// The networks of models of a picture's density: strided convolutions with residual 3x3 ones between, without normalisation, which
// would tie the pictures of a batch together. Any height, width and channels.
import { sizeOf } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform } from "./init.ts";
import { ACTIVATIONS, conv, convTranspose, dense } from "./layers.ts";
import { levelSizes } from "./nets.ts";
import type { Scope } from "./scope.ts";

/** The size of both networks. */
export interface ResidualNetShape {
  /** Channels of the first level; each further one has twice as many. */
  readonly width: number;
  /** Number of levels, at least 1; each halves height and width, rounded up. */
  readonly depth: number;
  /** Units of the dense layer above the convolutions. */
  readonly hidden: number;
}

const act = ACTIVATIONS.silu;

/** A 3x3 convolution that is added to its input. */
const residual = (scope: Scope, x: Tensor): Tensor => g.add(x, act(conv(scope, x, x.shape[3]!, 3)));

/** Pictures `[n, h, w, c]` to features `[n, hidden]`: 4x4 convolutions of stride 2, a residual one, a dense layer. */
export function residualEncoder(scope: Scope, x: Tensor, { width, depth, hidden }: ResidualNetShape): Tensor {
  let y = x;
  for (let level = 0; level < depth; level++)
    y = act(conv(scope.child(`conv${level + 1}`), y, width << level, 4, { stride: 2 }));
  return act(dense(scope.child("dense"), g.flatten(residual(scope.child("residual"), y)), hidden));
}

/**
 * Latent vectors `[n, d]` to maps `[n, height, width, maps]` without an activation at the end: the encoder in reverse, and a 3x3
 * convolution at full size before the last, where the sharpness of a picture is decided.
 */
export function residualDecoder(
  scope: Scope,
  latent: Tensor,
  [height, width, maps]: readonly [number, number, number],
  shape: ResidualNetShape,
): Tensor {
  const sizes = levelSizes(height, width, shape.depth);
  const seed = [...sizes[shape.depth]!, shape.width << (shape.depth - 1)];
  const hidden = act(dense(scope.child("dense"), latent, shape.hidden));
  const seeds = act(dense(scope.child("seeds"), hidden, sizeOf(seed)));
  let y = residual(scope.child("residual"), g.reshape(seeds, [latent.shape[0]!, ...seed]));
  for (let level = shape.depth - 1; level >= 0; level--)
    y = act(convTranspose(scope.child(`deconv${level + 1}`), y, shape.width << level, 4, sizes[level]!, { stride: 2 }));
  y = act(conv(scope.child("refine"), y, shape.width, 3));
  return conv(scope.child("maps"), y, maps, 3, { init: glorotUniform });
}
