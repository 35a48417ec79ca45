// Training from few labels, for any model with a trunk of convolutions: first codes of all pictures, by a VAE that undoes random
// changes; then a classifier on a bank of guessed labels, which a graph of these codes begins (label-bank.ts).
import { type Augmentation, consistencyViews } from "../data/augment.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { bernoulli, gaussian } from "../nn/distributions.ts";
import { glorotUniform } from "../nn/init.ts";
import { dense } from "../nn/layers.ts";
import { classLoss, perExample, weightedMean } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import { head } from "./heads.ts";
import { bankLoss, bankTables, refreshBank } from "./label-bank.ts";
import type { BuiltModel, DataSpec, Phase, Stage, Streams } from "./model.ts";

/** What the recipe is told of a model. */
export interface FewLabelsOptions {
  readonly data: DataSpec;
  /** Feature maps of pictures `[n, h, w, c]`: the classifier's, which begins as the encoder of the codes. */
  readonly trunk: (scope: Scope, x: Tensor) => Tensor;
  /** Logits `[n, classes]` of feature maps. */
  readonly classify: (scope: Scope, maps: Tensor) => Tensor;
  /** Path prefixes of the parameters of `trunk` and of `classify`. */
  readonly paths: { readonly trunk: string; readonly classify: string };
  /** How both stages are trained. */
  readonly rule: Pick<Phase, "optimizer" | "learningRate" | "schedule">;
  /** Phases of the first stage beside that of the codes; they read the stream `all`, whose view is the plain picture. */
  readonly generative: readonly Phase[];
  /** The first stage's share of training, 0..1. */
  readonly share: number;
}

/** What it adds to a model, which has heads `classify` and `features` of its own. */
export interface FewLabels extends Required<Pick<BuiltModel, "stages" | "tables" | "heads">> {
  readonly streams: Streams;
}

/** Size of the codes, and of the layer between them and the pixels: small, so that codes keep what is common to many pictures. */
const [CODE, HIDDEN] = [20, 400];
/** Changes that the codes are made to ignore. Milder than those of the classifier: the decoder must guess how a picture was. */
const CHANGES: Augmentation = { rotate: 15, shear: 15, scale: 0.15, shift: 0.07, elastic: 0.06 };

/** Stages, streams, tables and heads of training from few labels. */
export function fewLabels({ data, trunk, classify, paths, rule, generative, share }: FewLabelsOptions): FewLabels {
  const { hard } = consistencyViews(data.channels, data.mirror);
  const pixels = data.height * data.width * data.channels;

  const posterior = (scope: Scope, x: Tensor) => {
    const hidden = g.relu(dense(scope.child("codes").child("dense"), g.flatten(trunk(scope, x)), HIDDEN));
    return {
      mean: dense(scope.child("codes").child("mean"), hidden, CODE, { init: glorotUniform }),
      logVariance: dense(scope.child("codes").child("logVariance"), hidden, CODE, { init: glorotUniform }),
    };
  };
  // Im et al. 2017, Denoising Criterion for Variational Auto-Encoding Framework, with changes of shape in place of noise.
  const codes: Phase = {
    ...rule,
    name: "codes",
    updates: [paths.trunk, "codes/"],
    loss(scope, { views, weights }) {
      const { mean, logVariance } = posterior(scope, views.changed!);
      const code = gaussian.sample(mean, logVariance, scope.noise("code", mean.shape));
      const decoder = scope.child("codes").child("decoder");
      const logits = dense(decoder.child("out"), g.relu(dense(decoder.child("dense"), code, HIDDEN)), pixels);
      const likelihood = perExample(bernoulli.logProb(g.flatten(views.x!), logits));
      const reconstruction = weightedMean(g.neg(likelihood), weights);
      const kl = weightedMean(perExample(gaussian.klToStandard(mean, logVariance)), weights);
      return { loss: g.add(reconstruction, kl), log: { reconstruction, kl } };
    },
  };
  const classifier: Phase = {
    ...rule,
    name: "classifier",
    updates: [paths.trunk, paths.classify],
    loss(scope, _, { bank, labelled }) {
      // Both batches go through the network as one, so that batch norm sees one distribution.
      const logits = classify(scope, trunk(scope, g.concat([labelled!.x, bank!.x], 0)));
      const [n, all] = [labelled!.x.shape[0]!, logits.shape[0]!];
      const own = classLoss(g.sliceAxis(logits, 0, 0, n), labelled!);
      const guessed = bankLoss(scope, g.sliceAxis(logits, 0, n, all), bank!);
      return { loss: g.add(own, guessed), log: { class: own, guessed } };
    },
  };
  const stages: Stage[] = [
    { name: "generative", share, phases: [...generative, codes] },
    {
      name: "classifier",
      share: 1 - share,
      refresh: refreshBank("code", data.classes.length),
      phases: [classifier],
    },
  ];
  return {
    stages,
    streams: {
      all: { views: { x: "plain", changed: CHANGES } },
      bank: { share: 1.25, views: { x: hard } },
      labelled: { from: "labelled", share: 0.25, views: { x: hard } },
    },
    tables: bankTables(data.classes.length),
    heads: { code: head(["picture"], "features", (scope, { picture }) => posterior(scope, picture).mean) },
  };
}
