// S2, the VAE classifier: an encoder to mean and log-variance, a decoder, and a classifier on the encoder's features.
// Trained jointly or in two alternating phases (generative, then discriminative); on colour pictures, and where labels are few, the
// classifier is a net of its own, which is trained after the others.
import { z } from "zod";
import { fail } from "../base/errors.ts";
import * as g from "../graph/ops/index.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import { bernoulli, discretizedLogistic, gaussian } from "../nn/distributions.ts";
import { glorotUniform } from "../nn/init.ts";
import { ACTIVATIONS, conv, dense, dropout } from "../nn/layers.ts";
import { classLoss, perExample, weightedMean } from "../nn/losses.ts";
import { convDecoder, convEncoder, defaultDepth, type NetShape } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { schedule, withWarmup } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { backboneUpdates, belowLayers, pretrainedHeads } from "./backbone.ts";
import { type Classifier, fastClassifier, fastOptions } from "./fast-classifier.ts";
import {
  decodedView,
  decodeFeatures,
  decodesFeatures,
  decodesOption,
  featureErrorHead,
  featureLogProb,
  scaledFeatures,
} from "./feature-density.ts";
import { FEW_LABELS_BATCH, fewLabels } from "./few-labels.ts";
import { type Heads, head } from "./heads.ts";
import { labelledHalf, mostlyUnlabelled } from "./labelled-half.ts";
import { type Batch, type BuiltModel, type DataSpec, defineModel, type Phase } from "./model.ts";
import { ACTIVATION_NAMES, SCHEDULE_NAMES } from "./options.ts";
import { separate, separateBatch } from "./separate.ts";
import { overViews } from "./test-views.ts";

const options = z.object({
  training: z
    .enum(["auto", "joint", "two-phase", "separate", "few-labels"])
    .default("auto")
    .describe(
      "joint: one step on all losses; two-phase: a generative, then a discriminative step; separate: a generative stage, then a classifier with a net of its own, on up to four times as many pictures a step; few-labels: the same, on guessed labels; auto: few-labels where most pictures have none, separate for colour pictures not on a --backbone network, else joint",
    ),
  generativeShare: z
    .number()
    .min(0)
    .max(0.9)
    .default(0)
    .describe(
      "separate, few-labels: share of training that the generative stage takes; 0: a fifth of separate, a tenth of few-labels",
    ),
  ...fastOptions("separate, few-labels, not on a --backbone network"),
  latent: z.number().int().min(1).max(1024).default(32).describe("size of the latent vector"),
  width: z
    .number()
    .int()
    .min(4)
    .max(512)
    .default(32)
    .describe("channels of the encoder's first level; doubles each level"),
  depth: z
    .number()
    .int()
    .min(0)
    .max(6)
    .default(0)
    .describe("levels of the encoder, each halving the image; 0: from the image size"),
  hidden: z.number().int().min(8).max(4096).default(256).describe("units of the dense layers above the encoder"),
  blocks: z.number().int().min(0).max(4).default(0).describe("3x3 convolutions after each strided one of the encoder"),
  norm: z.enum(["none", "batch"]).default("none").describe("normalisation of the encoder's convolutions"),
  decodes: decodesOption,
  refine: z
    .number()
    .int()
    .min(0)
    .max(4)
    .default(2)
    .describe("3x3 convolutions above the strided ones, for the classifier that shares them"),
  activation: z.enum(ACTIVATION_NAMES).default("relu").describe("nonlinearity"),
  likelihood: z
    .enum(["bernoulli", "gaussian", "logistic"])
    .default("bernoulli")
    .describe("distribution of a pixel given the latent vector; logistic: discretised to 256 levels, for colour"),
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
    .describe("joint, two-phase: weight of the cross entropy against the generative loss, which is in nats an image"),
  smoothing: z.number().min(0).max(0.5).default(0.05).describe("label smoothing; none where labels are few"),
  dropout: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.5)
    .describe("dropout before the classifier's last layer; half of it on its feature maps; none in the fast net"),
  mirrorViews: z
    .boolean()
    .default(true)
    .describe(
      "classify by the mean over a picture and its mirror image, where the data may be mirrored; not on a --backbone network",
    ),
  rate: z.number().min(1e-6).max(1).default(1.5e-3).describe("learning rate (Adam); of the fast net: fastRate"),
  schedule: z
    .enum(SCHEDULE_NAMES)
    .default("cosine")
    .describe("course of the learning rate; of the fast net in separate: its own"),
  warmup: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.02)
    .describe("share of training over which the learning rate rises; of the fast net in separate: its own"),
});

/**
 * The training of `auto`. The strided encoder knows little of colour pictures (docs/results.md); the fast net needs them to be more than one
 * pixel wide.
 */
const trainingFor = ({ examples, height, width, channels, backbone }: DataSpec) => {
  if (mostlyUnlabelled(examples)) return "few-labels";
  return channels === 3 && Math.min(height, width) > 1 && !backbone ? "separate" : "joint";
};

/** S2: classifies, reconstructs, generates, and bounds the density of a picture. */
export const vae = defineModel({
  name: "vae",
  title: "VAE classifier",
  cite: "Kingma & Welling 2014, Auto-Encoding Variational Bayes; the classifier beside the latent vector follows Kingma et al. 2014 (M1); of colour pictures, and where labels are few, it is the net of Jordan 2024, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
  options,
  buildsOnBackbone: true,
  build(o, data) {
    const { backbone } = data;
    const ofFeatures = decodesFeatures(o.decodes, data);
    const size = [data.height, data.width, data.channels] as const;
    const net: NetShape = {
      width: o.width,
      depth: o.depth || defaultDepth(data.height, data.width),
      activation: o.activation,
      blocks: o.blocks,
      norm: o.norm,
    };
    const act = ACTIVATIONS[o.activation];
    const training = o.training === "auto" ? trainingFor(data) : o.training;
    if (training === "separate" && backbone && backbone.frozen !== "all")
      fail(
        "E_OPTION",
        "training=separate leaves the encoder as it is while the classifier learns, and the network below both would move; ask for --freeze all, or training=joint",
      );

    // -------------------------------------------------------------------------------------------- networks
    /** What the encoder takes: pictures, or features `[n, d]` of the pretrained network. */
    const below = (scope: Scope, x: Tensor) => belowLayers(backbone, scope, x);
    const encode = (scope: Scope, seen: Tensor) =>
      backbone ? scaledFeatures(scope.child("encoder"), seen) : convEncoder(scope.child("encoder"), seen, net);
    const features = (scope: Scope, x: Tensor) => encode(scope, below(scope, x));
    const posterior = (scope: Scope, maps: Tensor) => {
      const encoder = scope.child("encoder");
      const hidden = act(dense(encoder.child("dense"), g.flatten(maps), o.hidden));
      return {
        mean: dense(encoder.child("mean"), hidden, o.latent, { init: glorotUniform }),
        logVariance: dense(encoder.child("logVariance"), hidden, o.latent, { init: glorotUniform }),
      };
    };
    const penultimate = (scope: Scope, maps: Tensor) => {
      const classifier = scope.child("classifier");
      let y = maps;
      // The last one halves the maps and doubles the channels: the dense layer above is most of the weights otherwise.
      // Features of a pretrained network have no places.
      for (let i = 1; i <= (backbone ? 0 : o.refine); i++) {
        const last = i === o.refine;
        y = act(conv(classifier.child(`conv${i}`), y, y.shape[3]! * (last ? 2 : 1), 3, { stride: last ? 2 : 1 }));
      }
      y = dropout(classifier.child("drop1"), y, o.dropout / 2);
      y = act(dense(classifier.child("dense"), g.flatten(y), o.hidden));
      return dropout(classifier.child("drop2"), y, o.dropout);
    };
    const logitsAbove = (scope: Scope, hidden: Tensor) =>
      dense(scope.child("classifier").child("out"), hidden, data.classes.length, { init: glorotUniform });
    const decoderLogits = (scope: Scope, latent: Tensor) => convDecoder(scope.child("decoder"), latent, size, net);
    const backToFeatures = (scope: Scope, latent: Tensor, d: number) =>
      decodeFeatures(scope.child("decoder"), latent, o.hidden, d);
    // A grey level is a probability under the Bernoulli likelihood; the Gaussian's mean is kept in 0..1 the same way.
    const image = (scope: Scope, latent: Tensor) => bernoulli.mean(decoderLogits(scope, latent));

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
      const latent = gaussian.sample(mean, logVariance, scope.noise("code", mean.shape));
      const known = ofFeatures
        ? featureLogProb(scope.child("decoder"), maps, backToFeatures(scope, latent, maps.shape[1]!))
        : logLikelihood(x, decoderLogits(scope, latent));
      return {
        reconstruction: g.neg(known),
        kl: perExample(gaussian.klToStandard(mean, logVariance)),
      };
    };
    const generative = (scope: Scope, batch: Batch, maps: Tensor) => {
      const terms = bound(scope, batch.x, maps);
      const reconstruction = weightedMean(terms.reconstruction, batch.weights);
      const kl = weightedMean(terms.kl, batch.weights);
      const beta = scope.annealed(
        "beta",
        (progress) => o.beta * (o.klWarmup > 0 ? Math.min(1, progress / o.klWarmup) : 1),
      );
      return { loss: g.add(reconstruction, g.mul(kl, beta)), log: { reconstruction, kl } };
    };
    const discriminative = (scope: Scope, batch: Batch, maps?: Tensor) => {
      // Where pictures are mixed, the generative loss sees them as they are.
      const seen = batch.mixed || !maps ? features(scope, (batch.mixed ?? batch).x) : maps;
      const logits = logitsAbove(scope, penultimate(scope, seen));
      const loss = classLoss(logits, batch, o.smoothing);
      return { loss: g.mul(loss, o.classWeight), log: { class: loss } };
    };

    // -------------------------------------------------------------------------------------------- phases
    const course = withWarmup(o.warmup, schedule(o.schedule));
    const common = { optimizer: adam(), learningRate: o.rate, schedule: course };
    const joint: Phase = {
      ...common,
      name: "joint",
      updates: ["encoder/", "decoder/", "classifier/", ...backboneUpdates(backbone)],
      loss(scope, all, { labelled }) {
        // Both batches go through the encoder as one, so that batch norm sees one distribution.
        const seen = below(scope, all.x);
        const maps = encode(scope, labelled ? g.concat([seen, below(scope, labelled.x)], 0) : seen);
        const part = (from: number, to: number) => (labelled ? g.sliceAxis(maps, 0, from, to) : maps);
        const n = all.x.shape[0]!;
        const first = generative(scope, all, part(0, n));
        const second = discriminative(scope, labelled ?? all, part(n, maps.shape[0]!));
        const loss = g.add(first.loss, second.loss);
        return { loss, log: { loss, ...first.log, ...second.log } };
      },
    };
    const generation: Phase = {
      ...common,
      name: "generative",
      updates: ["encoder/", "decoder/", ...backboneUpdates(backbone)],
      loss: (scope, all) => generative(scope, all, features(scope, all.x)),
    };
    const discrimination: Phase = {
      ...common,
      name: "discriminative",
      updates: ["encoder/", "classifier/", ...backboneUpdates(backbone)],
      loss: (scope, all, { labelled }) => discriminative(scope, labelled ?? all),
    };

    // A classifier that learns by itself, after the others, and shares nothing with them.
    const isFew = training === "few-labels";
    const ownBatch = isFew ? FEW_LABELS_BATCH : separateBatch(data);
    const ownTrunk: Classifier = backbone
      ? {
          features: (scope, seen) => penultimate(scope, scaledFeatures(scope.child("trunk"), seen)),
          logits: logitsAbove,
          rule: {
            ...{ ...common, optimizer: adam({ decay: 0.01 }) },
            updates: ["trunk/", "classifier/", ...backboneUpdates(backbone)],
          },
        }
      : fastClassifier(o, data, ownBatch, { fewLabels: isFew });
    const classifier: Pick<Classifier, "features" | "logits"> =
      isFew || training === "separate"
        ? ownTrunk
        : { features: (scope, seen) => penultimate(scope, encode(scope, seen)), logits: logitsAbove };
    const classify = (scope: Scope, seen: Tensor) => classifier.logits(scope, classifier.features(scope, seen));
    const share = o.generativeShare || (isFew ? 0.1 : 0.2);
    const ofGuesses = fewLabels({
      ...{ data, classify, share },
      rule: { ...ownTrunk.rule, schedule: course },
      generative: [generation],
    });
    const ofLabels = separate({
      ...{ data, rule: ownTrunk.rule, smoothing: o.smoothing, generative: [generation], share },
      classify: (scope, x) => classify(scope, below(scope, x)),
    });
    const best = ["accuracy", "nll"];
    const shared = { streams: labelledHalf(data.examples, decodedView(o.decodes, data)), best };
    const trainings: Record<typeof training, Pick<BuiltModel, "stages" | "streams" | "tables" | "best">> = {
      joint: { stages: [{ phases: [joint] }], ...shared },
      "two-phase": { stages: [{ phases: [generation, discrimination] }], ...shared },
      separate: { ...ofLabels, best },
      "few-labels": ofGuesses,
    };

    const seenBy = (scope: Scope, x: Tensor) => classifier.features(scope, below(scope, x));
    const pictureHeads: Heads = {
      decode: head(["latent"], "picture", (scope, { latent }) => image(scope, latent)),
      reconstruct: head(["picture"], "picture", (scope, { picture }) =>
        image(scope, posterior(scope, features(scope, picture)).mean),
      ),
      sample: head([], "picture", (scope, { n }) => image(scope, scope.noise("prior", [n, o.latent]))),
      elbo: head(["picture"], "score", (scope, { picture }) => {
        const { reconstruction, kl } = bound(scope, picture, features(scope, picture));
        return g.neg(g.add(reconstruction, kl));
      }),
    };
    const featureHeads: Heads = {
      featureError: featureErrorHead((scope, picture) => {
        const maps = features(scope, picture);
        return { features: maps, decoded: backToFeatures(scope, posterior(scope, maps).mean, maps.shape[1]!) };
      }),
    };
    return {
      ...trainings[training],
      latentSize: o.latent,
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) =>
          // Features of a mirror image are those of training alone: to have them here too would cost as much again.
          overViews(o.mirrorViews && !backbone ? "mirror" : "one", data.mirror, picture, (x) =>
            classify(scope, below(scope, x)),
          ),
        ),
        ...(isFew ? ofGuesses.heads : {}),
        features: head(["picture"], "features", (scope, { picture }) => seenBy(scope, picture)),
        encode: head(["picture"], "latent", (scope, { picture }) => posterior(scope, features(scope, picture)).mean),
        encodeDeviation: head(["picture"], "latent", (scope, { picture }) =>
          g.exp(g.mul(posterior(scope, features(scope, picture)).logVariance, 0.5)),
        ),
        ...(ofFeatures ? featureHeads : pictureHeads),
        ...pretrainedHeads(backbone),
      },
    };
  },
});
