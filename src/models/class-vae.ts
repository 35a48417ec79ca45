// A generative classifier: a variational autoencoder whose prior depends on the class, so that p(x, y) = p(y) ∫ p(z | y) p(x | z) dz.
// It classifies by Bayes' rule on the latent vector, draws pictures of a class by asking for it, and learns from pictures without
// a label, which come from the mixture over the classes.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { fixedNormal } from "../nn/fixed-noise.ts";
import { zerosInit } from "../nn/init.ts";
import { classLoss, weightedMean } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import {
  draw,
  eachClass,
  importanceBound,
  logMeanExp,
  ofClass,
  type Posterior,
  repeatRows,
} from "../nn/variational.ts";
import { backboneUpdates } from "./backbone.ts";
import { decodedView, decodesOption } from "./feature-density.ts";
import { type Heads, head } from "./heads.ts";
import { labelledHalf } from "./labelled-half.ts";
import { latentDensity, latentDensityOptions } from "./latent-density.ts";
import { type Batch, defineModel, type Phase } from "./model.ts";

const options = z.object({
  ...latentDensityOptions,
  decodes: decodesOption,
  flowSteps: latentDensityOptions.flowSteps.default(6),
  flowHidden: latentDensityOptions.flowHidden.default(128),
  components: latentDensityOptions.components.default(5).describe("Gaussians a class of the mixture prior"),
  classWeight: z
    .number()
    .min(0)
    .max(10000)
    .default(50)
    .describe("weight of -ln p(y | x) against the bound, which is in nats a picture; 0: by likelihood alone"),
  smoothing: z.number().min(0).max(0.5).default(0).describe("label smoothing"),
});

/** Classifies by likelihood, reconstructs, draws pictures of a class, and estimates the likelihood of a picture. */
export const classVae = defineModel({
  name: "class-vae",
  title: "generative classifier: VAE with a prior a class",
  cite: "Kingma et al. 2014, Semi-supervised Learning with Deep Generative Models; with class priors by flows after Izmailov et al. 2020 (FlowGMM)",
  options,
  buildsOnBackbone: true,
  build(o, data) {
    const k = data.classes.length;
    const density = latentDensity(o, data, o.decodes);
    // Made once, so that heads that are computed together share what follows from them.
    const [everyClass, answerNoise] = [eachClass(k), fixedNormal(o.draws, o.latent)];

    /** ln p(y) + ln p(z | y) of each class, `[n, classes]`, of latent vectors `[n, latent]`. */
    const logJoint = (scope: Scope, latent: Tensor) => {
      const prior = scope.child("prior");
      const share = g.logSoftmax(scope.child("classes").param("share", [k], zerosInit));
      const rows = g.reshape(latent, [latent.shape[0]!, 1, o.latent]);
      return g.add(density.prior.logProb(prior, rows, everyClass), share);
    };
    /**
     * Logits `[n, classes]` of p(y | x), the mean of p(y | z) over draws of q(z | x): exact where q is the posterior, and no decoder is
     * asked. Their log-sum-exp is the mean of ln p(z): the energy, by which novelty is told, is then that of the prior.
     * @param classes of `logJoint`, `[n · draws, classes]`
     */
    const meanAnswer = (classes: Tensor, draws: number) => {
      if (draws === 1) return classes;
      const rows = g.reshape(classes, [-1, draws, k]);
      return g.add(logMeanExp(g.logSoftmax(rows), 1), g.mean(g.logSumExp(rows, 2), 1, true));
    };
    const answer = (scope: Scope, posterior: Posterior, draws: number, given?: Tensor) =>
      meanAnswer(logJoint(scope, draw(scope, posterior, draws, given).latent), draws);
    const bound = (scope: Scope, x: Tensor, draws: number) => {
      const { latent, logLikelihood, logPosterior } = density.draws(scope, density.observe(scope, x), draws);
      const logPrior = g.logSumExp(logJoint(scope, latent), 1);
      return importanceBound(g.add(logLikelihood, g.sub(logPrior, logPosterior)), draws);
    };

    const joint: Phase = {
      ...density.training,
      name: "joint",
      updates: ["", ...backboneUpdates(data.backbone)],
      loss(scope, all, { labelled }) {
        const drawn = density.draws(scope, density.observe(scope, all.x), o.importance);
        const classes = logJoint(scope, drawn.latent);
        const logPrior = ofClass(classes, repeatRows(all.labels, o.importance), g.logSumExp(classes, 1));
        const mean = (values: Tensor) => weightedMean(values, repeatRows(all.weights, o.importance));
        const logWeights = g.neg(density.cost(scope, drawn, logPrior));
        const cost = g.neg(weightedMean(importanceBound(logWeights, o.importance), all.weights));
        const taught: Batch = labelled ?? all;
        // Where pictures are mixed, the bound sees them as they are.
        const other = taught.mixed ?? labelled;
        const logits = other
          ? answer(scope, density.posterior(scope, density.observe(scope, other.x)), o.importance)
          : meanAnswer(classes, o.importance);
        const cross = classLoss(logits, taught, o.smoothing);
        const loss = g.add(cost, g.mul(cross, o.classWeight));
        const reconstruction = g.neg(mean(drawn.logLikelihood));
        return { loss, log: { loss, reconstruction, kl: mean(g.sub(drawn.logPosterior, logPrior)), class: cross } };
      },
    };

    const ofPictures: Heads = {
      sample: head(["label"], "picture", (scope, { label, n }) =>
        density.picture(scope, density.prior.sample(scope.child("prior"), n, g.oneHot(label, k))),
      ),
      elbo: head(["picture"], "score", (scope, { picture }) => bound(scope, picture, 1)),
      logLikelihood: head(["picture"], "score", (scope, { picture }) => bound(scope, picture, o.draws)),
    };
    return {
      stages: [{ phases: [joint] }],
      streams: labelledHalf(data.examples, decodedView(o.decodes, data)),
      best: ["accuracy", "nll"],
      latentSize: o.latent,
      likelihood: density.ofFeatures ? undefined : density.spec,
      heads: {
        ...density.heads,
        classify: head(["picture"], "logits", (scope, { picture }) =>
          answer(scope, density.encode(scope, picture), o.draws, answerNoise),
        ),
        ...(density.ofFeatures ? {} : ofPictures),
      },
    };
  },
});
