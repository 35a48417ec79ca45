// Encoders and decoders whose depth and sizes follow from the image: any height, width and channels.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform } from "./init.ts";
import { ACTIVATIONS, type Activation, batchNorm, conv, convTranspose, dense } from "./layers.ts";
import type { Scope } from "./scope.ts";

/** The shape of a convolutional encoder, or of a decoder that mirrors it. */
export interface NetShape {
  /** Channels of the first level; each further level has twice as many. */
  width: number;
  /** The most channels that a level has, in those of the first. Default: no limit. */
  widest?: number;
  /** Number of levels, at least 1; each halves height and width, rounded up. */
  depth: number;
  /** The activation after each layer but a decoder's last. */
  activation: Activation;
  /** Number of 3x3 convolutions after each strided one; decoders have none. */
  blocks: number;
  /** Normalisation after the encoder's convolutions; decoders have none. */
  norm: "none" | "batch";
}

/** The sizes `[height, width]` before each of `depth` levels and after the last: each half of the one before, rounded up. */
export function levelSizes(height: number, width: number, depth: number): [number, number][] {
  const sizes: [number, number][] = [[height, width]];
  for (let level = 0; level < depth; level++) {
    const [h, w] = sizes[level]!;
    sizes.push([Math.ceil(h / 2), Math.ceil(w / 2)]);
  }
  return sizes;
}

/** The largest depth, of 1 to `deepest` levels, that leaves at least 4 pixels of the shorter side (1 where that is impossible). */
export function defaultDepth(height: number, width: number, deepest = 4): number {
  let depth = 1;
  for (let side = Math.min(height, width) / 2; side >= 8 && depth < deepest; side /= 2) depth++;
  return depth;
}

/** Channels of a level from 0 on: twice as many each level, up to `widest` times those of the first. */
export const channelsOf = (level: number, width: number, widest = Number.POSITIVE_INFINITY): number =>
  width * Math.min(widest, 2 ** level);

/**
 * A convolutional encoder: 4x4 convolutions of stride 2, each followed by `blocks` 3x3 convolutions. `[n, h, w, c] ->
 * [n, h', w', channels of the last level]`, where h' x w' is the last of `levelSizes(h, w, depth)`.
 */
export function convEncoder(scope: Scope, x: Tensor, shape: NetShape): Tensor {
  const { width, widest, depth, activation, blocks, norm } = shape;
  const layer = (child: Scope, input: Tensor, channels: number, kernel: number, stride: number) => {
    const bias = norm === "none";
    const y = conv(child, input, channels, kernel, { stride, bias });
    return ACTIVATIONS[activation](bias ? y : batchNorm(child.child("norm"), y));
  };
  let y = x;
  for (let level = 0; level < depth; level++) {
    const channels = channelsOf(level, width, widest);
    y = layer(scope.child(`conv${level + 1}`), y, channels, 4, 2);
    for (let block = 1; block <= blocks; block++)
      y = layer(scope.child(`conv${level + 1}-${block}`), y, channels, 3, 1);
  }
  return y;
}

/**
 * A convolutional decoder, which mirrors `convEncoder`: a dense layer and transposed 4x4 convolutions of stride 2. `[n, d] ->
 * [n, height, width, channels]`, without an activation at the end, as for logits.
 */
export function convDecoder(
  scope: Scope,
  latent: Tensor,
  [height, width, channels]: readonly [number, number, number],
  shape: NetShape,
): Tensor {
  const act = ACTIVATIONS[shape.activation];
  const sizes = levelSizes(height, width, shape.depth);
  const [h, w] = sizes[shape.depth]!;
  const maps = (level: number) => channelsOf(level, shape.width, shape.widest);
  const top = maps(shape.depth - 1);
  const seeds = act(dense(scope.child("dense"), latent, h * w * top));
  let y = g.reshape(seeds, [latent.shape[0]!, h, w, top]);
  for (let level = shape.depth - 1; level >= 0; level--) {
    const layer = scope.child(`deconv${level + 1}`);
    if (level > 0) y = act(convTranspose(layer, y, maps(level - 1), 4, sizes[level]!, { stride: 2 }));
    else y = convTranspose(layer, y, channels, 4, sizes[0]!, { stride: 2, init: glorotUniform });
  }
  return y;
}
