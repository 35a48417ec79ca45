// S2, the VAE classifier: an encoder to mean and log-variance, a decoder, and a classifier on the encoder's features.
// Trained jointly or in two alternating phases (generative, then discriminative).
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import { bernoulli, discretizedLogistic, gaussian } from "../nn/distributions.ts";
import { glorotUniform } from "../nn/init.ts";
import { ACTIVATIONS, type Activation, conv, dense, dropout } from "../nn/layers.ts";
import { classLoss, perExample, weightedMean } from "../nn/losses.ts";
import { convDecoder, convEncoder, defaultDepth, type NetShape } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { SCHEDULES, schedule, withWarmup } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { type Batch, defineModel, type Heads, type Phase } from "./model.ts";

const ACTIVATION_NAMES = Object.keys(ACTIVATIONS) as [Activation, ...Activation[]];
const SCHEDULE_NAMES = Object.keys(SCHEDULES) as [keyof typeof SCHEDULES];

const options = z.object({
  training: z
    .enum(["joint", "two-phase"])
    .default("joint")
    .describe("one step on all losses, or a generative then a discriminative step"),
  latent: z.number().int().min(1).max(1024).default(32).describe("size of the code"),
  width: z.number().int().min(4).max(512).default(32).describe("channels of the first level; doubles each level"),
  depth: z
    .number()
    .int()
    .min(0)
    .max(6)
    .default(0)
    .describe("levels of the encoder, each halving the image; 0: from the image size"),
  hidden: z.number().int().min(8).max(4096).default(256).describe("units of the dense layer above the convolutions"),
  blocks: z.number().int().min(0).max(4).default(0).describe("3x3 convolutions after each strided one of the encoder"),
  norm: z.enum(["none", "batch"]).default("none").describe("normalisation of the encoder's convolutions"),
  refine: z
    .number()
    .int()
    .min(0)
    .max(4)
    .default(2)
    .describe("3x3 convolutions above the strided ones, for the classifier"),
  activation: z.enum(ACTIVATION_NAMES).default("relu").describe("nonlinearity"),
  likelihood: z
    .enum(["bernoulli", "gaussian", "logistic"])
    .default("bernoulli")
    .describe("distribution of a pixel given the code; logistic: discretised to 256 levels, for colour"),
  deviation: z
    .number()
    .min(0.01)
    .max(1)
    .default(0.1)
    .describe("standard deviation of a pixel, for the gaussian and logistic likelihoods"),
  beta: z.number().min(0).max(100).default(1).describe("weight of the KL term"),
  klWarmup: z.number().min(0).max(1).default(0.1).describe("share of training over which the KL weight rises to beta"),
  classWeight: z
    .number()
    .min(0)
    .max(10000)
    .default(500)
    .describe("weight of the cross entropy against the generative loss, which is in nats an image"),
  smoothing: z.number().min(0).max(0.5).default(0.05).describe("label smoothing"),
  dropout: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.5)
    .describe("dropout before the classifier's last layer; half of it on its feature maps"),
  mirrorViews: z
    .boolean()
    .default(true)
    .describe("classify by the mean over a picture and its mirror image, where the data may be mirrored"),
  rate: z.number().min(1e-6).max(1).default(1.5e-3).describe("learning rate (Adam)"),
  schedule: z.enum(SCHEDULE_NAMES).default("cosine").describe("course of the learning rate"),
  warmup: z.number().min(0).max(0.5).default(0.02).describe("share of training over which the learning rate rises"),
});

export const vae = defineModel({
  name: "vae",
  title: "VAE classifier, joint or two-phase",
  cite: "Kingma & Welling 2014, Auto-Encoding Variational Bayes; the classifier beside the code follows Kingma et al. 2014 (M1)",
  options,
  build(o, data) {
    const size = [data.height, data.width, data.channels] as const;
    const net: NetShape = {
      width: o.width,
      depth: o.depth || defaultDepth(data.height, data.width),
      activation: o.activation,
      blocks: o.blocks,
      norm: o.norm,
    };
    const act = ACTIVATIONS[o.activation];

    // -------------------------------------------------------------------------------------------- networks
    const features = (scope: Scope, x: Tensor) => convEncoder(scope.child("encoder"), x, net);
    const posterior = (scope: Scope, maps: Tensor) => {
      const encoder = scope.child("encoder");
      const hidden = act(dense(encoder.child("dense"), g.flatten(maps), o.hidden));
      return {
        mean: dense(encoder.child("mean"), hidden, o.latent, { init: glorotUniform }),
        logVariance: dense(encoder.child("logVariance"), hidden, o.latent, { init: glorotUniform }),
      };
    };
    const logitsOf = (scope: Scope, maps: Tensor) => {
      const head = scope.child("classifier");
      let y = maps;
      // The last one halves the maps and doubles the channels: the dense layer above is most of the weights otherwise.
      for (let i = 1; i <= o.refine; i++) {
        const last = i === o.refine;
        y = act(conv(head.child(`conv${i}`), y, y.shape[3]! * (last ? 2 : 1), 3, { stride: last ? 2 : 1 }));
      }
      y = dropout(head.child("drop1"), y, o.dropout / 2);
      y = act(dense(head.child("dense"), g.flatten(y), o.hidden));
      y = dropout(head.child("drop2"), y, o.dropout);
      return dense(head.child("out"), y, data.classes.length, { init: glorotUniform });
    };
    const decoderLogits = (scope: Scope, code: Tensor) => convDecoder(scope.child("decoder"), code, size, net);
    // A grey level is a probability under the Bernoulli likelihood; the Gaussian's mean is kept in 0..1 the same way.
    const image = (scope: Scope, code: Tensor) => bernoulli.mean(decoderLogits(scope, code));

    // -------------------------------------------------------------------------------------------- losses
    const logLikelihood = (x: Tensor, logits: Tensor) => {
      if (o.likelihood === "bernoulli") return perExample(bernoulli.logProb(x, logits));
      const mean = bernoulli.mean(logits);
      // A logistic distribution of scale s has standard deviation s π / √3.
      if (o.likelihood === "logistic")
        return perExample(
          discretizedLogistic.logProb(x, mean, scalar(Math.log((o.deviation * Math.sqrt(3)) / Math.PI))),
        );
      return perExample(gaussian.logProb(x, mean, scalar(2 * Math.log(o.deviation))));
    };
    const bound = (scope: Scope, x: Tensor, maps: Tensor) => {
      const { mean, logVariance } = posterior(scope, maps);
      const code = gaussian.sample(mean, logVariance, scope.noise("code", mean.shape));
      return {
        reconstruction: g.neg(logLikelihood(x, decoderLogits(scope, code))),
        kl: perExample(gaussian.klToStandard(mean, logVariance)),
      };
    };
    const generative = (scope: Scope, batch: Batch, maps: Tensor) => {
      const terms = bound(scope, batch.x, maps);
      const reconstruction = weightedMean(terms.reconstruction, batch.weights);
      const kl = weightedMean(terms.kl, batch.weights);
      const beta = scope.ramp("beta", (progress) => o.beta * (o.klWarmup > 0 ? Math.min(1, progress / o.klWarmup) : 1));
      return { loss: g.add(reconstruction, g.mul(kl, beta)), log: { reconstruction, kl } };
    };
    const discriminative = (scope: Scope, batch: Batch, maps: Tensor) => {
      // Two streams where pictures are mixed: the generative loss sees them as they are.
      const logits = logitsOf(scope, batch.mixed ? features(scope, batch.mixed.x) : maps);
      const loss = classLoss(logits, batch, o.smoothing);
      return { loss: g.mul(loss, o.classWeight), log: { class: loss } };
    };

    // -------------------------------------------------------------------------------------------- phases
    const course = withWarmup(o.warmup, schedule(o.schedule));
    const common = { optimizer: adam(), rate: o.rate, schedule: course };
    const joint: Phase = {
      ...common,
      name: "joint",
      updates: ["encoder/", "decoder/", "classifier/"],
      loss(scope, batch) {
        const maps = features(scope, batch.x);
        const [first, second] = [generative(scope, batch, maps), discriminative(scope, batch, maps)];
        const loss = g.add(first.loss, second.loss);
        return { loss, log: { loss, ...first.log, ...second.log } };
      },
    };
    const alternating: Phase[] = [
      {
        ...common,
        name: "generative",
        updates: ["encoder/", "decoder/"],
        loss: (scope, batch) => generative(scope, batch, features(scope, batch.x)),
      },
      {
        ...common,
        name: "discriminative",
        updates: ["encoder/", "classifier/"],
        loss: (scope, batch) => discriminative(scope, batch, features(scope, batch.x)),
      },
    ];

    // -------------------------------------------------------------------------------------------- heads
    const heads: Heads = {
      codeSize: o.latent,
      classify(scope, x) {
        const own = logitsOf(scope, features(scope, x));
        if (!o.mirrorViews || !data.mirror) return own;
        return g.mul(g.add(own, logitsOf(scope, features(scope, g.reverse(x, 2)))), 0.5);
      },
      encode: (scope, x) => posterior(scope, features(scope, x)).mean,
      decode: image,
      reconstruct: (scope, x) => image(scope, posterior(scope, features(scope, x)).mean),
      logDensity(scope, x) {
        const { reconstruction, kl } = bound(scope, x, features(scope, x));
        return g.neg(g.add(reconstruction, kl));
      },
    };
    return { phases: o.training === "joint" ? [joint] : alternating, heads };
  },
});
