// S0: a classifier on two kinds of features of one picture: those by which an autoencoder gives the picture back, and those by which a
// discriminator tells real pictures from generated ones. A convolution joins both; the largest and the smallest value of each of its
// maps go through dense layers to the classes.
import { z } from "zod";
import { sizeOf } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { ADVERSARIAL_LOSSES, type AdversarialLossName } from "../nn/adversarial.ts";
import { DIFF_AUGMENT_POLICIES, type DiffAugmentPolicy, diffAugment } from "../nn/diff-augment.ts";
import { gaussian } from "../nn/distributions.ts";
import { fastNet, largest } from "../nn/fast-net.ts";
import { glorotUniform } from "../nn/init.ts";
import { batchNorm, conv, dense, dropout } from "../nn/layers.ts";
import { classLoss, perExample, squaredError, weightedMean } from "../nn/losses.ts";
import { convDecoder, defaultDepth, type NetShape } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { schedule, withWarmup } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { type Posterior, posteriorOf } from "../nn/variational.ts";
import { backboneFeatures, featureCount, pretrainedHeads } from "./backbone.ts";
import { FAST_OPTIMIZERS, fastBatch, fastTraining, fastWidths, WIDTHS_PATTERN } from "./fast-training.ts";
import { decodeFeatures, featureErrorHead, scaledFeatures } from "./feature-density.ts";
import { type Heads, head } from "./heads.ts";
import { defineModel, type ParameterGroup, type Phase, type Stage } from "./model.ts";
import { overViews, testViews, testViewsOption } from "./test-views.ts";

const options = z.object({
  training: z
    .enum(["joint", "staged"])
    .default("joint")
    .describe("joint: classes are learnt from the first step on; staged: autoencoder and adversarial features first"),
  featureShare: z
    .number()
    .min(0.05)
    .max(0.95)
    .default(0.4)
    .describe("share of training in which autoencoder and discriminator shape the features"),
  reconstructionWeight: z
    .number()
    .min(0)
    .max(1000)
    .default(3)
    .describe("joint: weight of the autoencoder's loss (a squared error a pixel) beside the class loss"),
  adversarialRate: z
    .number()
    .min(0)
    .max(1)
    .default(2e-4)
    .describe("learning rate of the discriminator (Adam), with which the features move too; 0: nothing adversarial"),
  generatorRate: z.number().min(1e-6).max(1).default(2e-4).describe("learning rate of the generator (Adam)"),
  adversarial: z
    .enum(Object.keys(ADVERSARIAL_LOSSES) as [AdversarialLossName, ...AdversarialLossName[]])
    .default("hinge")
    .describe("loss of discriminator and generator"),
  diffAugment: z
    .enum(Object.keys(DIFF_AUGMENT_POLICIES) as [DiffAugmentPolicy, ...DiffAugmentPolicy[]])
    .default("translation")
    .describe("changes of what the discriminator sees, real and generated alike"),
  widths: z
    .string()
    .regex(...WIDTHS_PATTERN)
    .default("auto")
    .describe("channels of each network's groups, each of which halves the picture; auto: by the kind of picture"),
  latent: z.number().int().min(1).max(1024).default(64).describe("size of the autoencoder's code"),
  hidden: z.number().int().min(2).max(4096).default(256).describe("units of the dense layer above the joined features"),
  dropout: z.number().min(0).max(0.9).default(0.3).describe("dropout before the last layer"),
  smoothing: z.number().min(0).max(0.5).default(0.1).describe("label smoothing"),
  optimizer: z
    .enum(FAST_OPTIMIZERS)
    .default("muon")
    .describe("muon: filters by Muon, the rest by Adam; sgd: Nesterov momentum; adam: AdamW"),
  rate: z.number().min(1e-3).max(100).default(1).describe("factor on that optimizer's learning rates"),
  views: testViewsOption,
});

/** Variance of a pixel about what the decoder says, by which squared errors are nats and compare with the KL divergence. */
const VARIANCE = 0.01;
/** The same of a scaled feature. */
const FEATURE_VARIANCE = 0.5;
/** Channels of the decoder's largest maps. */
const DECODER_WIDTH = 16;
/** Steps between two in which decoder and score follow the features that the classes go on moving. */
const FOLLOW_EVERY = 2;

/** Classifies, reconstructs, generates and tells real pictures from generated ones. */
export const hybrid = defineModel({
  name: "hybrid",
  title: "classifier on joined features of an autoencoder and a GAN's discriminator",
  cite: "Larsen et al. 2016, Autoencoding beyond Pixels Using a Learned Similarity Metric (decoder and generator in one); Radford et al. 2016, section 5 (discriminator features that classify); the networks are Jordan's of 2024, 94% on CIFAR-10 in 3.29 Seconds",
  options,
  photographs: 224,
  batch: fastBatch,
  buildsOnBackbone: true,
  build(o, data) {
    const { height, width, channels, backbone } = data;
    if (backbone && backbone.frozen !== "all")
      fail(
        "E_OPTION",
        "hybrid tells real features from generated ones, which have to stay as they are; ask for --freeze all",
      );
    // On a pretrained network all is of its features in place of pictures, and layers are dense.
    const featureWidth = backbone && featureCount(backbone, data);
    const values = featureWidth ?? sizeOf([height, width, channels]);
    const variance = backbone ? FEATURE_VARIANCE : VARIANCE;
    // Two networks look at each picture, each of half the width.
    const widths = fastWidths(o.widths, data).map((w) => (o.widths === "auto" ? w / 2 : w));
    const depth = defaultDepth(height, width);
    const decoderShape: NetShape = { width: DECODER_WIDTH, depth, activation: "relu", blocks: 0, norm: "none" };
    const loss = ADVERSARIAL_LOSSES[o.adversarial];
    const isAdversarial = o.adversarialRate > 0;

    // ------------------------------------------------------------------------------------------ networks
    /** What is encoded and given back: pictures `[n, h, w, c]`, or scaled features `[n, d]` of the pretrained network. */
    const seenOf = (scope: Scope, x: Tensor) =>
      backbone ? scaledFeatures(scope.child("encoder").child("net"), backboneFeatures(backbone, scope, x)) : x;
    /** The last feature maps `[n, h, w, c]` of the autoencoder's encoder, or of the discriminator; `[n, hidden]` above features. */
    const maps = (scope: Scope, network: "encoder" | "discriminator", seen: Tensor) => {
      const net = scope.child(network).child("net");
      return backbone ? g.gelu(dense(net.child("dense"), seen, o.hidden)) : fastNet(net, seen, widths).at(-1)!;
    };
    const posterior = (scope: Scope, encoded: Tensor): Posterior =>
      posteriorOf(scope.child("encoder").child("code"), g.flatten(encoded), o.latent);
    /** `[n, latent]` to pictures `[n, h, w, c]` in 0..1, or to scaled features `[n, d]`. */
    const decode = (scope: Scope, latent: Tensor) =>
      featureWidth === undefined
        ? g.sigmoid(convDecoder(scope.child("decoder"), latent, [height, width, channels], decoderShape))
        : decodeFeatures(scope.child("decoder"), latent, o.hidden, featureWidth);
    const generate = (scope: Scope, n: number) => decode(scope, scope.noise("prior", [n, o.latent]));
    /** The score `[n]` of how real pictures are, from the discriminator's maps. */
    const score = (scope: Scope, seen: Tensor) => {
      const summary = backbone ? seen : g.concat([g.mean(seen, [1, 2]), largest(seen)], 1);
      return g.reshape(dense(scope.child("discriminator").child("score"), summary, 1), [seen.shape[0]!]);
    };
    const features = (root: Scope, encoded: Tensor, seen: Tensor): Tensor => {
      const scope = root.child("classifier");
      if (backbone)
        return g.gelu(
          batchNorm(scope.child("norm"), dense(scope.child("dense"), g.concat([encoded, seen], 1), o.hidden)),
        );
      const both = conv(scope.child("join"), g.concat([encoded, seen], 3), 2 * widths.at(-1)!, 3, { bias: false });
      const joined = batchNorm(scope.child("norm"), both);
      const extremes = g.concat([largest(joined), largest(g.neg(joined))], 1);
      return g.gelu(dense(scope.child("dense"), extremes, o.hidden)); // [n, hidden]
    };
    const featuresOf = (scope: Scope, x: Tensor) =>
      features(scope, maps(scope, "encoder", x), maps(scope, "discriminator", x));
    const featuresOfPicture = (scope: Scope, picture: Tensor) => featuresOf(scope, seenOf(scope, picture));
    const logits = (root: Scope, features: Tensor) => {
      const scope = root.child("classifier");
      const kept = dropout(scope.child("drop"), features, o.dropout);
      return dense(scope.child("out"), kept, data.classes.length, { init: glorotUniform });
    };

    // ------------------------------------------------------------------------------------------ losses
    /** The autoencoder's bound, a pixel: squared error, and the KL divergence in the same unit. */
    const autoencoder = (scope: Scope, encoded: Tensor, x: Tensor, weights: Tensor) => {
      const { mean, logVariance } = posterior(scope, encoded);
      const code = gaussian.sample(mean, logVariance, scope.noise("code", mean.shape));
      const error = g.div(weightedMean(squaredError(decode(scope, code), x), weights), values);
      const kl = weightedMean(perExample(gaussian.klToStandard(mean, logVariance)), weights);
      return { loss: g.add(error, g.mul(kl, (2 * variance) / values)), log: { error, kl } };
    };
    /** What the discriminator's maps are of: real pictures and as many generated ones, after changes of one kind, in one batch. */
    const shown = (scope: Scope, real: Tensor, generated: Tensor) =>
      backbone
        ? g.concat([real, generated], 0)
        : diffAugment(scope.child("changes"), g.concat([real, generated], 0), o.diffAugment);
    /** The discriminator's loss of its maps of real pictures and as many generated ones. */
    const toldApart = (scope: Scope, seen: Tensor, weights: Tensor) => {
      const [all, n] = [score(scope, seen), weights.shape[0]!];
      const real = weightedMean(loss.real(g.sliceAxis(all, 0, 0, n)), weights);
      const generated = g.mean(loss.generated(g.sliceAxis(all, 0, n, 2 * n)));
      return { loss: g.add(real, generated), log: { real, generated } };
    };
    const fast = (others: readonly (string | ParameterGroup)[], course: Phase["schedule"]) => ({
      ...fastTraining(
        backbone ? "adam" : o.optimizer,
        ["encoder/net/", "discriminator/net/"],
        others,
        o.rate,
        fastBatch(data),
      ),
      schedule: course,
    });
    // One decay for all: several phases move the same parameters.
    const { emaDecay } = fast([], schedule("constant"));
    const adversarialRule = { optimizer: adam({ beta1: 0.5 }), schedule: schedule("constant"), emaDecay };

    // ------------------------------------------------------------------------------------------ phases
    const rise = withWarmup(0.1, schedule("constant"));
    const reconstruct: Phase = {
      ...fast(["encoder/code/", "decoder/"], rise),
      name: "autoencoder",
      updates: ["encoder/", "decoder/"],
      optimizer: adam(),
      learningRate: 1e-3,
      loss(scope, _, { plain }) {
        const x = seenOf(scope, plain!.x);
        return autoencoder(scope, maps(scope, "encoder", x), x, plain!.weights);
      },
    };
    const joint: Phase = {
      // What the classifier alone goes on with is one group, and what it leaves is others.
      ...fast(["classifier/", { prefix: "encoder/code/" }, { prefix: "decoder/" }], rise),
      name: "joint",
      loss(scope, batch, { plain }) {
        // Both batches go through the encoder as one, so that batch norm sees one distribution.
        const [x, whole] = [seenOf(scope, (batch.mixed ?? batch).x), seenOf(scope, plain!.x)];
        const n = x.shape[0]!;
        const encoded = maps(scope, "encoder", g.concat([x, whole], 0));
        const m = encoded.shape[0]!;
        const own = features(scope, g.sliceAxis(encoded, 0, 0, n), maps(scope, "discriminator", x));
        const cross = classLoss(logits(scope, own), batch, o.smoothing);
        const rebuilt = autoencoder(scope, g.sliceAxis(encoded, 0, n, m), whole, plain!.weights);
        return {
          loss: g.add(cross, g.mul(rebuilt.loss, o.reconstructionWeight)),
          log: { class: cross, ...rebuilt.log },
        };
      },
    };
    const discriminator: Phase = {
      ...adversarialRule,
      name: "discriminator",
      updates: ["discriminator/"],
      learningRate: o.adversarialRate,
      loss(scope, _, { plain }) {
        const seen = shown(scope, seenOf(scope, plain!.x), generate(scope, plain!.x.shape[0]!));
        return toldApart(scope, maps(scope, "discriminator", seen), plain!.weights);
      },
    };
    const generator: Phase = {
      ...adversarialRule,
      name: "generator",
      updates: ["decoder/"],
      learningRate: o.generatorRate,
      loss(scope, _, { plain }) {
        const n = plain!.x.shape[0]!;
        const seen = maps(scope, "discriminator", shown(scope, seenOf(scope, plain!.x), generate(scope, n)));
        const own = g.mean(loss.generator(g.sliceAxis(score(scope, seen), 0, n, 2 * n)));
        return { loss: own, log: { loss: own } };
      },
    };
    const classifier: Phase = {
      ...(o.training === "joint"
        ? { ...fast(["classifier/"], schedule("cosine")), continues: "joint" }
        : fast(["classifier/"], schedule("triangular"))),
      name: "classifier",
      loss(scope, batch) {
        const cross = classLoss(logits(scope, featuresOfPicture(scope, (batch.mixed ?? batch).x)), batch, o.smoothing);
        return { loss: cross, log: { class: cross } };
      },
    };
    /** Keeps code, decoder and score in step with features that the classes move; it does not move these itself. */
    const follow: Phase = {
      name: "follow",
      updates: ["encoder/code/", "decoder/", ...(isAdversarial ? ["discriminator/score/"] : [])],
      every: FOLLOW_EVERY,
      ...{ optimizer: adam(), learningRate: 1e-3, schedule: schedule("cosine"), emaDecay },
      loss(scope, _, { plain }) {
        const { weights } = plain!;
        const x = seenOf(scope.averaged, plain!.x);
        const rebuilt = autoencoder(scope, maps(scope.averaged, "encoder", x), x, weights);
        if (!isAdversarial) return rebuilt;
        const generated = generate(scope.averaged, x.shape[0]!);
        const told = toldApart(scope, maps(scope.averaged, "discriminator", shown(scope, x, generated)), weights);
        return { loss: g.add(rebuilt.loss, told.loss), log: { ...rebuilt.log, ...told.log } };
      },
    };
    const stages: Stage[] = [
      {
        name: "features",
        share: o.featureShare,
        phases: [o.training === "joint" ? joint : reconstruct, ...(isAdversarial ? [discriminator, generator] : [])],
      },
      { name: "classifier", share: 1 - o.featureShare, phases: [classifier, follow] },
    ];

    const codeOf = (scope: Scope, picture: Tensor) => posterior(scope, maps(scope, "encoder", seenOf(scope, picture)));
    const pictureHeads: Heads = {
      decode: head(["latent"], "picture", (scope, { latent }) => decode(scope, latent)),
      reconstruct: head(["picture"], "picture", (scope, { picture }) => decode(scope, codeOf(scope, picture).mean)),
      ...(isAdversarial ? { sample: head([], "picture", (scope, { n }) => generate(scope, n)) } : {}),
    };
    const featureHeads: Heads = {
      featureError: featureErrorHead((scope, picture) => ({
        features: seenOf(scope, picture),
        decoded: decode(scope, codeOf(scope, picture).mean),
      })),
    };
    return {
      // Changed pictures teach the classes alone: the generator would learn to make them.
      streams: {
        labelled: { from: "labelled" },
        plain: { share: 0.5, views: { x: "plain" } },
      },
      stages,
      latentSize: o.latent,
      best: ["accuracy", "nll"],
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) =>
          overViews(testViews(o.views, data), data.mirror, picture, (x) => logits(scope, featuresOfPicture(scope, x))),
        ),
        features: head(["picture"], "features", (scope, { picture }) => featuresOfPicture(scope, picture)),
        encode: head(["picture"], "latent", (scope, { picture }) => codeOf(scope, picture).mean),
        encodeDeviation: head(["picture"], "latent", (scope, { picture }) =>
          g.exp(g.mul(codeOf(scope, picture).logVariance, 0.5)),
        ),
        ...(backbone ? featureHeads : pictureHeads),
        ...pretrainedHeads(backbone),
        ...(isAdversarial
          ? {
              discriminate: head(["picture"], "score", (scope, { picture }) =>
                score(scope, maps(scope, "discriminator", seenOf(scope, picture))),
              ),
            }
          : {}),
      },
    };
  },
});
