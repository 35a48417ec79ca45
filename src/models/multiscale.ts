// S4: a classifier that looks at a picture at several scales of one trunk, and joins what it sees in a short code.
import { z } from "zod";
import { fail } from "../base/errors.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { ADVERSARIAL_LOSSES } from "../nn/adversarial.ts";
import { fastLogits, fastNet } from "../nn/fast-net.ts";
import { dense, dropout, layerNorm, spectralNorm } from "../nn/layers.ts";
import { classLoss, crossEntropy, weightedMean } from "../nn/losses.ts";
import { defaultDepth } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { SCHEDULES } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { skipGenerator } from "../nn/skip-generator.ts";
import { backboneFeatures, backboneUpdates } from "./backbone.ts";
import { FAST_OPTIMIZERS, fastBatch, fastTraining, fastWidths, WIDTHS_PATTERN } from "./fast-training.ts";
import { type Heads, head } from "./heads.ts";
import { mostlyUnlabelled } from "./labelled-half.ts";
import { type Batch, defineModel, type Phase } from "./model.ts";
import { overViews, TEST_VIEWS } from "./test-views.ts";

const options = z.object({
  widths: z
    .string()
    .regex(...WIDTHS_PATTERN)
    .default("auto")
    .describe(
      "channels of the trunk's groups, each of which halves the picture, as in 64-256-256; auto: by the kind of picture",
    ),
  scales: z.number().int().min(1).max(6).default(3).describe("groups from the last one up whose maps are looked at"),
  summary: z.number().int().min(1).max(1024).default(64).describe("numbers that each scale is summed up in"),
  code: z.number().int().min(1).max(1024).default(64).describe("size of the code that the classes are told from"),
  auxiliary: z
    .number()
    .min(0)
    .max(10)
    .default(0.3)
    .describe("weight of a class loss on each scale alone; falls to 0 until 70 % of training"),
  dropout: z.number().min(0).max(0.9).default(0.2).describe("dropout before the code"),
  smoothing: z.number().min(0).max(0.5).default(0.1).describe("label smoothing"),
  adversarial: z
    .enum(["auto", "off", "on"])
    .default("auto")
    .describe("whether the trunk also tells real from generated pictures; auto: where most pictures have no label"),
  adversarialWeight: z.number().min(0).max(10).default(0.1).describe("weight of that against the class loss"),
  latent: z.number().int().min(1).max(1024).default(64).describe("size of the generator's noise vector"),
  generatorWidth: z.number().int().min(4).max(256).default(32).describe("channels of the generator's largest maps"),
  generatorRate: z.number().min(1e-6).max(1).default(3e-4).describe("learning rate of the generator (Adam)"),
  optimizer: z
    .enum(FAST_OPTIMIZERS)
    .default("muon")
    .describe("muon: filters by Muon, the rest by Adam; sgd: Nesterov momentum; adam: AdamW"),
  rate: z.number().min(1e-3).max(100).default(1).describe("factor on the optimizer's learning rates"),
  views: z
    .enum(TEST_VIEWS)
    .default("mirror")
    .describe(
      "views that a class is the mean over: one, mirror (where the data may be mirrored), six (also moved by a pixel)",
    ),
});

/** Progress at which the scales' own class losses are gone. */
const AUXILIARY_UNTIL = 0.7;
/** Progress at which real and generated pictures are told apart no longer: the last third is for the classes alone. */
const ADVERSARIAL_UNTIL = 2 / 3;
/** Real pictures of a step, and as many generated ones, as a share of those whose class is learnt. */
const REAL_SHARE = 0.25;

/** S4: classifies, gives its code, and generates where it is adversarial. */
export const multiscale = defineModel({
  name: "multiscale",
  title: "classifier on several scales of one trunk; adversarial where labels are few",
  cite: "Jordan 2024, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU (the trunk); Lee et al. 2015, Deeply-Supervised Nets (a loss on each scale); Karnewar & Wang 2020, MSG-GAN (scores at several scales)",
  options,
  batch: fastBatch,
  buildsOnBackbone: "scales",
  build(o, data) {
    const { backbone } = data;
    if (backbone && o.adversarial === "on")
      fail("E_OPTION", "--set adversarial=on is for a trunk of its own; on a pretrained network there is no generator");
    const widths = fastWidths(o.widths, data);
    const classes = data.classes.length;
    const size = [data.height, data.width, data.channels] as const;
    const generator = { width: o.generatorWidth, depth: defaultDepth(data.height, data.width) };
    const few = mostlyUnlabelled(data.examples);
    const adversarial = !backbone && (o.adversarial === "auto" ? few : o.adversarial === "on");
    const { real: realLoss, generated: generatedLoss, generator: generatorLoss } = ADVERSARIAL_LOSSES.hinge;

    // -------------------------------------------------------------------------------------------- networks
    /** The place of the k-th scale's layers. */
    const scaleScope = (root: Scope, k: number) => root.child("scales").child(`scale${k + 1}`);
    /** What is seen of each scale, the finest first: means and largest values of its maps; means of a pretrained network. */
    const seenOf = (root: Scope, x: Tensor): Tensor[] => {
      if (!backbone)
        return fastNet(root.child("trunk"), x, widths).map((map) =>
          g.concat([g.mean(map, [1, 2]), g.max(map, [1, 2])], 1),
        );
      const all = backboneFeatures(backbone, root, x);
      let from = 0;
      return backbone.scales!.map(({ width }) => g.sliceAxis(all, 1, from, (from += width)));
    };
    /** What each scale is summed up in, the finest first: `[n, summary]` each. */
    const summaries = (root: Scope, x: Tensor): Tensor[] =>
      seenOf(root, x)
        .slice(-o.scales)
        .map((seen, k) => {
          const scope = scaleScope(root, k);
          return dense(scope.child("summary"), layerNorm(scope.child("norm"), seen), o.summary);
        });
    const encode = (root: Scope, seen: readonly Tensor[]): Tensor => {
      const scope = root.child("classifier");
      return dense(scope.child("code"), dropout(scope.child("drop"), g.concat(seen, 1), o.dropout), o.code);
    };
    const logitsOf = (root: Scope, code: Tensor): Tensor =>
      fastLogits(root.child("classifier").child("out"), code, classes);
    const codeOf = (scope: Scope, x: Tensor) => encode(scope, summaries(scope, x));
    /** How real each scale says that pictures are: `[n]` each. */
    const scoresOf = (root: Scope, seen: readonly Tensor[]): Tensor[] =>
      seen.map((one, k) => {
        const score = dense(scaleScope(root, k).child("score"), g.leakyRelu(one, 0.2), 1, { weights: spectralNorm });
        return g.reshape(score, [one.shape[0]!]);
      });
    const generate = (root: Scope, labels: Tensor): Tensor => {
      const scope = root.child("generator");
      const noise = scope.noise("noise", [labels.shape[0]!, o.latent]);
      return skipGenerator(scope, noise, g.oneHot(labels, classes), size, generator);
    };
    /** As many classes as pictures `n`, each as likely: int32 `[n]`. */
    const drawnLabels = (scope: Scope, n: number): Tensor =>
      g.cast(g.mul(scope.noise("asked", [n], "uniform"), classes), "int32");

    // -------------------------------------------------------------------------------------------- losses
    const mean = (values: readonly Tensor[]) =>
      g.div(
        values.reduce((a, b) => g.add(a, b)),
        values.length,
      );
    /** The class loss, and that of each scale alone, of what is seen of a batch. */
    const discriminative = (scope: Scope, batch: Batch, seen: readonly Tensor[]) => {
      const own = classLoss(logitsOf(scope, encode(scope, seen)), batch, o.smoothing);
      if (o.auxiliary === 0) return { loss: own, log: { loss: own } };
      const each = seen.map((one, k) =>
        classLoss(fastLogits(scaleScope(scope, k).child("logits"), one, classes), batch, o.smoothing),
      );
      const weight = scope.annealed("auxiliary", (at) => o.auxiliary * Math.max(0, 1 - at / AUXILIARY_UNTIL));
      const scales = Object.fromEntries(each.map((value, k) => [`scale${k + 1}`, value]));
      return { loss: g.add(own, g.mul(mean(each), g.mul(weight, each.length))), log: { loss: own, ...scales } };
    };

    // -------------------------------------------------------------------------------------------- phases
    // Muon is for filters, which a pretrained network has of its own.
    const own = fastTraining(
      backbone ? "adam" : o.optimizer,
      backbone ? [] : ["trunk/"],
      ["scales/", "classifier/"],
      o.rate,
      data.examples,
    );
    const rule = { ...own, updates: [...own.updates, ...backboneUpdates(backbone)] };
    const classifier: Phase = {
      ...rule,
      name: "classifier",
      ...(adversarial ? { window: [ADVERSARIAL_UNTIL, 1] as const } : {}),
      loss: (scope, _, { labelled }) =>
        discriminative(scope, labelled!, summaries(scope, (labelled!.mixed ?? labelled!).x)),
    };
    const both: Phase = {
      ...rule,
      name: "both",
      window: [0, ADVERSARIAL_UNTIL],
      loss(scope, _, { labelled, real }) {
        const [n, m] = [labelled!.labels.shape[0]!, real!.x.shape[0]!];
        const generated = generate(scope, drawnLabels(scope, m));
        // All go through the trunk as one batch, so that batch norm sees one distribution.
        const seen = summaries(scope, g.concat([(labelled!.mixed ?? labelled!).x, real!.x, generated], 0));
        const part = (from: number, to: number) => seen.map((one) => g.sliceAxis(one, 0, from, to));
        const classes = discriminative(scope, labelled!, part(0, n));
        const scores = scoresOf(scope, part(n, n + 2 * m));
        const ofReal = mean(scores.map((s) => weightedMean(realLoss(g.sliceAxis(s, 0, 0, m)), real!.weights)));
        const ofGenerated = mean(scores.map((s) => g.mean(generatedLoss(g.sliceAxis(s, 0, m, 2 * m)))));
        const apart = g.add(ofReal, ofGenerated);
        return {
          loss: g.add(classes.loss, g.mul(apart, o.adversarialWeight)),
          log: { ...classes.log, real: ofReal, generated: ofGenerated },
        };
      },
    };
    const generative: Phase = {
      name: "generator",
      updates: ["generator/"],
      window: [0, ADVERSARIAL_UNTIL],
      optimizer: adam({ beta1: 0 }),
      learningRate: o.generatorRate,
      schedule: SCHEDULES.constant,
      emaDecay: 0.99,
      loss(scope, _, { real }) {
        const labels = drawnLabels(scope, real!.x.shape[0]!);
        // The averaged trunk judges: its running statistics are those of all pictures, and are left alone.
        const seen = summaries(scope.averaged, generate(scope, labels));
        const taken = mean(scoresOf(scope.averaged, seen).map((s) => g.mean(generatorLoss(s))));
        const asked = g.mean(crossEntropy(logitsOf(scope.averaged, encode(scope.averaged, seen)), labels));
        return { loss: g.add(taken, asked), log: { taken, asked } };
      },
    };

    const sampling: Heads = adversarial
      ? { sample: head(["label"], "picture", (scope, { label }) => generate(scope, label)) }
      : {};
    return {
      // Pictures as they are where they teach what is real: changed ones would be taken for real too.
      streams: {
        labelled: { from: "labelled" },
        ...(adversarial ? { real: { share: REAL_SHARE, views: { x: "plain" } } } : {}),
      },
      stages: [{ phases: adversarial ? [both, generative, classifier] : [classifier] }],
      latentSize: o.code,
      best: ["accuracy", "nll"],
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) =>
          overViews(backbone ? "one" : o.views, data.mirror, picture, (x) => logitsOf(scope, codeOf(scope, x))),
        ),
        features: head(["picture"], "features", (scope, { picture }) => codeOf(scope, picture)),
        encode: head(["picture"], "latent", (scope, { picture }) => codeOf(scope, picture)),
        ...sampling,
      },
    };
  },
});
