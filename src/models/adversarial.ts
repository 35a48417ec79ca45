// What models with a generator and a discriminator share: options, the two networks, and the phases in which they play against
// each other. What a score is made of, and what is said of classes, each model says itself.
import { z } from "zod";
import { fail } from "../base/errors.ts";
import type { ExampleCounts } from "../data/dataset.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { ADVERSARIAL_LOSSES, type AdversarialLossName } from "../nn/adversarial.ts";
import { ADVERSARIAL_NETS, type AdversarialNetName, adversarialDepth, type NormRule } from "../nn/adversarial-nets.ts";
import { DIFF_AUGMENT_POLICIES, type DiffAugmentPolicy, diffAugment } from "../nn/diff-augment.ts";
import { normalInit } from "../nn/init.ts";
import { batchNorm, groupNorm, spectralNorm } from "../nn/layers.ts";
import { weightedMean } from "../nn/losses.ts";
import { adam } from "../nn/optim.ts";
import { gradientPenalty, r1Penalty } from "../nn/penalties.ts";
import { schedule } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import type { Batch, DataSpec, Phase } from "./model.ts";
import { SCHEDULE_NAMES } from "./options.ts";

const NET_NAMES = Object.keys(ADVERSARIAL_NETS) as [AdversarialNetName, ...AdversarialNetName[]];
const LOSS_NAMES = Object.keys(ADVERSARIAL_LOSSES) as [AdversarialLossName, ...AdversarialLossName[]];
const POLICY_NAMES = Object.keys(DIFF_AUGMENT_POLICIES) as [DiffAugmentPolicy, ...DiffAugmentPolicy[]];

/** The options by name, for `z.object`. */
export const adversarialOptions = {
  net: z.enum(NET_NAMES).default("refined").describe("networks; refined: dcgan with some layers more"),
  latent: z.number().int().min(1).max(1024).default(64).describe("size of the noise vector"),
  width: z
    .number()
    .int()
    .min(4)
    .max(512)
    .default(48)
    .describe("channels of the largest maps; doubles each level, up to 8 times as many"),
  depth: z.number().int().min(0).max(6).default(0).describe("levels, each halving the picture; 0: from its size"),
  deviation: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("standard deviation of the first weights; 0: by the size of each layer"),
  loss: z.enum(LOSS_NAMES).default("nonSaturating").describe("what scores cost the discriminator and the generator"),
  discriminatorNorm: z
    .enum(["spectral", "batch", "none"])
    .default("none")
    .describe("normalisation in the discriminator: of weights (spectral), or of maps over the batch"),
  diffAugment: z
    .enum(["auto", ...POLICY_NAMES])
    .default("auto")
    .describe(
      "random changes of all that the discriminator sees, real or generated; auto: translation+cutout of fewer than 10,000 pictures",
    ),
  penalty: z
    .enum(["none", "r1", "wgan-gp"])
    .default("r1")
    .describe("penalty on the discriminator's slope: at real pictures, or between them and generated ones"),
  penaltyWeight: z.number().min(0).max(1000).default(0.5).describe("weight of the penalty"),
  penaltyShare: z
    .number()
    .min(0.01)
    .max(1)
    .default(0.25)
    .describe("share of each batch whose slope is penalised; of all would double a step's work"),
  discriminatorSteps: z.number().int().min(1).max(10).default(1).describe("discriminator steps a generator step"),
  rate: z.number().min(1e-6).max(1).default(1e-3).describe("learning rate of the generator (Adam)"),
  discriminatorRate: z.number().min(1e-6).max(1).default(1e-3).describe("learning rate of the discriminator (Adam)"),
  beta1: z.number().min(0).max(0.999).default(0).describe("decay of Adam's mean gradient"),
  beta2: z.number().min(0).max(0.9999).default(0.99).describe("decay of Adam's mean squared gradient"),
  schedule: z.enum(SCHEDULE_NAMES).default("lateLinear").describe("course of both learning rates"),
  emaDecay: z.number().min(0).max(0.9999).default(0.999).describe("decay of the generator's averaged weights"),
};

/** So many pictures a discriminator does not learn by heart in the time that such networks are trained for. */
const MANY = 10_000;

/**
 * The changes of what a discriminator sees that suit so many training pictures. Of few it would learn each by heart; of many it has
 * no time to, and changes only hide from it what a picture is like (results/acgan-options.csv).
 */
const policyFor = (examples: ExampleCounts | undefined): DiffAugmentPolicy =>
  examples && examples.labelled + examples.unlabelled >= MANY ? "none" : "translation+cutout";

/** The values of `adversarialOptions`. */
export type AdversarialOptions = z.infer<z.ZodObject<typeof adversarialOptions>>;

/** What of a batch the game is about. */
export type Real = Pick<Batch, "x" | "labels" | "weights" | "labelled">;

/** What a model says of the game. */
export interface Game {
  /** As many generated pictures as there are real ones. */
  generate(scope: Scope, real: Real): Tensor;
  /** `[n]`: high for real. `features` are the discriminator's; `labels` int32 `[n]`, -1 where no class is to be looked at. */
  score(scope: Scope, features: Tensor, labels: Tensor): Tensor;
  /** Terms on classes, scalars, of the discriminator's features of real and of generated pictures. */
  readonly classes?: {
    discriminator(scope: Scope, real: Tensor, generated: Tensor, batch: Real): Tensor;
    generator(scope: Scope, generated: Tensor, batch: Real): Tensor;
  };
}

/** The networks with their options filled in, and the game. */
export function adversarial(o: AdversarialOptions, { height, width, channels, examples }: DataSpec) {
  const penalised = o.penalty !== "none" && o.penaltyWeight > 0;
  if (penalised && o.discriminatorNorm === "batch")
    fail(
      "E_OPTION",
      `penalty=${o.penalty} is of the slope of a score by its own picture, and with discriminatorNorm=batch a score depends on the whole batch; set discriminatorNorm=spectral or none, or penalty=none`,
    );
  if (o.loss === "wasserstein" && !penalised && o.discriminatorNorm !== "spectral")
    fail(
      "E_OPTION",
      `loss=wasserstein needs a discriminator whose slope is limited, and discriminatorNorm=${o.discriminatorNorm} without a penalty limits nothing; set discriminatorNorm=spectral or penalty=wgan-gp`,
    );
  const net = ADVERSARIAL_NETS[o.net];
  const losses = ADVERSARIAL_LOSSES[o.loss];
  const depth = o.depth || adversarialDepth(height, width);
  const common = { width: o.width, depth, ...(o.deviation ? { init: normalInit(o.deviation) } : {}) };

  /** Latent vectors `[n, latent]` to pictures `[n, h, w, c]` in 0..1. */
  const picture = (root: Scope, latent: Tensor, norm: NormRule, condition?: Tensor): Tensor =>
    net.generate(root.child("generator"), latent, [height, width, channels], { ...common, norm, condition });

  /** Features `[n, f]` that the discriminator has of pictures. */
  const features = (root: Scope, x: Tensor): Tensor =>
    net.features(root.child("discriminator"), x, {
      ...common,
      ...(o.discriminatorNorm === "spectral" ? { weights: spectralNorm } : {}),
      ...(o.discriminatorNorm === "batch" ? { norm: batchNorm } : {}),
    });

  const policy = o.diffAugment === "auto" ? policyFor(examples) : o.diffAugment;
  const seen = (scope: Scope, x: Tensor) => diffAugment(scope.child("augment"), x, policy);

  /** Features of real and of generated pictures: of both at once, unless batch norm is to see each by itself. */
  const bothFeatures = (scope: Scope, real: Tensor, generated: Tensor): [Tensor, Tensor] => {
    if (o.discriminatorNorm === "batch") return [features(scope, real), features(scope, generated)];
    const [first, second] = g.split(features(scope, g.concat([real, generated], 0)), 2, 0);
    return [first!, second!];
  };

  /**
   * The penalty over a share of the pictures: the same in expectation as over all of them every so many steps (Karras et al. 2020,
   * section 3.1, lazy regularisation), and no step is unlike the others.
   */
  const penalty = (scope: Scope, real: Tensor, generated: Tensor, { labels, weights }: Real, { score }: Game) => {
    const count = Math.max(1, Math.round(o.penaltyShare * real.shape[0]!));
    const some = (x: Tensor) => g.sliceAxis(x, 0, 0, count);
    const judge = (x: Tensor) => score(scope, features(scope, x), some(labels));
    // One node: a score has a slope by the very tensor that it is computed from.
    const chosen = some(real);
    const each =
      o.penalty === "r1" ? r1Penalty(judge(chosen), chosen) : gradientPenalty(scope, chosen, some(generated), judge);
    return weightedMean(each, some(weights));
  };

  const training = {
    optimizer: adam({ beta1: o.beta1, beta2: o.beta2 }),
    schedule: schedule(o.schedule),
  };

  /**
   * The discriminator's step and the generator's.
   * @param realOf the real pictures of a step. Default: the first stream
   */
  const phases = (
    game: Game,
    realOf: (...batches: Parameters<Phase["loss"]>) => Real = (_, batch) => batch,
  ): Phase[] => [
    {
      ...training,
      name: "discriminator",
      updates: ["discriminator/"],
      learningRate: o.discriminatorRate,
      emaDecay: "none",
      loss(scope, ...batches) {
        const batch = realOf(scope, ...batches);
        const [real, generated] = [seen(scope, batch.x), seen(scope, game.generate(scope, batch))];
        const [ofReal, ofGenerated] = bothFeatures(scope, real, generated);
        const realScores = game.score(scope, ofReal, batch.labels);
        const generatedScores = game.score(scope, ofGenerated, batch.labels);
        const log: Record<string, Tensor> = {
          realScore: weightedMean(realScores, batch.weights),
          generatedScore: g.mean(generatedScores),
        };
        let loss = g.add(
          weightedMean(losses.real(realScores), batch.weights),
          g.mean(losses.generated(generatedScores)),
        );
        log.loss = loss;
        if (game.classes) {
          log.class = game.classes.discriminator(scope, ofReal, ofGenerated, batch);
          loss = g.add(loss, log.class);
        }
        if (penalised) {
          log.penalty = penalty(scope, real, generated, batch, game);
          loss = g.add(loss, g.mul(log.penalty, o.penaltyWeight));
        }
        return { loss, log };
      },
    },
    {
      ...training,
      name: "generator",
      updates: ["generator/"],
      every: o.discriminatorSteps,
      learningRate: o.rate,
      emaDecay: o.emaDecay,
      loss(scope, ...batches) {
        const batch = realOf(scope, ...batches);
        const own = features(scope, seen(scope, game.generate(scope, batch)));
        const loss = g.mean(losses.generator(game.score(scope, own, batch.labels)));
        const log: Record<string, Tensor> = { loss };
        if (game.classes) log.class = game.classes.generator(scope, own, batch);
        return { loss: log.class ? g.add(loss, log.class) : loss, log };
      },
    },
  ];

  return { picture, features, phases, noise: (scope: Scope, n: number) => scope.noise("noise", [n, o.latent]) };
}

/**
 * Pictures a step where a run does not say: half of other models', since two networks that answer each other need many steps more
 * than they need exact gradients.
 */
export const adversarialBatch = (): number => 64;

/** Groups of a generator's group normalisation: 8, or as many as divide the channels. */
export const groupsOf = (channels: number): number => [8, 4, 2].find((groups) => channels % groups === 0) ?? 1;

/** The normalisation of a generator's maps that looks at each picture by itself. */
export const normByItself: NormRule = (scope, x) => groupNorm(scope, x, groupsOf(x.shape[3]!));
