// The bidirectional GAN: beside the generator an encoder learns its inverse, because a discriminator is shown pairs, of a picture and
// its code or of noise and what is generated from it. Classes are read from the codes, which learn without labels.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { ADVERSARIAL_LOSSES } from "../nn/adversarial.ts";
import { ADVERSARIAL_NETS, adversarialDepth, WIDEST } from "../nn/adversarial-nets.ts";
import { glorotUniform } from "../nn/init.ts";
import { batchNorm, conditionalDense, dense, spectralNorm } from "../nn/layers.ts";
import { weightedMean } from "../nn/losses.ts";
import { convEncoder, type NetShape } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { schedule } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { normByItself } from "./adversarial.ts";
import { classifyCodes, codeClassifier, plainStreams } from "./code-classifier.ts";
import { head } from "./heads.ts";
import { type Batch, defineModel, type Phase } from "./model.ts";
import { SCHEDULE_NAMES } from "./options.ts";

const options = z.object({
  latent: z.number().int().min(1).max(1024).default(50).describe("size of the code"),
  width: z
    .number()
    .int()
    .min(4)
    .max(512)
    .default(32)
    .describe("channels of the first level; doubles each level, up to 8 times as many"),
  hidden: z.number().int().min(8).max(4096).default(512).describe("units of the dense layers"),
  rate: z.number().min(1e-6).max(1).default(3e-4).describe("learning rate (Adam)"),
  classifierRate: z.number().min(1e-6).max(1).default(1e-3).describe("learning rate of the classifier (Adam)"),
  beta1: z.number().min(0).max(0.999).default(0.5).describe("decay of Adam's mean gradient"),
  schedule: z.enum(SCHEDULE_NAMES).default("lateLinear").describe("course of the learning rates"),
});

const against = ADVERSARIAL_LOSSES.nonSaturating;

/** Generates, encodes, and reconstructs what it takes a picture for. */
export const bigan = defineModel({
  name: "bigan",
  title: "bidirectional GAN: a generator and its inverse, with a classifier on codes",
  cite: "Donahue, Krähenbühl & Darrell 2017, Adversarial Feature Learning; Dumoulin et al. 2017, Adversarially Learned Inference",
  options,
  build(o, data) {
    const k = data.classes.length;
    const size = [data.height, data.width, data.channels] as const;
    const depth = adversarialDepth(data.height, data.width);
    const net: NetShape = {
      ...{ width: o.width, widest: WIDEST, depth, blocks: 0 },
      ...{ activation: "leakyRelu", norm: "batch" },
    };
    /** `[n, h, w, c] -> [n, latent]` */
    const encode = (root: Scope, x: Tensor) => {
      const scope = root.child("encoder");
      const maps = g.flatten(convEncoder(scope, x, net));
      const hidden = batchNorm(scope.child("norm"), dense(scope.child("dense"), maps, o.hidden, { bias: false }));
      return dense(scope.child("code"), g.leakyRelu(hidden), o.latent, { init: glorotUniform });
    };
    const generate = (scope: Scope, latent: Tensor) =>
      ADVERSARIAL_NETS.dcgan.generate(scope.child("generator"), latent, size, {
        width: o.width,
        depth,
        norm: normByItself,
      });
    /**
     * Log-odds that pairs are of a picture and its code, `[n]`. With spectral normalisation, as in Donahue & Simonyan 2019, Large Scale
     * Adversarial Representation Learning: without it, it soon was sure of all pairs, and generator and encoder collapsed.
     */
    const discriminate = (root: Scope, x: Tensor, latent: Tensor) => {
      const scope = root.child("discriminator");
      const limited = { weights: spectralNorm };
      const seen = ADVERSARIAL_NETS.dcgan.features(scope, x, { width: o.width, depth, ...limited });
      const hidden = g.leakyRelu(conditionalDense(scope.child("pair"), seen, latent, o.hidden, limited));
      const next = g.leakyRelu(dense(scope.child("dense"), hidden, o.hidden, limited));
      return g.reshape(dense(scope.child("out"), next, 1, { init: glorotUniform, ...limited }), [x.shape[0]!]);
    };
    /** Log-odds of the pairs of a batch, and of as many generated ones. */
    const pairs = (scope: Scope, { x }: Batch) => {
      const n = x.shape[0]!;
      const latent = scope.noise("latent", [n, o.latent]);
      const odds = discriminate(
        scope,
        g.concat([x, generate(scope, latent)], 0),
        g.concat([encode(scope, x), latent], 0),
      );
      return { coded: g.sliceAxis(odds, 0, 0, n), generated: g.sliceAxis(odds, 0, n, 2 * n) };
    };

    const common = { learningRate: o.rate, schedule: schedule(o.schedule) };
    const adversarial = { ...common, optimizer: adam({ beta1: o.beta1 }) };
    const phases: Phase[] = [
      {
        ...adversarial,
        name: "discriminator",
        updates: ["discriminator/"],
        emaDecay: "none",
        loss(scope, batch) {
          const { coded, generated } = pairs(scope, batch);
          const real = weightedMean(against.real(coded), batch.weights);
          const made = g.mean(against.generated(generated));
          return { loss: g.add(real, made), log: { real, generated: made } };
        },
      },
      {
        ...adversarial,
        name: "encoder and generator",
        updates: ["encoder/", "generator/"],
        // With the answers exchanged, as the paper does for gradients that do not vanish (section 3.4).
        loss(scope, batch) {
          const { coded, generated } = pairs(scope, batch);
          const real = weightedMean(against.generated(coded), batch.weights);
          const made = g.mean(against.generator(generated));
          return { loss: g.add(real, made), log: { encoder: real, generator: made } };
        },
      },
      codeClassifier(encode, k, { ...common, learningRate: o.classifierRate }),
    ];

    return {
      streams: plainStreams(data.examples),
      stages: [{ phases }],
      latentSize: o.latent,
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => classifyCodes(scope, encode(scope, picture), k)),
        encode: head(["picture"], "latent", (scope, { picture }) => encode(scope, picture)),
        decode: head(["latent"], "picture", (scope, { latent }) => generate(scope, latent)),
        reconstruct: head(["picture"], "picture", (scope, { picture }) => generate(scope, encode(scope, picture))),
        sample: head([], "picture", (scope, { n }) => generate(scope, scope.noise("prior", [n, o.latent]))),
        discriminate: head(["picture"], "score", (scope, { picture }) =>
          discriminate(scope, picture, encode(scope, picture)),
        ),
      },
    };
  },
});
