// Likelihoods: distributions of a whole picture given what a decoder says of each pixel.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { bernoulli, discretizedLogistic, gaussian } from "./distributions.ts";
import { constantInit } from "./init.ts";
import { perExample } from "./losses.ts";
import type { Scope } from "./scope.ts";

/** A distribution of pictures `[n, h, w, c]` in 0..1, given by a decoder's maps `[n, h, w, maps(c)]`. */
export interface Likelihood {
  /** Number of maps that the decoder gives for pictures of `channels` channels. */
  maps(channels: number): number;
  /** ln p(x | maps), summed over the picture: nats, `[n]`. */
  logProb(scope: Scope, x: Tensor, maps: Tensor): Tensor;
  /** The picture that is shown for the maps: `[n, h, w, channels]` in 0..1. */
  mean(maps: Tensor, channels: number): Tensor;
}

/**
 * Pixels 0 or 1, independent, by the logits of 1. A grey level is taken for the probability of 1, which makes no probability of the
 * picture: see `drawBinary`.
 */
const bernoulliPixels: Likelihood = {
  maps: (channels) => channels,
  logProb: (_scope, x, maps) => perExample(bernoulli.logProb(x, maps)),
  mean: (maps) => bernoulli.mean(maps),
};

/**
 * Independent Gaussian pixels, the mean by its logit; the variance, one for each channel, is trained (Rybkin et al. 2021, section 4).
 * It gives a density on 0..1, not probabilities of levels.
 */
const gaussianPixels: Likelihood = {
  maps: (channels) => channels,
  logProb(scope, x, maps) {
    // A standard deviation of 0.1 at first, and never below half a level.
    const first = constantInit(2 * Math.log(0.1));
    const logVariance = scope.child("likelihood").param("logVariance", [x.shape[3]!], first);
    const floor = g.maximum(logVariance, 2 * Math.log(0.5 / 255));
    return perExample(gaussian.logProb(x, bernoulli.mean(maps), floor));
  },
  mean: (maps) => bernoulli.mean(maps),
};

/** Logistic components of a pixel, and the smallest logarithm of their scale, for levels 0..1. */
const COMPONENTS = 5;
const LEAST_LOG_SCALE = -7 - Math.LN2;

/**
 * Pixels of 256 levels by mixtures of discretised logistic distributions; the centre of a channel moves in proportion to the observed
 * values of the channels before it (Salimans et al. 2017, section 2). Maps: for each component its logit, and for each channel the
 * centre, the logarithm of the scale, and a coefficient for each channel before.
 */
const logisticMixture: Likelihood = {
  maps: (channels) => COMPONENTS * (1 + 2 * channels + (channels * (channels - 1)) / 2),
  logProb(_scope, x, maps) {
    const channels = x.shape[3]!;
    const { logits, channel } = components(maps);
    const observed = (i: number) => g.sliceAxis(x, 3, i, i + 1); // [n, h, w, 1] beside the components
    const each = Array.from({ length: channels }, (_, i) => {
      const { centre, logScale } = channel(i, observed);
      return discretizedLogistic.logProb(observed(i), centre, logScale);
    });
    const joint = each.reduce((a, b) => g.add(a, b), g.logSoftmax(logits));
    return perExample(g.logSumExp(joint, -1));
  },
  mean(maps, channels) {
    const { logits, channel } = components(maps);
    const share = g.softmax(logits);
    // Each channel's centre under the centres of those before it, of the same component.
    const centres: Tensor[] = [];
    for (let i = 0; i < channels; i++) centres.push(g.clip(channel(i, (j) => centres[j]!).centre, 0, 1));
    return g.concat(centres.map((centre) => g.sum(g.mul(share, centre), -1, true)));
  },
};

/** The parameters of the mixture of each pixel, `[n, h, w, COMPONENTS]` each. */
function components(maps: Tensor) {
  const part = (i: number) => g.sliceAxis(maps, 3, COMPONENTS * i, COMPONENTS * (i + 1));
  /** Of channel `i`, where `before` gives the values of those before it. */
  const channel = (i: number, before: (j: number) => Tensor) => {
    // Behind the logits and the channels before: two parts each, and 0, 1, 2, … coefficients.
    const first = 1 + 2 * i + (i * (i - 1)) / 2;
    let centre = g.mul(g.add(part(first), 1), 0.5);
    const logScale = g.maximum(g.sub(part(first + 1), Math.LN2), LEAST_LOG_SCALE);
    for (let j = 0; j < i; j++) centre = g.add(centre, g.mul(g.tanh(part(first + 2 + j)), g.sub(before(j), 0.5)));
    return { centre, logScale };
  };
  return { logits: part(0), channel };
}

/** The likelihoods by name. */
export const LIKELIHOODS = {
  bernoulli: bernoulliPixels,
  gaussian: gaussianPixels,
  logistic: logisticMixture,
} as const satisfies Record<string, Likelihood>;

/** A key of `LIKELIHOODS`. */
export type LikelihoodName = keyof typeof LIKELIHOODS;

/**
 * Each pixel of `x` as 0 or 1, drawn with its grey level as the probability of 1 (Salakhutdinov & Murray 2008): "dynamic
 * binarisation". Pixels that are 0 or 1 stay.
 * @param given values uniform in (0, 1), `[1, h, w, c]` for every picture; by default each has its own, anew every step
 */
export const drawBinary = (scope: Scope, x: Tensor, given?: Tensor): Tensor =>
  g.step(g.sub(x, given ?? scope.noise("binary", x.shape, "uniform")));
