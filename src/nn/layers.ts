// Layers: functions of a scope, which holds their parameters, and a tensor. Images are [n, h, w, c]. A layer asks its scope
// for parameters by fixed names, so each layer of a net is given a scope of its own (`scope.child(name)`).
import type { Shape } from "../base/array.ts";
import type { Size, WindowOptions } from "../graph/ops/index.ts";
import * as g from "../graph/ops/index.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import { glorotUniform, heNormal, type Initializer, normalInit, onesInit, zerosInit } from "./init.ts";
import type { Scope } from "./scope.ts";

/** Makes the weights that a layer computes with from those that are trained, of the same shape: `weightNorm`, `spectralNorm`. */
export type WeightRule = (scope: Scope, weights: Tensor) => Tensor;

/** What layers with weights have in common. */
export interface LayerOptions {
  /** Whether a trained value a channel, 0 at first, is added to the output. Default true. */
  bias?: boolean;
  /** First values of the weights. Default `heNormal`, or its counterpart for transposed convolutions. */
  init?: Initializer;
  /** `weightNorm` or `spectralNorm`; by default the trained weights are used as they are. */
  weights?: WeightRule;
}

function weightsOf(scope: Scope, shape: Shape, { init = heNormal, weights }: LayerOptions): Tensor {
  const raw = scope.param("weights", shape, init);
  return weights ? weights(scope, raw) : raw;
}

/** A fully connected layer over the last axis: `[…, in] -> […, units]`. Parameters: `weights` [in, units], `bias` [units]. */
export function dense(scope: Scope, x: Tensor, units: number, options: LayerOptions = {}): Tensor {
  const weights = weightsOf(scope, [x.shape[x.shape.length - 1]!, units], options);
  const bias = options.bias === false ? undefined : scope.param("bias", [units], zerosInit);
  return g.matmul(x, weights, false, false, bias);
}

/**
 * A fully connected layer over `x` `[…, in]` and a condition `[…, c]` side by side, `[…, units]`: the two products are added, so that
 * leading axes broadcast and neither is repeated. Without a condition it is `dense`. Parameters: those of `dense`, and
 * `condition/weights` [c, units].
 */
export function conditionalDense(
  scope: Scope,
  x: Tensor,
  condition: Tensor | undefined,
  units: number,
  options: LayerOptions = {},
): Tensor {
  const own = dense(scope, x, units, options);
  return condition ? g.add(own, dense(scope.child("condition"), condition, units, { ...options, bias: false })) : own;
}

/** Options of a convolution; `padding` is `same` by default. */
export interface ConvLayerOptions extends LayerOptions, WindowOptions {
  /** Number of groups into which input and output channels are divided, each convolved apart; divides both. Default 1. */
  groups?: number;
}

/**
 * A convolution with a square kernel: `[n, h, w, c] -> [n, oh, ow, channels]`, where by default oh = ⌈h / stride⌉.
 * Parameters: `weights` [kernel, kernel, c / groups, channels], `bias` [channels].
 */
export function conv(
  scope: Scope,
  x: Tensor,
  channels: number,
  kernel: number,
  options: ConvLayerOptions = {},
): Tensor {
  const weights = weightsOf(scope, [kernel, kernel, x.shape[3]! / (options.groups ?? 1), channels], options);
  const bias = options.bias === false ? undefined : scope.param("bias", [channels], zerosInit);
  return g.conv2d(x, weights, { padding: "same", ...options, bias });
}

/**
 * A transposed convolution with a square kernel to a given size: `[n, h, w, c] -> [n, size[0], size[1], channels]`. A
 * convolution with the same kernel and stride must make h x w of that size. Parameters: `weights` [kernel, kernel, channels,
 * c], `bias` [channels].
 */
export function convTranspose(
  scope: Scope,
  x: Tensor,
  channels: number,
  kernel: number,
  size: Size,
  options: LayerOptions & WindowOptions = {},
): Tensor {
  const stride = typeof options.stride === "number" ? options.stride : (options.stride?.[0] ?? 1);
  // Each output pixel is reached by (kernel / stride)² taps of every input channel.
  const fanIn = Math.max(1, kernel / stride) ** 2 * x.shape[3]!;
  const init = options.init ?? normalInit(Math.sqrt(2 / fanIn));
  const weights = weightsOf(scope, [kernel, kernel, channels, x.shape[3]!], { ...options, init });
  const y = g.conv2dTranspose(x, weights, size, { padding: "same", ...options });
  return options.bias === false ? y : g.add(y, scope.param("bias", [channels], zerosInit));
}

/**
 * A convolution of each channel with a square kernel of its own: `[n, h, w, c] -> [n, oh, ow, c]`. Parameters: `weights`
 * [kernel, kernel, c], `bias` [c].
 */
export function depthwise(scope: Scope, x: Tensor, kernel: number, options: WindowOptions = {}): Tensor {
  const c = x.shape[3]!;
  const weights = scope.param("weights", [kernel, kernel, c], normalInit(Math.sqrt(2) / kernel));
  return g.add(g.depthwiseConv2d(x, weights, { padding: "same", ...options }), scope.param("bias", [c], zerosInit));
}

// ---------------------------------------------------------------------------------------------- normalisation

function scaleShift(scope: Scope, x: Tensor): Tensor {
  const c = x.shape[x.shape.length - 1]!;
  return g.add(g.mul(x, scope.param("scale", [c], onesInit)), scope.param("shift", [c], zerosInit));
}

/**
 * Batch normalisation (Ioffe & Szegedy 2015) of `[…, c]`: each channel less its mean, over its standard deviation, times
 * `scale` [c] plus `shift` [c]. While training, mean and variance are those of the batch, and the buffers `mean` and
 * `variance` [c] move towards them; otherwise the buffers are used.
 * @param options `momentum`: share of the batch in the new buffers, 0..1, default 0.1; `epsilon`: added to the variance,
 * default 1e-5; `scale`: whether there is one, default true
 */
export function batchNorm(
  scope: Scope,
  x: Tensor,
  options: { momentum?: number; epsilon?: number; scale?: boolean } = {},
): Tensor {
  const { momentum = 0.1, epsilon = 1e-5 } = options;
  const c = x.shape[x.shape.length - 1]!;
  const axes = x.shape.slice(0, -1).map((_, i) => i);
  const runningMean = scope.buffer("mean", [c], zerosInit);
  const runningVariance = scope.buffer("variance", [c], onesInit);
  const scale = options.scale === false ? scalar(1) : scope.param("scale", [c], onesInit);
  const shift = scope.param("shift", [c], zerosInit);
  let mean = runningMean;
  let variance = runningVariance;
  if (scope.training) {
    mean = g.mean(x, axes);
    variance = g.mean(g.square(g.sub(x, mean)), axes);
    const blend = (old: Tensor, now: Tensor) => g.add(g.mul(old, 1 - momentum), g.mul(now, momentum));
    const count = x.shape.slice(0, -1).reduce((a, b) => a * b, 1);
    scope.assign("mean", blend(runningMean, mean));
    // The running variance is the unbiased one, as in PyTorch.
    scope.assign("variance", blend(runningVariance, g.mul(variance, count / Math.max(1, count - 1))));
  }
  // One multiplication and one addition a value: the rest is on [c].
  const gain = g.div(scale, g.sqrt(g.add(variance, epsilon)));
  return g.add(g.mul(x, gain), g.sub(shift, g.mul(mean, gain)));
}

/**
 * Layer normalisation (Ba et al. 2016) of `[…, c]`: each row of the last axis less its mean, over its standard deviation,
 * times `scale` [c] plus `shift` [c]. `epsilon` is added to the variance.
 */
export function layerNorm(scope: Scope, x: Tensor, epsilon = 1e-5): Tensor {
  return scaleShift(scope, standardize(x, [x.shape.length - 1], epsilon));
}

/**
 * Group normalisation (Wu & He 2018) of images `[n, h, w, c]`: mean and variance are those of one image over space and the
 * channels of a group; then times `scale` [c] plus `shift` [c].
 * @param groups divides c
 */
export function groupNorm(scope: Scope, x: Tensor, groups: number, epsilon = 1e-5): Tensor {
  return scaleShift(scope, standardizeGroups(x, groups, epsilon));
}

/**
 * Group normalisation whose scale and shift depend on a condition `[n, d]`, such as a class (de Vries et al. 2017, for batch
 * normalisation): 1 + dense(condition) and dense(condition) of each channel. Parameters: `scale/weights` and `shift/weights` [d, c].
 * @param groups divides c
 */
export function conditionalGroupNorm(scope: Scope, x: Tensor, condition: Tensor, groups: number): Tensor {
  const [n, , , c] = x.shape as readonly number[] as [number, number, number, number];
  const linear = (name: string) => {
    const rows = dense(scope.child(name), condition, c, { bias: false, init: normalInit(0.02) });
    return g.reshape(rows, [n, 1, 1, c]);
  };
  return g.add(g.mul(standardizeGroups(x, groups, 1e-5), g.add(linear("scale"), 1)), linear("shift"));
}

function standardizeGroups(x: Tensor, groups: number, epsilon: number): Tensor {
  const [n, h, w, c] = x.shape as readonly number[] as [number, number, number, number];
  return g.reshape(standardize(g.reshape(x, [n, h * w, groups, c / groups]), [1, 3], epsilon), x.shape);
}

function standardize(x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  const centred = g.sub(x, g.mean(x, axes, true));
  return g.div(centred, g.sqrt(g.add(g.mean(g.square(centred), axes, true), epsilon)));
}

/** Axes of a weight array that feed one output unit. */
const inputAxes = (weights: Tensor): number[] => weights.shape.slice(0, -1).map((_, i) => i);

/**
 * Weight normalisation (Salimans & Kingma 2016, equation 2): the weights of each output unit, brought to length 1, times a
 * trained `gain` a unit, 1 at first.
 */
export const weightNorm: WeightRule = (scope, weights) => {
  const length = g.sqrt(g.add(g.sum(g.square(weights), inputAxes(weights)), 1e-12));
  return g.mul(weights, g.div(scope.param("gain", [weights.shape[weights.shape.length - 1]!], onesInit), length));
};

/**
 * Spectral normalisation (Miyato et al. 2018, algorithm 1): weights over their largest singular value, as a matrix of all
 * inputs by outputs. The value is estimated by one power iteration a training step on the buffer `u`.
 */
export const spectralNorm: WeightRule = (scope, weights) => {
  const out = weights.shape[weights.shape.length - 1]!;
  const matrix = g.reshape(weights, [-1, out]);
  const u = scope.buffer("u", [1, out], normalInit(1));
  const unit = (v: Tensor) => g.div(v, g.sqrt(g.add(g.sum(g.square(v)), 1e-12)));
  const right = unit(g.matmul(u, matrix, false, true));
  const left = scope.training ? unit(g.matmul(right, matrix)) : unit(u);
  if (scope.training) scope.assign("u", left);
  const sigma = g.sum(g.mul(g.matmul(right, matrix), left));
  return g.div(weights, sigma);
};

// ---------------------------------------------------------------------------------------------- noise

/**
 * Dropout (Srivastava et al. 2014): while training, each value is 0 with probability `rate` (0 to below 1) and else divided
 * by 1 - rate; otherwise nothing is changed. Of an image [n, h, w, c] whole channels are dropped (Tompson et al. 2015,
 * section 3.2), because neighbouring pixels would tell what is missing.
 */
export function dropout(scope: Scope, x: Tensor, rate: number): Tensor {
  if (!scope.training || rate === 0) return x;
  const shape = x.shape.length === 4 ? [x.shape[0]!, 1, 1, x.shape[3]!] : x.shape;
  const kept = g.step(g.sub(scope.noise("dropout", shape, "uniform"), rate));
  return g.mul(x, g.mul(kept, 1 / (1 - rate)));
}

/** Adds noise of N(0, deviation²) to each value while training; otherwise nothing is changed. */
export function gaussianNoise(scope: Scope, x: Tensor, deviation: number): Tensor {
  if (!scope.training || deviation === 0) return x;
  return g.add(x, g.mul(scope.noise("gaussian", x.shape), deviation));
}

// ---------------------------------------------------------------------------------------------- blocks

/** The name of an activation function. */
export type Activation = "relu" | "leakyRelu" | "elu" | "gelu" | "tanh" | "softplus" | "silu";

/** Activation functions, elementwise; `leakyRelu` has the slope 0.2 below 0, `silu` is x · σ(x). */
export const ACTIVATIONS: Record<Activation, (x: Tensor) => Tensor> = {
  relu: g.relu,
  leakyRelu: (x) => g.leakyRelu(x, 0.2),
  elu: (x) => g.elu(x),
  gelu: g.gelu,
  tanh: g.tanh,
  softplus: g.softplus,
  silu: (x) => g.mul(x, g.sigmoid(x)),
};

/**
 * A residual block (He et al. 2016, figure 2): `[n, h, w, c] -> [n, h, w, channels]`. Two 3x3 convolutions with batch
 * normalisation are added to the input, or to a 1x1 convolution of it where c differs from `channels`; the activation
 * follows the first normalisation and the sum.
 */
export function residual(scope: Scope, x: Tensor, channels: number, activation: Activation = "relu"): Tensor {
  const act = ACTIVATIONS[activation];
  const options = { bias: false };
  const first = act(batchNorm(scope.child("norm1"), conv(scope.child("conv1"), x, channels, 3, options)));
  const second = batchNorm(scope.child("norm2"), conv(scope.child("conv2"), first, channels, 3, options));
  const same = x.shape[3] === channels;
  const shortcut = same ? x : conv(scope.child("shortcut"), x, channels, 1, { ...options, init: glorotUniform });
  return act(g.add(second, shortcut));
}
