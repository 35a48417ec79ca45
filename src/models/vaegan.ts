// VAE/GAN: a variational autoencoder whose error is measured in the features of a discriminator, which is trained to tell its pictures
// from real ones: what counts as alike is learned.
import { z } from "zod";
import { sizeOf } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { ADVERSARIAL_LOSSES } from "../nn/adversarial.ts";
import { ADVERSARIAL_NETS } from "../nn/adversarial-nets.ts";
import { gaussian } from "../nn/distributions.ts";
import { glorotUniform } from "../nn/init.ts";
import { dense } from "../nn/layers.ts";
import { perExample, squaredError, weightedMean } from "../nn/losses.ts";
import { convEncoder, defaultDepth, type NetShape } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { r1Penalty } from "../nn/penalties.ts";
import { schedule } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { type Posterior, posteriorOf } from "../nn/variational.ts";
import { normByItself } from "./adversarial.ts";
import { classifyCodes, codeClassifier, plainStreams } from "./code-classifier.ts";
import { head } from "./heads.ts";
import { type Batch, defineModel, type Phase, type PhaseLoss } from "./model.ts";
import { SCHEDULE_NAMES } from "./options.ts";

const options = z.object({
  latent: z.number().int().min(1).max(1024).default(32).describe("size of the latent vector"),
  width: z.number().int().min(4).max(512).default(32).describe("channels of the first level; doubles each level"),
  hidden: z.number().int().min(8).max(4096).default(256).describe("units of the dense layers"),
  beta: z.number().min(0).max(100).default(1).describe("weight of the KL term"),
  gamma: z
    .number()
    .min(0)
    .max(1000)
    .default(0.01)
    .describe(
      "weight of the error against the discriminator's answer in the decoder's loss, as if it were of 3136 feature values",
    ),
  penalty: z
    .number()
    .min(0)
    .max(1000)
    .default(1)
    .describe("weight of the penalty R1 on the discriminator's slope at real pictures; 0: none, as in the paper"),
  rate: z.number().min(1e-6).max(1).default(3e-4).describe("learning rate (Adam)"),
  classifierRate: z.number().min(1e-6).max(1).default(1e-3).describe("learning rate of the classifier (Adam)"),
  schedule: z.enum(SCHEDULE_NAMES).default("lateLinear").describe("course of the learning rates"),
});

/** Feature values of a picture of MNIST, of the usual width: γ means the same for pictures that have more. */
const FEATURES = 7 * 7 * 64;

/** Share of a batch whose slope R1 looks at: the mean over fewer pictures is the same, and a slope is two passes more. */
const PENALISED = 0.25;

const against = ADVERSARIAL_LOSSES.nonSaturating;

/** Reconstructs and generates sharper pictures than a VAE; classes are read from its codes. */
export const vaegan = defineModel({
  name: "vaegan",
  title: "VAE whose error is measured in the features of a discriminator",
  cite: "Larsen et al. 2016, Autoencoding beyond Pixels Using a Learned Similarity Metric",
  options,
  build(o, data) {
    const k = data.classes.length;
    const size = [data.height, data.width, data.channels] as const;
    const depth = defaultDepth(data.height, data.width);
    const net: NetShape = { width: o.width, depth, activation: "leakyRelu", blocks: 0, norm: "none" };

    const posterior = (root: Scope, x: Tensor) => {
      const scope = root.child("encoder");
      const hidden = g.leakyRelu(dense(scope.child("dense"), g.flatten(convEncoder(scope, x, net)), o.hidden));
      return posteriorOf(scope, hidden, o.latent);
    };
    /** With normalisation, as in the paper, but of each picture by itself: those of codes and those of noise are one batch. */
    const decode = (scope: Scope, latent: Tensor) =>
      ADVERSARIAL_NETS.dcgan.generate(scope.child("decoder"), latent, size, {
        width: o.width,
        depth,
        norm: normByItself,
      });
    /** Features `[n, …]` in which pictures are compared, and the log-odds that each is real, `[n]`. */
    const judge = (root: Scope, x: Tensor) => {
      const scope = root.child("discriminator");
      const maps = convEncoder(scope, x, net);
      const hidden = g.leakyRelu(dense(scope.child("dense"), g.flatten(maps), o.hidden));
      const odds = g.reshape(dense(scope.child("out"), hidden, 1, { init: glorotUniform }), [x.shape[0]!]);
      return { maps, odds };
    };
    const part = (values: Tensor, i: number, n: number) => g.sliceAxis(values, 0, i * n, (i + 1) * n);
    /** A Gaussian of variance 1 around the features of the reconstruction (equation 7), of maps of pictures and then of it. */
    const errorOf = (maps: Tensor, { x, weights }: Batch) =>
      g.mul(weightedMean(squaredError(part(maps, 0, x.shape[0]!), part(maps, 1, x.shape[0]!)), weights), 0.5);
    const code = (scope: Scope, { mean, logVariance }: Posterior) =>
      gaussian.sample(mean, logVariance, scope.noise("code", mean.shape));
    /** What the discriminator says of a batch, of what is made of its codes, and of what is made of noise, `n` rows each. */
    const judgeAll = (scope: Scope, { x }: Batch) => {
      const latent = code(scope, posterior(scope, x));
      const made = decode(scope, g.concat([latent, scope.noise("prior", latent.shape)], 0));
      return judge(scope, g.concat([x, made], 0));
    };
    /** The mean of a loss of the log-odds of what is made: half of it of codes, half of noise. */
    const ofMade = (loss: (odds: Tensor) => Tensor, odds: Tensor, { weights }: Batch) => {
      const n = weights.shape[0]!;
      return g.mul(g.add(weightedMean(loss(part(odds, 1, n)), weights), g.mean(loss(part(odds, 2, n)))), 0.5);
    };

    const common = { optimizer: adam({ beta1: 0.5 }), learningRate: o.rate, schedule: schedule(o.schedule) };
    const phases: Phase[] = [
      {
        ...common,
        name: "encoder",
        updates: ["encoder/"],
        loss(scope, batch) {
          const coded = posterior(scope, batch.x);
          const { maps } = judge(scope, g.concat([batch.x, decode(scope, code(scope, coded))], 0));
          const error = errorOf(maps, batch);
          const kl = weightedMean(perExample(gaussian.klToStandard(coded.mean, coded.logVariance)), batch.weights);
          return { loss: g.add(g.mul(kl, o.beta), error), log: { kl, error } };
        },
      },
      {
        ...common,
        name: "decoder",
        updates: ["decoder/"],
        loss(scope, batch) {
          const { maps, odds } = judgeAll(scope, batch);
          const fooled = ofMade(against.generator, odds, batch);
          const gamma = (o.gamma * FEATURES) / sizeOf(maps.shape.slice(1));
          return { loss: g.add(g.mul(errorOf(maps, batch), gamma), fooled), log: { fooled } };
        },
      },
      {
        ...common,
        name: "discriminator",
        updates: ["discriminator/"],
        emaDecay: "none",
        loss(scope, batch): PhaseLoss {
          const { odds } = judgeAll(scope, batch);
          const real = weightedMean(against.real(part(odds, 0, batch.x.shape[0]!)), batch.weights);
          const made = ofMade(against.generated, odds, batch);
          const told = { loss: g.add(real, made), log: { real, generated: made } };
          if (o.penalty === 0) return told;
          const some = (values: Tensor) =>
            g.sliceAxis(values, 0, 0, Math.max(1, Math.round(PENALISED * batch.x.shape[0]!)));
          const shown = some(batch.x);
          const penalty = weightedMean(r1Penalty(judge(scope, shown).odds, shown), some(batch.weights));
          return { loss: g.add(told.loss, g.mul(penalty, o.penalty)), log: { ...told.log, penalty } };
        },
      },
      codeClassifier((scope, x) => posterior(scope, x).mean, k, { ...common, learningRate: o.classifierRate }),
    ];

    return {
      streams: plainStreams(data.examples),
      stages: [{ phases }],
      latentSize: o.latent,
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) =>
          classifyCodes(scope, posterior(scope, picture).mean, k),
        ),
        encode: head(["picture"], "latent", (scope, { picture }) => posterior(scope, picture).mean),
        encodeDeviation: head(["picture"], "latent", (scope, { picture }) =>
          g.exp(g.mul(posterior(scope, picture).logVariance, 0.5)),
        ),
        decode: head(["latent"], "picture", (scope, { latent }) => decode(scope, latent)),
        reconstruct: head(["picture"], "picture", (scope, { picture }) =>
          decode(scope, posterior(scope, picture).mean),
        ),
        sample: head([], "picture", (scope, { n }) => decode(scope, scope.noise("prior", [n, o.latent]))),
        discriminate: head(["picture"], "score", (scope, { picture }) => judge(scope, picture).odds),
      },
    };
  },
});
