// A variational autoencoder of density: one layer of latent variables under a trained prior, by default a flow, trained on the
// bound of one draw or on the importance-weighted bound of several (IWAE). It needs no labels and knows no classes.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { weightedMean } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import { importanceBound, repeatRows } from "../nn/variational.ts";
import { head } from "./heads.ts";
import { latentDensity, latentDensityOptions } from "./latent-density.ts";
import { defineModel, type Phase } from "./model.ts";

const options = z.object(latentDensityOptions);

/** Reconstructs, generates, and estimates the likelihood of a picture. */
export const densityVae = defineModel({
  name: "density-vae",
  title: "VAE with a flow prior: likelihood of pictures, without labels",
  cite: "Xu et al. 2019, On the Necessity and Effectiveness of Learning the Prior of Variational Auto-Encoder; Burda et al. 2016 (IWAE)",
  options,
  build(o, data) {
    const density = latentDensity(o, data);
    const logPrior = (scope: Scope, latent: Tensor) => density.prior.logProb(scope.child("prior"), latent);
    const bound = (scope: Scope, x: Tensor, k: number) => {
      const drawn = density.draws(scope, density.observe(scope, x), k);
      const logWeights = g.add(drawn.logLikelihood, g.sub(logPrior(scope, drawn.latent), drawn.logPosterior));
      return importanceBound(logWeights, k);
    };

    const phase: Phase = {
      ...density.training,
      name: "bound",
      updates: [""],
      loss(scope, { x, weights }) {
        const drawn = density.draws(scope, density.observe(scope, x), o.importance);
        const prior = logPrior(scope, drawn.latent);
        const cost = density.cost(scope, drawn, prior);
        const mean = (values: Tensor) => weightedMean(values, repeatRows(weights, o.importance));
        const loss = g.neg(weightedMean(importanceBound(g.neg(cost), o.importance), weights));
        const reconstruction = g.neg(mean(drawn.logLikelihood));
        return { loss, log: { loss, reconstruction, kl: mean(g.sub(drawn.logPosterior, prior)) } };
      },
    };

    return {
      stages: [{ phases: [phase] }],
      // A density of the pictures as they are: changed ones are other data.
      streams: { all: { views: { x: "plain" } } },
      best: ["elbo"],
      latentSize: o.latent,
      likelihood: density.spec,
      heads: {
        ...density.heads,
        sample: head([], "picture", (scope, { n }) =>
          density.picture(scope, density.prior.sample(scope.child("prior"), n)),
        ),
        elbo: head(["picture"], "score", (scope, { picture }) => bound(scope, picture, 1)),
        logLikelihood: head(["picture"], "score", (scope, { picture }) => bound(scope, picture, o.draws)),
      },
    };
  },
});
