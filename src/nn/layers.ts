// Layers: functions of a scope and a tensor. Images are [n, h, w, c].
import type { Shape } from "../base/array.ts";
import type { Size, WindowOptions } from "../graph/ops/index.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform, heNormal, type Initializer, normalInit, onesInit, zerosInit } from "./init.ts";
import type { Scope } from "./scope.ts";

/** How a layer's weights are parametrised. */
export type WeightRule = (scope: Scope, weights: Tensor) => Tensor;

export interface LayerOptions {
  bias?: boolean;
  init?: Initializer;
  /** `weightNorm`, `spectralNorm`, or none. */
  weights?: WeightRule;
}

function weightsOf(scope: Scope, shape: Shape, { init = heNormal, weights }: LayerOptions): Tensor {
  const raw = scope.param("weights", shape, init);
  return weights ? weights(scope, raw) : raw;
}

/** `[…, in] -> […, units]` */
export function dense(scope: Scope, x: Tensor, units: number, options: LayerOptions = {}): Tensor {
  const weights = weightsOf(scope, [x.shape[x.shape.length - 1]!, units], options);
  const bias = options.bias === false ? undefined : scope.param("bias", [units], zerosInit);
  return g.matmul(x, weights, false, false, bias);
}

export interface ConvLayerOptions extends LayerOptions, WindowOptions {
  groups?: number;
}

/** `[n, h, w, c] -> [n, oh, ow, channels]` */
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

/** Transposed convolution to a given size: `[n, h, w, c] -> [n, size, channels]`. */
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

/** One kernel a channel: `[n, h, w, c] -> [n, oh, ow, c]`. */
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
 * Batch normalisation over all axes but the last (Ioffe & Szegedy 2015): batch statistics while training, running
 * ones otherwise.
 */
export function batchNorm(scope: Scope, x: Tensor, options: { momentum?: number; epsilon?: number } = {}): Tensor {
  const { momentum = 0.1, epsilon = 1e-5 } = options;
  const c = x.shape[x.shape.length - 1]!;
  const axes = x.shape.slice(0, -1).map((_, i) => i);
  const runningMean = scope.buffer("mean", [c], zerosInit);
  const runningVariance = scope.buffer("variance", [c], onesInit);
  const scale = scope.param("scale", [c], onesInit);
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

/** Layer normalisation over the last axis (Ba et al. 2016). */
export function layerNorm(scope: Scope, x: Tensor, epsilon = 1e-5): Tensor {
  return scaleShift(scope, standardize(x, [x.shape.length - 1], epsilon));
}

/** Group normalisation of an image (Wu & He 2018): statistics over space and the channels of a group. */
export function groupNorm(scope: Scope, x: Tensor, groups: number, epsilon = 1e-5): Tensor {
  const [n, h, w, c] = x.shape as readonly number[] as [number, number, number, number];
  const grouped = g.reshape(x, [n, h * w, groups, c / groups]);
  return scaleShift(scope, g.reshape(standardize(grouped, [1, 3], epsilon), x.shape));
}

function standardize(x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  const centred = g.sub(x, g.mean(x, axes, true));
  return g.div(centred, g.sqrt(g.add(g.mean(g.square(centred), axes, true), epsilon)));
}

/** Axes of a weight array that feed one output unit. */
const inputAxes = (weights: Tensor): number[] => weights.shape.slice(0, -1).map((_, i) => i);

/** Weight normalisation (Salimans & Kingma 2016, equation 2): direction and length of each output unit apart. */
export const weightNorm: WeightRule = (scope, weights) => {
  const length = g.sqrt(g.add(g.sum(g.square(weights), inputAxes(weights)), 1e-12));
  return g.mul(weights, g.div(scope.param("gain", [weights.shape[weights.shape.length - 1]!], onesInit), length));
};

/** Spectral normalisation (Miyato et al. 2018, algorithm 1): one power iteration a step. */
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
 * Sets a share `rate` of values to zero while training and scales the rest up (Srivastava et al. 2014). Of an image,
 * whole channels are dropped (Tompson et al. 2015, section 3.2): neighbouring pixels would tell what is missing.
 */
export function dropout(scope: Scope, x: Tensor, rate: number): Tensor {
  if (!scope.training || rate === 0) return x;
  const shape = x.shape.length === 4 ? [x.shape[0]!, 1, 1, x.shape[3]!] : x.shape;
  const kept = g.step(g.sub(scope.noise("dropout", shape, "uniform"), rate));
  return g.mul(x, g.mul(kept, 1 / (1 - rate)));
}

/** Adds N(0, deviation²) while training. */
export function gaussianNoise(scope: Scope, x: Tensor, deviation: number): Tensor {
  if (!scope.training || deviation === 0) return x;
  return g.add(x, g.mul(scope.noise("gaussian", x.shape), deviation));
}

// ---------------------------------------------------------------------------------------------- blocks

export type Activation = "relu" | "leakyRelu" | "elu" | "gelu" | "tanh" | "softplus" | "silu";

export const ACTIVATIONS: Record<Activation, (x: Tensor) => Tensor> = {
  relu: g.relu,
  leakyRelu: (x) => g.leakyRelu(x, 0.2),
  elu: (x) => g.elu(x),
  gelu: g.gelu,
  tanh: g.tanh,
  softplus: g.softplus,
  silu: (x) => g.mul(x, g.sigmoid(x)),
};

/** Two 3x3 convolutions with batch norm beside a shortcut (He et al. 2016); a 1x1 one where channels change. */
export function residual(scope: Scope, x: Tensor, channels: number, activation: Activation = "relu"): Tensor {
  const act = ACTIVATIONS[activation];
  const options = { bias: false };
  const first = act(batchNorm(scope.child("norm1"), conv(scope.child("conv1"), x, channels, 3, options)));
  const second = batchNorm(scope.child("norm2"), conv(scope.child("conv2"), first, channels, 3, options));
  const same = x.shape[3] === channels;
  const shortcut = same ? x : conv(scope.child("shortcut"), x, channels, 1, { ...options, init: glorotUniform });
  return act(g.add(second, shortcut));
}
