// A generator that paints coarse to fine: a picture at each size, and each is added to the one before; and what judges each size.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform } from "./init.ts";
import { batchNorm, conditionalDense, conv, spectralNorm } from "./layers.ts";
import { levelSizes } from "./nets.ts";
import type { Scope } from "./scope.ts";

/** The size of the generator. */
export interface SkipGeneratorShape {
  /** Channels at the picture's size; each level below has twice as many. */
  readonly width: number;
  /** Number of levels, at least 1; each doubles height and width. */
  readonly depth: number;
}

/**
 * Latent vectors `[n, d]` and a condition `[n, k]` to pictures in 0..1: `[n, height, width, channels]`, and for each level below one of
 * half the size, as `halves` has it; the largest first. Each level doubles the maps by repetition, convolves them, and makes an image of its size, which is added to the enlarged one of the level before (Karras et al.
 * 2020, Analyzing and Improving the Image Quality of StyleGAN, section 4.1), so that gradients reach every size at once, as in
 * Karnewar & Wang 2020, MSG-GAN, whose discriminator sees each size.
 */
export function skipGenerator(
  scope: Scope,
  latent: Tensor,
  condition: Tensor,
  [height, width, channels]: readonly [number, number, number],
  shape: SkipGeneratorShape,
): Tensor[] {
  const sizes = levelSizes(height, width, shape.depth);
  const normalised = (child: Scope, x: Tensor) => g.relu(batchNorm(child.child("norm"), x));
  const first = [...sizes[shape.depth]!, shape.width << (shape.depth - 1)] as const;
  const seeds = conditionalDense(scope.child("dense"), latent, condition, first[0] * first[1] * first[2]);
  let maps = normalised(scope.child("dense"), g.reshape(seeds, [latent.shape[0]!, ...first]));
  const images: Tensor[] = [];
  for (let level = shape.depth - 1; level >= 0; level--) {
    const child = scope.child(`level${level + 1}`);
    const size = sizes[level]!;
    maps = normalised(child, conv(child, g.resize(maps, size), shape.width << level, 3, { bias: false }));
    const own = conv(child.child("image"), maps, channels, 1, { init: glorotUniform });
    images.unshift(images[0] ? g.add(g.resize(images[0], size, "bilinear"), own) : own);
  }
  return images.map(g.sigmoid);
}

/**
 * Pictures `[n, h, w, c]` at `count` sizes, each half of the one before, rounded up: means of 2x2 pixels; where a side is odd, values
 * between the two nearest. The largest is `x` itself.
 */
export function halves(x: Tensor, count: number): Tensor[] {
  const sizes = [x];
  while (sizes.length < count) {
    const [, height, width] = sizes.at(-1)!.shape as readonly [number, number, number, number];
    // Pooling would count zeros beyond the edge of an odd side, and darken it: generated pictures have no such border.
    sizes.push(g.resize(sizes.at(-1)!, [Math.ceil(height / 2), Math.ceil(width / 2)], "bilinear"));
  }
  return sizes;
}

/** Channels of the two convolutions that look at a picture of one size. */
const JUDGE_CHANNELS = [16, 32] as const;

/** `[n, h, w, c] -> [n, 32]`: what a score of a picture of one size is made of. All weights are spectrally normalised. */
export function judgeFeatures(scope: Scope, x: Tensor): Tensor {
  const maps = JUDGE_CHANNELS.reduce(
    (y, channels, i) =>
      g.leakyRelu(conv(scope.child(`conv${i + 1}`), y, channels, 4, { stride: 2, weights: spectralNorm }), 0.2),
    x,
  );
  return g.mean(maps, [1, 2]);
}
