// A GAN whose discriminator is a classifier: K class scores, of which one sum says how real a picture is. It learns classes from the
// labelled pictures, and what is common to real ones from all of them; the generator only has to make pictures that it can learn from.
import { z } from "zod";
import { consistencyViews } from "../data/augment.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { ADVERSARIAL_LOSSES } from "../nn/adversarial.ts";
import { ADVERSARIAL_NETS } from "../nn/adversarial-nets.ts";
import { glorotUniform, normalInit, onesInit, zerosInit } from "../nn/init.ts";
import { batchNorm, dense, gaussianNoise } from "../nn/layers.ts";
import { classLoss, weightedMean } from "../nn/losses.ts";
import { defaultDepth } from "../nn/nets.ts";
import { adam, sgd } from "../nn/optim.ts";
import { SCHEDULES, type Schedule } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { firstGraph } from "./first-graph.ts";
import { head } from "./heads.ts";
import { bankLoss, bankTables, refreshBank } from "./label-bank.ts";
import { mostlyUnlabelled } from "./labelled-half.ts";
import { lowDensity } from "./low-density.ts";
import { defineModel, type Phase, type Stage } from "./model.ts";

const options = z.object({
  net: z
    .enum(["auto", "dense", "conv"])
    .default("auto")
    .describe("dense: the paper's for MNIST; conv: convolutions; auto: dense for grey pictures of up to 1024 pixels"),
  width: z.number().min(0.02).max(4).default(1).describe("factor on the width of every hidden layer"),
  latent: z.number().int().min(1).max(1024).default(100).describe("size of the generator's noise vector"),
  rate: z.number().min(0).max(1).default(0).describe("learning rate (Adam); 0: 0.003 of dense, 0.0006 of conv nets"),
  beta1: z.number().min(0).max(0.999).default(0.5).describe("decay of Adam's mean gradient"),
  emaDecay: z
    .number()
    .min(0)
    .max(0.99999)
    .default(0.9999)
    .describe("decay of the classifier's averaged weights; over the first steps it is less"),
  guessed: z
    .number()
    .min(0)
    .max(0.9)
    .default(0)
    .describe("share of training, at its end, that learns from guessed labels too, of changed pictures; 0: none"),
  lowDensity: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      "weight of a penalty, a nat, on generated pictures that are likelier than the rarest tenth of real ones; 1e-5: the published 1e-4 on a tenth of the steps; 0: none",
    ),
});

/** What differs between the two kinds of network; the paper's settings for MNIST and, of conv, smaller ones than its for CIFAR-10. */
const NETS = {
  dense: { rate: 0.003, weights: 0.1, inputNoise: 0.3, layerNoise: 0.5 },
  conv: { rate: 0.0006, weights: 0.05, inputNoise: 0.15, layerNoise: 0.3 },
} as const;
/** Most pixels of a picture that `auto` gives to the dense nets. */
const DENSE_PIXELS = 1024;
/**
 * Adam's epsilon. The paper's code adds 1e-8 under the root: a discriminator that is sure has gradients below 1e-4, and full steps
 * along them drive it away from a generator that can follow no longer.
 */
const EPSILON = 1e-4;
/** Time for the density that rare pictures are told by, as a share of that of all else. */
const DENSITY_SHARE = 0.1;
/** The part of training in which the phase that sets scales may run; it acts in the first step alone. */
const START_UNTIL = 1e-3;

/**
 * The dense nets have not learnt even the labelled pictures, where these are few: the cross entropy of 100 was 0.13 in the first 540
 * steps, 0.01 in the next, and less later. With more than 100 labels, as many more steps. Mixed pictures and soft labels tell nothing
 * of it: their cross entropy has a floor far above, the entropy of what is asked for.
 */
const STALLED = { loss: "discriminator/ofLabels", above: 0.05, after: 10_000 };

/** Shape of a layer's weights beyond their inputs. */
interface LayerShape {
  readonly units: number;
  /** Of a convolution; absent: a dense layer. */
  readonly kernel?: number;
  readonly stride?: number;
  /** Whether a scale a unit is trained. Default false. */
  readonly gain?: boolean;
}

const against = ADVERSARIAL_LOSSES.nonSaturating;

/** Classifies from few labels; its pictures serve the classifier and look worse than those of other GANs. */
export const sgan = defineModel({
  name: "sgan",
  title: "GAN with a classifier as discriminator, for few labels",
  cite: "Salimans et al. 2016, Improved Techniques for Training GANs; the schedule follows Dai et al. 2017, Good Semi-supervised Learning That Requires a Bad GAN",
  options,
  build(o, data) {
    const { height, width, channels, classes, mirror, examples } = data;
    const isDense = o.net === "dense" || (o.net === "auto" && channels === 1 && height * width <= DENSE_PIXELS);
    const net = NETS[isDense ? "dense" : "conv"];
    const depth = defaultDepth(height, width);
    const size = [height, width, channels] as const;
    const wide = (units: number) => Math.max(2, Math.round(units * o.width));

    // ------------------------------------------------------------------------------------------ networks
    /**
     * A layer with normalised weights (Salimans & Kingma 2016), whose scale and shift are set once, so that its outputs for the first
     * batch have mean 0 and variance 1 (equation 6 there), and then left: the paper trains a scale in the last layer alone.
     */
    const layer = (scope: Scope, x: Tensor, { units, kernel, stride, gain }: LayerShape, start: boolean): Tensor => {
      const inputs = x.shape[x.shape.length - 1]!;
      const raw = scope.param(
        "weights",
        kernel ? [kernel, kernel, inputs, units] : [inputs, units],
        normalInit(net.weights),
      );
      const apply = (scales: Tensor, bias?: Tensor) => {
        if (!kernel) return normalisedDense(x, raw, scales, bias);
        return g.conv2d(x, g.mul(raw, g.div(scales, lengthsOf(raw))), { stride, padding: "same", bias });
      };
      if (start) setScale(scope, apply(scope.buffer("scale", [units], onesInit)));
      const scale = scope.buffer("scale", [units], onesInit);
      const scales = gain ? g.mul(scale, scope.param("gain", [units], onesInit)) : scale;
      return apply(scales, g.add(scope.param("bias", [units], zerosInit), scope.buffer("shift", [units], zerosInit)));
    };
    const noise = (scope: Scope, x: Tensor, first: boolean) =>
      gaussianNoise(scope, x, first ? net.inputNoise : net.layerNoise);

    /** `[n, h, w, c] -> [n, units]`: what the classes are taken from, before its noise. */
    const features = (root: Scope, x: Tensor, start = false): Tensor => {
      const scope = root.child("discriminator");
      if (isDense) {
        let y = g.flatten(x);
        for (const [i, units] of [1000, 500, 250, 250, 250].entries()) {
          const child = scope.child(`dense${i + 1}`);
          y = g.relu(layer(child, noise(child, y, i === 0), { units: wide(units) }, start));
        }
        return y;
      }
      let y = x;
      for (let level = 0; level < depth; level++) {
        const child = scope.child(`conv${level + 1}`);
        const units = wide(32) << level;
        const halved = layer(child, noise(child, y, level === 0), { units, kernel: 4, stride: 2 }, start);
        const next = scope.child(`conv${level + 1}-1`);
        y = g.leakyRelu(layer(next, g.leakyRelu(halved, 0.2), { units, kernel: 3 }, start), 0.2);
      }
      const child = scope.child("dense");
      return g.leakyRelu(layer(child, noise(child, g.flatten(y), false), { units: wide(256) }, start), 0.2);
    };
    const logitsOf = (root: Scope, features: Tensor, start = false): Tensor => {
      const scope = root.child("discriminator").child("out");
      return layer(scope, noise(scope, features, false), { units: classes.length, gain: true }, start);
    };
    const classify = (scope: Scope, x: Tensor, start = false) => logitsOf(scope, features(scope, x, start), start);

    /** `n` pictures `[n, h, w, c]` in 0..1. */
    const generate = (root: Scope, n: number): Tensor => {
      const scope = root.child("generator");
      // Of a mean of 0 where batch norm is over places too: what all pictures have in common would be most of a map otherwise.
      const latent = scope.noise("noise", [n, o.latent], isDense ? "uniform" : "normal");
      if (!isDense)
        return ADVERSARIAL_NETS.dcgan.generate(scope, latent, size, { width: wide(32), depth, norm: batchNorm });
      let y = latent;
      for (const name of ["dense1", "dense2"]) {
        const child = scope.child(name);
        const hidden = dense(child, y, wide(500), { bias: false, init: glorotUniform });
        y = g.softplus(batchNorm(child.child("norm"), hidden));
      }
      const out = scope.child("out");
      const units = height * width * channels;
      const raw = out.param("weights", [y.shape[1]!, units], glorotUniform);
      const gain = out.param("gain", [units], onesInit);
      const pixels = normalisedDense(y, raw, gain, out.param("bias", [units], zerosInit));
      return g.reshape(g.sigmoid(pixels), [n, ...size]);
    };

    // ------------------------------------------------------------------------------------------ phases
    /** How networks are trained. */
    const rule = (schedule: Schedule) => ({
      optimizer: adam({ beta1: o.beta1, epsilon: EPSILON }),
      learningRate: o.rate || net.rate,
      schedule,
    });
    const start: Phase = {
      name: "start",
      updates: ["discriminator/"],
      window: [0, START_UNTIL],
      // It sets scales, which are buffers, and moves nothing.
      ...{ optimizer: sgd(), learningRate: 0, schedule: SCHEDULES.constant, emaDecay: o.emaDecay },
      loss: (scope, { x }) => ({ loss: g.mean(classify(scope, x, true)), log: {} }),
    };
    const stalls =
      isDense && examples && mostlyUnlabelled(examples)
        ? { ...STALLED, after: Math.max(STALLED.after, 100 * examples.labelled) }
        : undefined;
    const discriminator = (guesses: boolean): Pick<Phase, "updates" | "emaDecay" | "loss"> => ({
      updates: ["discriminator/"],
      emaDecay: o.emaDecay,
      loss(scope, _, { labelled, real, ...others }) {
        const bank = guesses ? others.bank : undefined;
        const [n, m] = [labelled!.labels.shape[0]!, real!.x.shape[0]!];
        const generated = generate(scope, m);
        const shown = (labelled!.mixed ?? labelled!).x;
        const logits = classify(scope, g.concat([shown, real!.x, generated, ...(bank ? [bank.x] : [])], 0));
        const cross = classLoss(g.sliceAxis(logits, 0, 0, n), labelled!);
        const guessed = bank && bankLoss(scope, g.sliceAxis(logits, 0, n + 2 * m, logits.shape[0]!), bank);
        const odds = g.logSumExp(logits, 1);
        const [ofReal, ofGenerated] = [g.sliceAxis(odds, 0, n, n + m), g.sliceAxis(odds, 0, n + m, n + 2 * m)];
        // One class more, "generated", of the logit 0, has probability 1 / (1 + Σ eˡ) (section 5): Z = ln Σ eˡ is the log-odds of real.
        const lossReal = weightedMean(against.real(ofReal), real!.weights);
        const lossGenerated = g.mean(against.generated(ofGenerated));
        const loss = g.add(cross, g.mul(g.add(lossReal, lossGenerated), 0.5));
        return {
          loss: guessed ? g.add(loss, guessed) : loss,
          log: {
            class: cross,
            ...(stalls && !guesses && !labelled!.mixed && !labelled!.soft ? { ofLabels: cross } : {}),
            ...(guessed ? { guessed } : {}),
            realTaken: weightedMean(g.step(ofReal), real!.weights),
            generatedTaken: g.mean(g.step(ofGenerated)),
          },
        };
      },
    });
    const density = o.lowDensity > 0 ? lowDensity(data) : undefined;
    const generator: Pick<Phase, "updates" | "emaDecay" | "loss"> = {
      updates: ["generator/"],
      emaDecay: "none",
      loss(scope, _, { matched }) {
        const m = matched!.x.shape[0]!;
        const generated = generate(scope, m);
        const weights = g.reshape(g.div(matched!.weights, g.maximum(g.sum(matched!.weights), 1)), [m, 1]);
        // Not as one batch: no gradient is taken through real pictures.
        const ofReal = g.sum(g.mul(features(scope, matched!.x), weights), 0);
        const ofGenerated = g.mean(features(scope, generated), 0);
        const matching = g.mean(g.square(g.sub(ofReal, ofGenerated))); // section 3.1
        const tooLikely = density?.penalty(scope, generated, matched!);
        return {
          loss: tooLikely ? g.add(matching, g.mul(tooLikely, o.lowDensity)) : matching,
          log: { matching, ...(tooLikely ? { tooLikely } : {}) },
        };
      },
    };

    const first = firstGraph(data);
    // Guesses of changed pictures move the discriminator more: at a rate that stays, the generator was left behind in one of two runs.
    const before = rule(o.guessed > 0 ? SCHEDULES.constant : SCHEDULES.lateLinear);
    const after = rule(SCHEDULES.cosine);
    const stages: Stage[] = [
      ...(density ? [{ name: "density", share: DENSITY_SHARE, phases: [density.phase] }] : []),
      {
        name: "adversarial",
        share: 1 - o.guessed,
        stalls,
        refresh: density?.refresh,
        phases: [
          start,
          { ...before, ...discriminator(false), name: "discriminator" },
          { ...before, ...generator, name: "generator" },
        ],
      },
      {
        name: "with guessed labels",
        share: o.guessed,
        refresh: refreshBank(first, classes),
        phases: [
          { ...after, ...discriminator(true), name: "discriminator of guesses", continues: "discriminator" },
          { ...after, ...generator, name: "generator beside guesses", continues: "generator" },
        ],
      },
    ];
    return {
      // Pictures as they are where they teach what is real: changed ones would be taken for real too.
      streams: {
        real: { views: { x: "plain" } },
        matched: { views: { x: "plain" } },
        labelled: { from: "labelled" },
        ...(o.guessed > 0 ? { bank: { only: "trust", views: { x: consistencyViews(channels, mirror).hard } } } : {}),
      },
      stages: o.guessed > 0 ? stages : stages.slice(0, -1),
      ...(density || o.guessed > 0
        ? { tables: { ...density?.tables, ...(o.guessed > 0 ? bankTables(classes.length) : {}) } }
        : {}),
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => classify(scope, picture)),
        features: head(["picture"], "features", (scope, { picture }) => features(scope, picture)),
        discriminate: head(["picture"], "score", (scope, { picture }) => g.logSumExp(classify(scope, picture), 1)),
        sample: head([], "picture", (scope, { n }) => generate(scope, n)),
        ...density?.head,
        ...(o.guessed > 0 ? first.heads : {}),
      },
    };
  },
});

/** Lengths of the weights `[…, units]` of each unit, as in the paper's code. */
function lengthsOf(weights: Tensor): Tensor {
  const axes = weights.shape.slice(0, -1).map((_, i) => i);
  return g.sqrt(g.add(g.sum(g.square(weights), axes), 1e-6));
}

/**
 * A dense layer with normalised weights (Salimans & Kingma 2016, equation 2), `[n, in] -> [n, units]`. Outputs are divided by the
 * lengths and not the weights, which is the same value: they are several times fewer, here and where gradients are taken.
 */
const normalisedDense = (x: Tensor, weights: Tensor, scales: Tensor, bias?: Tensor): Tensor => {
  const outputs = g.mul(g.matmul(x, weights), g.div(scales, lengthsOf(weights)));
  return bias ? g.add(outputs, bias) : outputs;
};

/** Makes outputs `[…, units]` have mean 0 and variance 1 by the layer's scale and shift, unless they were set before. */
function setScale(scope: Scope, outputs: Tensor): void {
  const units = outputs.shape[outputs.shape.length - 1]!;
  const axes = outputs.shape.slice(0, -1).map((_, i) => i);
  const mean = g.mean(outputs, axes);
  const scale = g.div(1, g.sqrt(g.add(g.variance(outputs, axes), 1e-6)));
  const isSet = scope.buffer("set", [1], zerosInit);
  const once = (name: string, old: Tensor, value: Tensor) =>
    scope.assign(name, g.where(g.greater(isSet, 0), old, value));
  once("scale", scope.buffer("scale", [units], onesInit), scale);
  once("shift", scope.buffer("shift", [units], zerosInit), g.neg(g.mul(mean, scale)));
  scope.assign("set", g.maximum(isSet, 1));
}
