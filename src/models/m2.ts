// M2, the semi-supervised model of Kingma et al. 2014: a picture comes from its class y and a latent vector z, apart from each
// other. A classifier q(y | x) fills in the class of pictures without a label, whose bound is the mean over all classes.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import { bernoulli, gaussian } from "../nn/distributions.ts";
import { glorotUniform } from "../nn/init.ts";
import { ACTIVATIONS, conditionalDense, dense, dropout } from "../nn/layers.ts";
import { classLoss, weightedMean } from "../nn/losses.ts";
import { convDecoder, convEncoder, defaultDepth, type NetShape } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { schedule, withWarmup } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import {
  deviationOf,
  eachClass,
  marginalBound,
  ofClass,
  type Posterior,
  posteriorOf,
  repeatRows,
} from "../nn/variational.ts";
import { head } from "./heads.ts";
import { labelledHalf } from "./labelled-half.ts";
import { defineModel, type Phase } from "./model.ts";
import { ACTIVATION_NAMES, SCHEDULE_NAMES } from "./options.ts";

const options = z.object({
  latent: z.number().int().min(1).max(1024).default(50).describe("size of the latent vector"),
  width: z
    .number()
    .int()
    .min(4)
    .max(512)
    .default(32)
    .describe("channels of the classifier's first level; doubles each level"),
  decoderWidth: z
    .number()
    .int()
    .min(4)
    .max(512)
    .default(16)
    .describe("the same of encoder and decoder; a picture without a label is decoded once a class"),
  hidden: z.number().int().min(8).max(4096).default(256).describe("units of the dense layers"),
  activation: z.enum(ACTIVATION_NAMES).default("relu").describe("nonlinearity"),
  klWarmup: z.number().min(0).max(1).default(0.1).describe("share of training over which the KL weight rises to 1"),
  classWeight: z
    .number()
    .min(0)
    .max(10000)
    .default(10)
    .describe("weight of the mean cross entropy against the mean bound, in nats a picture; 0.1 in the paper"),
  dropout: z.number().min(0).max(0.9).default(0.5).describe("dropout before the classifier's last layer"),
  rate: z.number().min(1e-6).max(1).default(1e-3).describe("learning rate (Adam)"),
  schedule: z.enum(SCHEDULE_NAMES).default("cosine").describe("course of the learning rate"),
  warmup: z.number().min(0).max(0.5).default(0.02).describe("share of training over which the learning rate rises"),
});

/** Classifies, reconstructs and draws in the style of a picture as any class, from few labels. */
export const m2 = defineModel({
  name: "m2",
  title: "M2: class and style as separate latent variables",
  cite: "Kingma et al. 2014, Semi-supervised Learning with Deep Generative Models, section 2.2",
  options,
  build(o, data) {
    const k = data.classes.length;
    const size = [data.height, data.width, data.channels] as const;
    const act = ACTIVATIONS[o.activation];
    const net = (width: number, blocks: number): NetShape => ({
      ...{ width, blocks, activation: o.activation, norm: "none" },
      depth: defaultDepth(data.height, data.width),
    });

    // ------------------------------------------------------------------------------------------ networks
    /** Logits of q(y | x), `[n, classes]`. */
    const classify = (scope: Scope, x: Tensor) => {
      const classifier = scope.child("classifier");
      const maps = convEncoder(classifier, x, net(o.width, 1));
      const hidden = act(dense(classifier.child("dense"), g.flatten(maps), o.hidden));
      const kept = dropout(classifier.child("drop"), hidden, o.dropout);
      return dense(classifier.child("out"), kept, k, { init: glorotUniform });
    };
    const features = (scope: Scope, x: Tensor) =>
      g.flatten(convEncoder(scope.child("encoder"), x, net(o.decoderWidth, 0)));
    /** q(z | x, y) of features under classes whose leading axes broadcast with theirs. */
    const posterior = (scope: Scope, features: Tensor, y: Tensor): Posterior => {
      const encoder = scope.child("encoder");
      return posteriorOf(encoder, act(conditionalDense(encoder.child("dense"), features, y, o.hidden)), o.latent);
    };
    /** Logits of the pixels under p(x | y, z), `[rows, h, w, c]`. */
    const decode = (scope: Scope, latent: Tensor, y: Tensor) => {
      const decoder = scope.child("decoder");
      const hidden = act(conditionalDense(decoder.child("hidden"), latent, y, o.hidden));
      return convDecoder(decoder, g.reshape(hidden, [-1, o.hidden]), size, net(o.decoderWidth, 0));
    };

    // ------------------------------------------------------------------------------------------ bounds
    /** The bound on ln p(x, y) of every class (equation 6), with the KL term at a weight: nats, `[n, classes]`. */
    const bounds = (scope: Scope, x: Tensor, klWeight: Tensor) => {
      const n = x.shape[0]!;
      const all = features(scope, x);
      const { mean, logVariance } = posterior(scope, g.reshape(all, [n, 1, all.shape[1]!]), eachClass(k));
      const latent = gaussian.sample(mean, logVariance, scope.noise("latent", mean.shape)); // [n, classes, latent]
      const logits = decode(scope, latent, eachClass(k));
      const likelihood = g.reshape(g.sum(bernoulli.logProb(repeatRows(x, k), logits), [1, 2, 3]), [n, k]);
      const kl = g.sum(gaussian.klToStandard(mean, logVariance), -1);
      return g.sub(g.sub(likelihood, g.mul(kl, klWeight)), Math.log(k));
    };

    const phase: Phase = {
      name: "joint",
      updates: ["classifier/", "encoder/", "decoder/"],
      optimizer: adam(),
      learningRate: o.rate,
      schedule: withWarmup(o.warmup, schedule(o.schedule)),
      loss(scope, all, { labelled }) {
        const klWeight = scope.annealed("klWeight", (progress) =>
          o.klWarmup > 0 ? Math.min(1, progress / o.klWarmup) : 1,
        );
        const n = all.x.shape[0]!;
        // Both batches go through the classifier as one.
        const taught = labelled ?? all;
        const shown = (taught.mixed ?? taught).x;
        const logits = classify(scope, shown === all.x ? all.x : g.concat([all.x, shown], 0));
        const own = g.sliceAxis(logits, 0, 0, n);
        const each = bounds(scope, all.x, klWeight);
        const bound = weightedMean(ofClass(each, all.labels, marginalBound(each, own)), all.weights);
        const total = logits.shape[0]!;
        const cross = classLoss(g.sliceAxis(logits, 0, total - shown.shape[0]!, total), taught);
        const loss = g.sub(g.mul(cross, o.classWeight), bound);
        const p = g.softmax(own);
        const entropy = weightedMean(g.neg(g.sum(g.mul(p, g.logSoftmax(own)), 1)), all.weights);
        return { loss, log: { loss, bound, class: cross, entropy } };
      },
    };

    const image = (scope: Scope, latent: Tensor, label: Tensor) =>
      bernoulli.mean(decode(scope, latent, g.oneHot(label, k)));
    const style = (scope: Scope, picture: Tensor, label: Tensor) =>
      posterior(scope, features(scope, picture), g.oneHot(label, k));
    return {
      stages: [{ phases: [phase] }],
      streams: labelledHalf(data.examples),
      best: ["accuracy", "nll"],
      latentSize: o.latent,
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => classify(scope, picture)),
        encode: head(["picture", "label"], "latent", (scope, { picture, label }) => style(scope, picture, label).mean),
        encodeDeviation: head(["picture", "label"], "latent", (scope, { picture, label }) =>
          deviationOf(style(scope, picture, label)),
        ),
        decode: head(["latent", "label"], "picture", (scope, { latent, label }) => image(scope, latent, label)),
        reconstruct: head(["picture", "label"], "picture", (scope, { picture, label }) =>
          image(scope, style(scope, picture, label).mean, label),
        ),
        sample: head(["label"], "picture", (scope, { label, n }) =>
          image(scope, scope.noise("prior", [n, o.latent]), label),
        ),
        elbo: head(["picture"], "score", (scope, { picture }) =>
          marginalBound(bounds(scope, picture, scalar(1)), classify(scope, picture)),
        ),
      },
    };
  },
});
