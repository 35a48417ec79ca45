// Losses of two networks against each other, by name: what a discriminator's scores cost it, and what they cost the generator; and
// what a classifier beside the score says of the classes of both.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { crossEntropy } from "./losses.ts";

/** Losses of scores `[n] -> [n]`, in the unit of the scores. A high score says "real". */
export interface AdversarialLoss {
  /** The discriminator's, of its scores for real pictures. */
  readonly real: (scores: Tensor) => Tensor;
  /** The discriminator's, of its scores for generated pictures. */
  readonly generated: (scores: Tensor) => Tensor;
  /** The generator's, of the discriminator's scores for what it has generated. */
  readonly generator: (scores: Tensor) => Tensor;
}

/** ½ (score - target)², `[n]`. */
const halfSquare = (scores: Tensor, target: number) => g.mul(g.square(g.sub(scores, target)), 0.5);

/**
 * Adversarial losses by name, of a score s:
 * - `nonSaturating` (Goodfellow et al. 2014, section 3): -ln σ(s) of real and -ln(1 - σ(s)) of generated pictures, where s is the
 *   log-odds that a picture is real; the generator's is -ln σ(s), which does not flatten out where the discriminator is sure.
 * - `hinge` (Lim & Ye 2017, Geometric GAN; Miyato et al. 2018, equations 16 and 17): max(0, 1 - s), max(0, 1 + s); -s.
 * - `leastSquares` (Mao et al. 2017, equation 9, of s + ½, so that above 0 is nearer to real here too): ½ (s - ½)², ½ (s + ½)²;
 *   ½ (s - ½)².
 * - `wasserstein` (Arjovsky et al. 2017, equations 2 and 3): -s, s; -s. The discriminator must be kept Lipschitz, by a gradient
 *   penalty or spectral normalisation, or its loss has no lower bound.
 */
export const ADVERSARIAL_LOSSES = {
  nonSaturating: {
    real: (scores) => g.softplus(g.neg(scores)),
    generated: g.softplus,
    generator: (scores) => g.softplus(g.neg(scores)),
  },
  hinge: {
    real: (scores) => g.relu(g.sub(1, scores)),
    generated: (scores) => g.relu(g.add(scores, 1)),
    generator: g.neg,
  },
  leastSquares: {
    real: (scores) => halfSquare(scores, 0.5),
    generated: (scores) => halfSquare(scores, -0.5),
    generator: (scores) => halfSquare(scores, 0.5),
  },
  wasserstein: { real: g.neg, generated: (scores) => scores, generator: g.neg },
} as const satisfies Record<string, AdversarialLoss>;

/** The name of an adversarial loss. */
export type AdversarialLossName = keyof typeof ADVERSARIAL_LOSSES;

/** Losses in nats of a classifier's logits `[n, outputs]` and labels `[n]`, int32 0..k-1, for k classes: `[n]`. */
export interface ClassLoss {
  /** How many logits the classifier gives, for `k` classes. The first k are those of real pictures. */
  readonly outputs: (k: number) => number;
  /** The discriminator's, of real pictures. */
  readonly real: (logits: Tensor, labels: Tensor) => Tensor;
  /** The discriminator's, of generated pictures; absent where it learns nothing from them. */
  readonly generated?: (logits: Tensor, labels: Tensor) => Tensor;
  /** The generator's, of what it has generated for these labels. */
  readonly generator: (logits: Tensor, labels: Tensor) => Tensor;
}

/** The numbers of the classes as generated ones: k..2k-1. */
const asGenerated = (logits: Tensor, labels: Tensor) => g.add(labels, logits.shape[1]! / 2);

/**
 * Losses on classes by name:
 * - `auxiliary`: cross entropy of real pictures, and of generated ones for the generator alone. Odena et al. 2017 also teach the
 *   classifier on generated pictures, right or wrong, which draws the generator towards easy ones that are all alike.
 * - `adc` (Hou et al. 2022, ADC-GAN): the classifier knows each class twice, as real and as generated. It learns both; the
 *   generator's is -ln C(real, y) + ln C(generated, y), 0 where it can no longer tell.
 */
export const CLASS_LOSSES = {
  auxiliary: { outputs: (k) => k, real: crossEntropy, generator: crossEntropy },
  adc: {
    outputs: (k) => 2 * k,
    real: crossEntropy,
    generated: (logits, labels) => crossEntropy(logits, asGenerated(logits, labels)),
    generator: (logits, labels) =>
      g.sub(crossEntropy(logits, labels), crossEntropy(logits, asGenerated(logits, labels))),
  },
} as const satisfies Record<string, ClassLoss>;
