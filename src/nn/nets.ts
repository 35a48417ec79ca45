// Encoders and decoders whose depth and sizes follow from the image: any height, width and channels.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform } from "./init.ts";
import { ACTIVATIONS, type Activation, batchNorm, conv, convTranspose, dense } from "./layers.ts";
import type { Scope } from "./scope.ts";

export interface NetShape {
  /** Channels of the first level; each further level has twice as many. */
  width: number;
  /** Levels; each halves height and width. */
  depth: number;
  activation: Activation;
  /** 3x3 convolutions after each strided one. */
  blocks: number;
  /** Normalisation of the encoder's convolutions. */
  norm: "none" | "batch";
}

/** `[height, width]` before each level and after the last: halves, rounded up, never below 1. */
export function levelSizes(height: number, width: number, depth: number): [number, number][] {
  const sizes: [number, number][] = [[height, width]];
  for (let level = 0; level < depth; level++) {
    const [h, w] = sizes[level]!;
    sizes.push([Math.ceil(h / 2), Math.ceil(w / 2)]);
  }
  return sizes;
}

/** The deepest net that still leaves at least 4 pixels a side, at most 4 levels. */
export function defaultDepth(height: number, width: number): number {
  let depth = 1;
  for (let side = Math.min(height, width) / 2; side >= 8 && depth < 4; side /= 2) depth++;
  return depth;
}

/**
 * Strided 4x4 convolutions, each followed by `blocks` of 3x3: `[n, h, w, c] -> [n, h / 2^depth, w / 2^depth, width *
 * 2^(depth-1)]`.
 */
export function convEncoder(scope: Scope, x: Tensor, { width, depth, activation, blocks, norm }: NetShape): Tensor {
  const layer = (child: Scope, input: Tensor, channels: number, kernel: number, stride: number) => {
    const bias = norm === "none";
    const y = conv(child, input, channels, kernel, { stride, bias });
    return ACTIVATIONS[activation](bias ? y : batchNorm(child.child("norm"), y));
  };
  let y = x;
  for (let level = 0; level < depth; level++) {
    y = layer(scope.child(`conv${level + 1}`), y, width << level, 4, 2);
    for (let block = 1; block <= blocks; block++)
      y = layer(scope.child(`conv${level + 1}-${block}`), y, width << level, 3, 1);
  }
  return y;
}

/** The mirror of `convEncoder`, from a flat code to `[n, h, w, channels]` (logits: no last activation). */
export function convDecoder(
  scope: Scope,
  code: Tensor,
  [height, width, channels]: readonly [number, number, number],
  shape: NetShape,
): Tensor {
  const act = ACTIVATIONS[shape.activation];
  const sizes = levelSizes(height, width, shape.depth);
  const [h, w] = sizes[shape.depth]!;
  const top = shape.width << (shape.depth - 1);
  const seeds = act(dense(scope.child("dense"), code, h * w * top));
  let y = g.reshape(seeds, [code.shape[0]!, h, w, top]);
  for (let level = shape.depth - 1; level >= 0; level--) {
    const layer = scope.child(`deconv${level + 1}`);
    if (level > 0) y = act(convTranspose(layer, y, shape.width << (level - 1), 4, sizes[level]!, { stride: 2 }));
    else y = convTranspose(layer, y, channels, 4, sizes[0]!, { stride: 2, init: glorotUniform });
  }
  return y;
}
