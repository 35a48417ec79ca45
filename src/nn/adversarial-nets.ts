// Networks of generators and discriminators, by name, for pictures of any height, width and channels. Which weights are
// normalised, and what activations are normalised by, is handed in.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform, type Initializer } from "./init.ts";
import { conditionalDense, conv, convTranspose, dense, type WeightRule } from "./layers.ts";
import { levelSizes } from "./nets.ts";
import type { Scope } from "./scope.ts";

/** A normalisation of activations `[n, h, w, c]`. */
export type NormRule = (scope: Scope, x: Tensor) => Tensor;

/** What the networks have in common. */
interface NetOptions {
  /** Channels of the largest maps; doubles each level. */
  readonly width: number;
  /** Number of levels, at least 1; each halves height and width, rounded up. */
  readonly depth: number;
  /** First values of the weights. Default: those of the layers. */
  readonly init?: Initializer;
}

/** A generator's options. */
export interface GeneratorOptions extends NetOptions {
  readonly norm: NormRule;
  /** `[n, d]`: goes in beside the latent vector. `norm` may read it too. */
  readonly condition?: Tensor;
}

/** A discriminator's options. */
export interface DiscriminatorOptions extends NetOptions {
  /** Default: none. */
  readonly norm?: NormRule;
  /** Default: weights as they are trained. */
  readonly weights?: WeightRule;
}

/** Two networks that suit each other. */
export interface AdversarialNets {
  /** Latent vectors `[n, d]` to pictures `[n, h, w, c]` in 0..1. */
  generate(scope: Scope, latent: Tensor, size: PictureSize, options: GeneratorOptions): Tensor;
  /** Pictures `[n, h, w, c]` to features `[n, f]`, of which a score is a linear function. */
  features(scope: Scope, x: Tensor, options: DiscriminatorOptions): Tensor;
}

type PictureSize = readonly [height: number, width: number, channels: number];

/** The smallest maps `[n, h, w, c]` of a generator, from a dense layer, without normalisation or activation. */
function seeds(
  scope: Scope,
  latent: Tensor,
  [h, w]: readonly [number, number],
  top: number,
  o: GeneratorOptions,
): Tensor {
  const rows = conditionalDense(scope, latent, o.condition, h * w * top, { init: o.init, bias: false });
  return g.reshape(rows, [latent.shape[0]!, h, w, top]);
}

// ------------------------------------------------------------------------------------------------ dcgan, refined

/**
 * The generator of Radford et al. 2016 (figure 1): transposed 4x4 convolutions of stride 2, ReLU and normalisation between them.
 * The paper's tanh gives -1..1; pictures are 0..1 here. Where it is refined, maps of the picture's size are made first, and a 3x3
 * convolution of them is the picture.
 */
function stridedGenerator(
  scope: Scope,
  latent: Tensor,
  size: PictureSize,
  o: GeneratorOptions,
  refined: boolean,
): Tensor {
  const { depth, width, init, norm } = o;
  const sizes = levelSizes(size[0], size[1], depth);
  const layer = (child: Scope, y: Tensor) => g.relu(norm(child.child("norm"), y));
  const up = (child: Scope, y: Tensor, level: number, channels: number, bias = false) =>
    convTranspose(child, y, channels, 4, sizes[level]!, { stride: 2, init, bias });
  const first = scope.child("dense");
  let y = layer(first, seeds(first, latent, sizes[depth]!, width << (depth - 1), o));
  for (let level = depth - 1; level > 0; level--) {
    const child = scope.child(`deconv${level + 1}`);
    y = layer(child, up(child, y, level, width << (level - 1)));
  }
  const last = scope.child("deconv1");
  if (!refined) return g.sigmoid(up(last, y, 0, size[2], true));
  y = layer(last, up(last, y, 0, Math.max(8, width >> 1)));
  return g.sigmoid(conv(scope.child("pixels"), y, size[2], 3, { init: init ?? glorotUniform }));
}

/**
 * The discriminator of Radford et al. 2016: 4x4 convolutions of stride 2 with slopes of 0.2 below 0, no normalisation of the
 * first. Where it is refined, a 3x3 convolution follows, and a dense layer that sees the whole picture.
 */
function stridedFeatures(scope: Scope, x: Tensor, o: DiscriminatorOptions, refined: boolean): Tensor {
  const { depth, width, init, weights, norm } = o;
  const act = (y: Tensor) => g.leakyRelu(y, 0.2);
  const layer = (child: Scope, y: Tensor, channels: number, kernel: number, stride: number, rule?: NormRule) => {
    const z = conv(child, y, channels, kernel, { stride, init, weights, bias: !rule });
    return act(rule ? rule(child.child("norm"), z) : z);
  };
  let y = x;
  for (let level = 0; level < depth; level++)
    y = layer(scope.child(`conv${level + 1}`), y, width << level, 4, 2, level === 0 ? undefined : norm);
  if (!refined) return g.flatten(y);
  const channels = y.shape[3]!;
  y = layer(scope.child("refine"), y, channels, 3, 1, norm);
  return act(dense(scope.child("dense"), g.flatten(y), 2 * channels, { init, weights }));
}

// ------------------------------------------------------------------------------------------------ residual

/**
 * The residual generator of Gulrajani et al. 2017 and Miyato et al. 2018 (table 4): blocks of normalisation, ReLU, doubling of the
 * sides by repetition, 3x3 convolution, normalisation, ReLU, 3x3 convolution, beside a 1x1 convolution of the doubled input.
 */
function residualGenerator(scope: Scope, latent: Tensor, size: PictureSize, o: GeneratorOptions): Tensor {
  const { depth, width, init, norm } = o;
  const sizes = levelSizes(size[0], size[1], depth);
  let y = seeds(scope.child("dense"), latent, sizes[depth]!, width << (depth - 1), o);
  for (let level = depth - 1; level >= 0; level--) {
    const block = scope.child(`block${level + 1}`);
    const channels = width << Math.max(0, level - 1);
    const up = (x: Tensor) => g.resize(x, sizes[level]!);
    let inner = up(g.relu(norm(block.child("norm1"), y)));
    inner = conv(block.child("conv1"), inner, channels, 3, { init, bias: false });
    inner = g.relu(norm(block.child("norm2"), inner));
    inner = conv(block.child("conv2"), inner, channels, 3, { init });
    // A 1x1 convolution before the doubling is the one after it, at a quarter of the work.
    y = g.add(inner, up(conv(block.child("shortcut"), y, channels, 1, { init: init ?? glorotUniform, bias: false })));
  }
  const last = g.relu(norm(scope.child("norm"), y));
  return g.sigmoid(conv(scope.child("pixels"), last, size[2], 3, { init: init ?? glorotUniform }));
}

/**
 * The residual discriminator of Miyato et al. 2018 (table 4): blocks of ReLU and 3x3 convolution twice, then the mean of each 2x2,
 * beside a 1x1 convolution; a block that keeps the size; ReLU, and the sum over places.
 */
function residualFeatures(
  scope: Scope,
  x: Tensor,
  { depth, width, init, weights, norm }: DiscriminatorOptions,
): Tensor {
  const half = (y: Tensor) => g.avgPool(y, 2, { padding: "same" });
  const act = (child: Scope, y: Tensor) => g.relu(norm ? norm(child, y) : y);
  const block = (child: Scope, y: Tensor, channels: number, kind: "first" | "half" | "keep") => {
    // The first block sees pixels, which are no features to be cut off.
    const seen = kind === "first" ? y : act(child.child("norm1"), y);
    const middle = conv(child.child("conv1"), seen, channels, 3, { init, weights });
    const inner = conv(child.child("conv2"), act(child.child("norm2"), middle), channels, 3, { init, weights });
    if (kind === "keep") return g.add(y, inner);
    const shortcut = { init: init ?? glorotUniform, weights };
    return g.add(half(inner), conv(child.child("shortcut"), half(y), channels, 1, shortcut));
  };
  let y = x;
  for (let level = 0; level < depth; level++)
    y = block(scope.child(`block${level + 1}`), y, width << level, level === 0 ? "first" : "half");
  y = g.relu(block(scope.child("last"), y, y.shape[3]!, "keep"));
  return g.sum(y, [1, 2]);
}

/**
 * Networks by name. `refined` is `dcgan` with a 3x3 convolution more, where a generator ends and where a discriminator does, and a
 * dense layer of features. Those of `dcgan` are all of its last maps, of which there are many; the others' are few.
 */
export const ADVERSARIAL_NETS = {
  dcgan: {
    generate: (scope, latent, size, o) => stridedGenerator(scope, latent, size, o, false),
    features: (scope, x, o) => stridedFeatures(scope, x, o, false),
  },
  refined: {
    generate: (scope, latent, size, o) => stridedGenerator(scope, latent, size, o, true),
    features: (scope, x, o) => stridedFeatures(scope, x, o, true),
  },
  residual: { generate: residualGenerator, features: residualFeatures },
} as const satisfies Record<string, AdversarialNets>;

/** The name of two networks. */
export type AdversarialNetName = keyof typeof ADVERSARIAL_NETS;
