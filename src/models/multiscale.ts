// S4: a classifier that looks at a picture at several scales of one trunk, and joins what it sees in a short code.
import { z } from "zod";
import { fail } from "../base/errors.ts";
import { grad } from "../graph/grad.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { topAccuracy } from "../metrics/agreement.ts";
import type { Metric } from "../metrics/metric.ts";
import { ADVERSARIAL_LOSSES, type AdversarialLossName } from "../nn/adversarial.ts";
import { fastLogits, fastNet } from "../nn/fast-net.ts";
import { dense, dropout, layerNorm, spectralNorm } from "../nn/layers.ts";
import { CLASS_LOSS_NAMES, classLoss, crossEntropy, weightedMean } from "../nn/losses.ts";
import { defaultDepth } from "../nn/nets.ts";
import { adam, globalNorm } from "../nn/optim.ts";
import { SCHEDULES } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { halves, judgeFeatures, skipGenerator } from "../nn/skip-generator.ts";
import { backboneFeatures, backboneUpdates, pretrainedHeads } from "./backbone.ts";
import { FAST_OPTIMIZERS, fastBatch, fastTraining, fastWidths, WIDTHS_PATTERN } from "./fast-training.ts";
import { type Heads, head } from "./heads.ts";
import { mostlyUnlabelled } from "./labelled-half.ts";
import { type Batch, defineModel, type ParameterGroup, type Phase, type PhaseLoss } from "./model.ts";
import { overViews, testViews, testViewsOption } from "./test-views.ts";

/** Those that have a lower bound where nothing limits the slope of a score: the trunk is free for the classes. */
const BOUNDED_LOSSES = ["hinge", "nonSaturating", "leastSquares"] as const satisfies readonly AdversarialLossName[];

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
  classLoss: z
    .enum(CLASS_LOSS_NAMES)
    .default("crossEntropy")
    .describe("class loss, of each scale too; focal: pictures that are already told well teach little"),
  smoothing: z.number().min(0).max(0.5).default(0.1).describe("label smoothing"),
  adversarial: z
    .enum(["auto", "off", "on"])
    .default("auto")
    .describe("whether the trunk also tells real from generated pictures; auto: where most pictures have no label"),
  adversarialLoss: z
    .enum(BOUNDED_LOSSES)
    .default("hinge")
    .describe("loss of what tells them apart, and of the generator"),
  adversarialWeight: z.number().min(0).max(10).default(0.1).describe("weight of that against the class loss"),
  judged: z
    .enum(["picture", "sizes"])
    .default("picture")
    .describe(
      "what tells real from generated: the scales of the trunk alone, or beside them a discriminator of pictures at several sizes",
    ),
  latent: z.number().int().min(1).max(1024).default(64).describe("size of the generator's noise vector"),
  generatorWidth: z.number().int().min(4).max(256).default(32).describe("channels of the generator's largest maps"),
  generatorRate: z.number().min(1e-6).max(1).default(3e-4).describe("learning rate of the generator (Adam)"),
  optimizer: z
    .enum(FAST_OPTIMIZERS)
    .default("muon")
    .describe("muon: filters by Muon, the rest by Adam; sgd: Nesterov momentum; adam: AdamW"),
  rate: z.number().min(1e-3).max(100).default(1).describe("factor on the optimizer's learning rates"),
  views: testViewsOption,
});

/** Progress at which the scales' own class losses are gone. */
const AUXILIARY_UNTIL = 0.7;
/** Progress at which real and generated pictures are told apart no longer: the last third is for the classes alone. */
const ADVERSARIAL_UNTIL = 2 / 3;
/** Real pictures of a step, and as many generated ones, as a share of those whose class is learnt. */
const REAL_SHARE = 0.25;

/** S4: classifies, gives its code, and where it is adversarial generates and tells real pictures from generated ones. */
export const multiscale = defineModel({
  name: "multiscale",
  title: "classifier on several scales of one trunk; adversarial where labels are few",
  cite: "Jordan 2024, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU (the trunk); Lee et al. 2015, Deeply-Supervised Nets (a loss on each scale); Lin et al. 2017, Focal Loss for Dense Object Detection (classLoss=focal); Karnewar & Wang 2020, MSG-GAN (scores at several scales)",
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
    const against = ADVERSARIAL_LOSSES[o.adversarialLoss];

    // -------------------------------------------------------------------------------------------- networks
    /** The place of the k-th scale's layers. */
    const scaleScope = (root: Scope, k: number) => root.child("scales").child(`scale${k + 1}`);
    /** What each scale sees, the finest first: means and largest values of the trunk's maps, or a pretrained network's means. */
    const looks = (root: Scope, x: Tensor): Tensor[] => {
      if (!backbone)
        return fastNet(root.child("trunk"), x, widths)
          .slice(-o.scales)
          .map((map) => g.concat([g.mean(map, [1, 2]), g.max(map, [1, 2])], 1));
      const all = backboneFeatures(backbone, root, x);
      let from = 0;
      return backbone.scales!.map(({ width }) => g.sliceAxis(all, 1, from, (from += width))).slice(-o.scales);
    };
    /** What each scale is summed up in: `[n, summary]` each. */
    const sumUp = (root: Scope, seen: readonly Tensor[]): Tensor[] =>
      seen.map((one, k) => {
        const scope = scaleScope(root, k);
        return dense(scope.child("summary"), layerNorm(scope.child("norm"), one), o.summary);
      });
    const summaries = (root: Scope, x: Tensor) => sumUp(root, looks(root, x));
    /** The classes by the k-th scale alone, for its own class loss. */
    const scaleLogits = (root: Scope, k: number, summary: Tensor): Tensor =>
      fastLogits(scaleScope(root, k).child("logits"), summary, classes);
    const encode = (root: Scope, summed: readonly Tensor[]): Tensor => {
      const scope = root.child("classifier");
      return dense(scope.child("code"), dropout(scope.child("drop"), g.concat(summed, 1), o.dropout), o.code);
    };
    const logitsOf = (root: Scope, code: Tensor): Tensor =>
      fastLogits(root.child("classifier").child("out"), code, classes);
    const codeOf = (scope: Scope, x: Tensor) => encode(scope, summaries(scope, x));
    /**
     * How real each scale says that pictures are: `[n]` each. By `judged=sizes` each scale also asks a discriminator that looks at the
     * picture and at ones of half its size, a quarter and so on, the finest scale at what is made of the largest (Karnewar & Wang 2020,
     * section 2). There the discriminator is all there is; here its maps and those of the trunk meet in the scores alone, since the
     * classes need the trunk's as they are.
     * @param sizes the pictures at each size, the largest first
     * @param kinds how many kinds, real or generated, lie one after the other in the batch; absent: each picture is judged by itself
     */
    const scoresOf = (root: Scope, summed: readonly Tensor[], sizes: readonly Tensor[], kinds?: number): Tensor[] => {
      const scope = root.child("scores");
      const judged = o.judged === "sizes" ? judgeFeatures(scope, sizes, kinds) : [];
      return summed.map((one, k) => {
        const seen = [g.leakyRelu(one, 0.2), ...(judged.length > 0 ? [judged[Math.min(k, judged.length - 1)]!] : [])];
        const odds = dense(scope.child(`scale${k + 1}`), g.concat(seen, 1), 1, { weights: spectralNorm });
        return g.reshape(odds, [one.shape[0]!]);
      });
    };
    /** Pictures of classes at each size, the largest first. */
    const generate = (root: Scope, labels: Tensor): Tensor[] => {
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
    /**
     * The norm of the gradient of a term of the loss at all that the scales see of the trunk: how much each term has a say there.
     * (At the trunk's weights it would cost a whole derivative a term.)
     */
    const gradientAt = (seen: readonly Tensor[], term: Tensor) => globalNorm(grad(term, seen));
    /**
     * The class loss, and that of each scale alone, of summaries of a batch.
     * @param seen what the scales see, of which the summaries are made
     */
    const discriminative = (
      scope: Scope,
      batch: Batch,
      seen: readonly Tensor[],
      summed: readonly Tensor[],
    ): PhaseLoss => {
      const lossOf = (logits: Tensor) => classLoss(logits, batch, o.smoothing, o.classLoss);
      const own = lossOf(logitsOf(scope, encode(scope, summed)));
      const log = { loss: own, classGradient: gradientAt(seen, own) };
      if (o.auxiliary === 0) return { loss: own, log };
      const each = summed.map((one, k) => lossOf(scaleLogits(scope, k, one)));
      const weight = scope.annealed("auxiliary", (at) => o.auxiliary * Math.max(0, 1 - at / AUXILIARY_UNTIL));
      const auxiliary = g.mul(mean(each), g.mul(weight, each.length));
      const scales = Object.fromEntries(each.map((value, k) => [`scale${k + 1}`, value]));
      return { loss: g.add(own, auxiliary), log: { ...log, ...scales, scalesGradient: gradientAt(seen, auxiliary) } };
    };

    // -------------------------------------------------------------------------------------------- phases
    const batch = fastBatch(data);
    const rule = (...more: ParameterGroup[]) => {
      const own = ["scales/", "classifier/", ...more];
      // Muon is for filters, which a pretrained network has of its own.
      const { updates, ...how } = backbone
        ? fastTraining("adam", [], own, o.rate, batch)
        : fastTraining(o.optimizer, ["trunk/"], own, o.rate, batch);
      return { ...how, updates: [...updates, ...backboneUpdates(backbone)] };
    };
    const classifier: Phase = {
      ...rule(),
      name: "classifier",
      ...(adversarial ? { continues: "both", window: [ADVERSARIAL_UNTIL, 1] as const } : {}),
      loss(scope, _, { labelled }) {
        const seen = looks(scope, (labelled!.mixed ?? labelled!).x);
        return discriminative(scope, labelled!, seen, sumUp(scope, seen));
      },
    };
    const both: Phase = {
      ...rule({ prefix: "scores/" }),
      name: "both",
      window: [0, ADVERSARIAL_UNTIL],
      loss(scope, _, { labelled, real }) {
        const [n, m] = [labelled!.labels.shape[0]!, real!.x.shape[0]!];
        const generated = generate(scope, drawnLabels(scope, m));
        // All go through the trunk as one batch, so that batch norm sees one distribution.
        const sizes = halves(real!.x, generated.length).map((x, k) => g.concat([x, generated[k]!], 0));
        const seen = looks(scope, g.concat([(labelled!.mixed ?? labelled!).x, sizes[0]!], 0));
        const summed = sumUp(scope, seen);
        const part = (from: number, to: number) => summed.map((one) => g.sliceAxis(one, 0, from, to));
        const classes = discriminative(scope, labelled!, seen, part(0, n));
        const scores = scoresOf(scope, part(n, n + 2 * m), sizes, 2);
        const ofReal = mean(scores.map((s) => weightedMean(against.real(g.sliceAxis(s, 0, 0, m)), real!.weights)));
        const ofGenerated = mean(scores.map((s) => g.mean(against.generated(g.sliceAxis(s, 0, m, 2 * m)))));
        const apart = g.mul(g.add(ofReal, ofGenerated), o.adversarialWeight);
        return {
          loss: g.add(classes.loss, apart),
          log: {
            ...classes.log,
            ...{ real: ofReal, generated: ofGenerated, adversarialGradient: gradientAt(seen, apart) },
          },
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
        const sizes = generate(scope, labels);
        const summed = summaries(scope.averaged, sizes[0]!);
        const taken = mean(scoresOf(scope.averaged, summed, sizes, 1).map((s) => g.mean(against.generator(s))));
        const asked = g.mean(crossEntropy(logitsOf(scope.averaged, encode(scope.averaged, summed)), labels));
        return { loss: g.add(taken, asked), log: { taken, asked } };
      },
    };

    // The scales that there are: nets of few groups have fewer than were asked for.
    const taps =
      o.auxiliary > 0
        ? Array.from({ length: Math.min(o.scales, (backbone ? backbone.scales! : widths).length) }, (_, k) => k)
        : [];
    const tapName = (k: number) => `scale${k + 1}`;
    const adversarialHeads: Heads = {
      sample: head(["label"], "picture", (scope, { label }) => generate(scope, label)[0]!),
      discriminate: head(["picture"], "score", (scope, { picture }) =>
        mean(scoresOf(scope, summaries(scope, picture), halves(picture, generator.depth))),
      ),
    };
    return {
      // Pictures as they are where they teach what is real: changed ones would be taken for real too.
      streams: {
        labelled: { from: "labelled" },
        ...(adversarial ? { real: { share: REAL_SHARE, views: { x: "plain" } } } : {}),
      },
      stages: [{ phases: adversarial ? [both, generative, classifier] : [classifier] }],
      latentSize: o.code,
      best: ["accuracy", "nll"],
      metrics: taps.map(
        (k): Metric => ({
          ...{
            name: `${tapName(k)}Accuracy`,
            title: `accuracy by scale ${k + 1} alone`,
            better: "higher",
            unit: "share",
          },
          ...{ needs: [tapName(k)], labels: true },
          compute: (p) => (p.hasLabels ? topAccuracy(p.output(tapName(k)), p.labels, p.classes, 1) : undefined),
        }),
      ),
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) =>
          overViews(testViews(o.views, data), data.mirror, picture, (x) => logitsOf(scope, codeOf(scope, x))),
        ),
        features: head(["picture"], "features", (scope, { picture }) => codeOf(scope, picture)),
        encode: head(["picture"], "latent", (scope, { picture }) => codeOf(scope, picture)),
        ...Object.fromEntries(
          taps.map((k) => [
            tapName(k),
            head(["picture"], "logits", (scope, { picture }) => scaleLogits(scope, k, summaries(scope, picture)[k]!)),
          ]),
        ),
        ...(adversarial ? adversarialHeads : {}),
        ...pretrainedHeads(backbone),
      },
    };
  },
});
