// A generator that paints coarse to fine: a picture at each size, and each is added to the one before.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform } from "./init.ts";
import { batchNorm, conditionalDense, conv } from "./layers.ts";
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
 * Latent vectors `[n, d]` and a condition `[n, k]` to pictures `[n, height, width, channels]` in 0..1. Each level doubles the maps by
 * repetition, convolves them, and makes an image of its size, which is added to the enlarged one of the level before (Karras et al.
 * 2020, Analyzing and Improving the Image Quality of StyleGAN, section 4.1), so that gradients reach every size at once, as in
 * Karnewar & Wang 2020, MSG-GAN, which judges each size.
 */
export function skipGenerator(
  scope: Scope,
  latent: Tensor,
  condition: Tensor,
  [height, width, channels]: readonly [number, number, number],
  shape: SkipGeneratorShape,
): Tensor {
  const sizes = levelSizes(height, width, shape.depth);
  const normalised = (child: Scope, x: Tensor) => g.relu(batchNorm(child.child("norm"), x));
  const first = [...sizes[shape.depth]!, shape.width << (shape.depth - 1)] as const;
  const seeds = conditionalDense(scope.child("dense"), latent, condition, first[0] * first[1] * first[2]);
  let maps = normalised(scope.child("dense"), g.reshape(seeds, [latent.shape[0]!, ...first]));
  let image: Tensor | undefined;
  for (let level = shape.depth - 1; level >= 0; level--) {
    const child = scope.child(`level${level + 1}`);
    const size = sizes[level]!;
    maps = normalised(child, conv(child, g.resize(maps, size), shape.width << level, 3, { bias: false }));
    const own = conv(child.child("image"), maps, channels, 1, { init: glorotUniform });
    image = image ? g.add(g.resize(image, size, "bilinear"), own) : own;
  }
  return g.sigmoid(image!);
}
