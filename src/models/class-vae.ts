// A generative classifier: a variational autoencoder whose prior depends on the class, so that p(x, y) = p(y) ∫ p(z | y) p(x | z) dz.
// It classifies by Bayes' rule on the latent vector, draws pictures of a class by asking for it, and learns from pictures without
// a label, which come from the mixture over the classes.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { zerosInit } from "../nn/init.ts";
import { classLoss, weightedMean } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import { draw, eachClass, importanceBound, logMeanExp, ofClass } from "../nn/variational.ts";
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

    /** ln p(y) + ln p(z | y) of each class, `[n, classes]`, of latent vectors `[n, latent]`. */
    const logJoint = (scope: Scope, latent: Tensor) => {
      const prior = scope.child("prior");
      const share = g.logSoftmax(scope.child("classes").param("share", [k], zerosInit));
      const rows = g.reshape(latent, [latent.shape[0]!, 1, o.latent]);
      return g.add(density.prior.logProb(prior, rows, eachClass(k)), share);
    };
    const bound = (scope: Scope, x: Tensor, draws: number) => {
      const { latent, logLikelihood, logPosterior } = density.draws(scope, density.observe(scope, x), draws);
      const logPrior = g.logSumExp(logJoint(scope, latent), 1);
      return importanceBound(g.add(logLikelihood, g.sub(logPrior, logPosterior)), draws);
    };
    const oneDraw = (scope: Scope, x: Tensor) =>
      logJoint(scope, draw(scope, density.posterior(scope, density.observe(scope, x))).latent);

    const joint: Phase = {
      ...density.training,
      name: "joint",
      updates: ["", ...backboneUpdates(data.backbone)],
      loss(scope, all, { labelled }) {
        const drawn = density.draws(scope, density.observe(scope, all.x), 1);
        const classes = logJoint(scope, drawn.latent);
        const logPrior = ofClass(classes, all.labels, g.logSumExp(classes, 1));
        const mean = (values: Tensor) => weightedMean(values, all.weights);
        const cost = mean(density.cost(scope, drawn, logPrior));
        const taught: Batch = labelled ?? all;
        // Where pictures are mixed, the bound sees them as they are.
        const other = taught.mixed ?? labelled;
        const cross = classLoss(other ? oneDraw(scope, other.x) : classes, taught, o.smoothing);
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
        // p(y | x) is the mean of p(y | z) over q(z | x), which is exact where q is the posterior: no decoder is asked.
        classify: head(["picture"], "logits", (scope, { picture, n }) => {
          const { latent } = draw(scope, density.posterior(scope, density.observe(scope, picture)), o.draws);
          return logMeanExp(g.reshape(g.logSoftmax(logJoint(scope, latent)), [n, o.draws, k]), 1);
        }),
        ...(density.ofFeatures ? {} : ofPictures),
      },
    };
  },
});
