// A generator that paints coarse to fine: a picture at each size, and each is added to the one before; and what judges each size.
import { zeros } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import { glorotUniform, zerosInit } from "./init.ts";
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

/** Channels of what is made of the largest pictures; each smaller size has twice as many, up to four times. */
const JUDGE_CHANNELS = 16;

/**
 * What a discriminator makes of pictures at several sizes, each half of the one before: pictures `[n, h, w, c]`, the largest first, to
 * features `[n, f]` of each size. As in Karnewar & Wang 2020, MSG-GAN, section 2 (the simplest of their ways to join, side by side), the
 * pictures of a size join the maps that were made of the larger ones, so that each size is seen together with what it is a part of; the
 * smallest are joined by how much the pictures of a batch differ, too. All weights are spectrally normalised.
 * @param kinds how many kinds of pictures, real or generated, lie one after the other in the batch, as many of each, the real ones first:
 * the pictures of one kind are compared among themselves. Absent: each is judged by itself, as one among real ones
 */
export function judgeFeatures(scope: Scope, sizes: readonly Tensor[], kinds?: number): Tensor[] {
  let maps: Tensor | undefined;
  return sizes.map((x, k) => {
    const joined = maps ? g.concat([x, maps], 3) : x;
    const isSmallest = k === sizes.length - 1;
    const seen = isSmallest ? withDeviation(scope, joined, kinds) : joined;
    const channels = JUDGE_CHANNELS << Math.min(k, 2);
    maps = g.leakyRelu(conv(scope.child(`size${k + 1}`), seen, channels, 4, { stride: 2, weights: spectralNorm }), 0.2);
    return g.mean(maps, [1, 2]);
  });
}

/**
 * Maps `[n, h, w, c]` with one channel more, how much those of a batch differ. While training, the buffer `deviation` [1] moves towards
 * that of the first kind; it is what is joined where no kinds are told.
 */
function withDeviation(scope: Scope, x: Tensor, kinds: number | undefined): Tensor {
  const usual = scope.buffer("deviation", [1], zerosInit);
  if (kinds === undefined) {
    const added = g.concat([constant(zeros([x.shape[3]!])), usual], 0);
    return g.add(g.pad(x, [0, 0, 0, 0], [0, 0, 0, 1]), added);
  }
  const deviation = batchDeviation(x, kinds);
  const first = g.reshape(g.slice(deviation, [0, 0, 0, 0], [1, 1, 1, 1]), [1]);
  if (scope.training) scope.assign("deviation", g.add(g.mul(usual, 0.9), g.mul(first, 0.1)));
  return g.concat([x, deviation], 3);
}

/**
 * How much the pictures of a batch differ (Karras et al. 2018, Progressive Growing of GANs, section 3): the standard deviation over the
 * batch of each value, averaged over all of them, as one more channel; `[n, h, w, c] -> [n, h, w, 1]`.
 * @param kinds the batch is so many equal parts, each of which is looked at by itself
 */
export function batchDeviation(x: Tensor, kinds: number): Tensor {
  const [n, height, width, channels] = x.shape as [number, number, number, number];
  const parts = g.reshape(x, [kinds, n / kinds, height * width * channels]);
  // A root has no derivative at 0, where all pictures are the same.
  const deviation = g.mean(g.sqrt(g.add(g.variance(parts, 1), 1e-8)), -1); // [kinds]
  return g.reshape(g.broadcast(g.reshape(deviation, [kinds, 1]), [kinds, (n / kinds) * height * width]), [
    n,
    height,
    width,
    1,
  ]);
}
