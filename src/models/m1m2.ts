// M1+M2 of Kingma et al. 2014: first a dense variational autoencoder of all pictures (M1), then the semi-supervised model M2 on latent
// vectors that M1 draws of each picture, anew in every pass.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { bernoulli, gaussian } from "../nn/distributions.ts";
import { glorotUniform, zerosInit } from "../nn/init.ts";
import { ACTIVATIONS, conditionalDense, dense } from "../nn/layers.ts";
import { classLoss, perExample, weightedMean } from "../nn/losses.ts";
import { adam } from "../nn/optim.ts";
import { schedule, withWarmup } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import {
  deviationOf,
  draw,
  eachClass,
  marginalBound,
  ofClass,
  type Posterior,
  posteriorOf,
} from "../nn/variational.ts";
import { firstGraph } from "./first-graph.ts";
import { head } from "./heads.ts";
import { bankLoss, bankTables, refreshBank } from "./label-bank.ts";
import { labelledHalf, mostlyUnlabelled } from "./labelled-half.ts";
import { defineModel, type Phase } from "./model.ts";
import { SCHEDULE_NAMES } from "./options.ts";

const options = z.object({
  latent: z.number().int().min(1).max(1024).default(50).describe("size of M1's latent vector"),
  units: z.number().int().min(8).max(4096).default(500).describe("units of each of M1's two hidden layers"),
  style: z.number().int().min(1).max(1024).default(50).describe("size of M2's latent vector"),
  hidden: z.number().int().min(8).max(4096).default(300).describe("units of M2's hidden layers"),
  klWarmup: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe("share of M1's training over which its KL weight rises to 1"),
  classWeight: z
    .number()
    .min(0)
    .max(10000)
    .default(0)
    .describe(
      "weight of the mean cross entropy against M2's mean bound, in nats a picture; 0.1 in the paper; 0: 1, or 100 where labels are spread",
    ),
  spread: z
    .boolean()
    .default(false)
    .describe("whether pictures without a label get one by a graph of how edges run, which the paper does not do"),
  firstShare: z.number().min(0.05).max(0.95).default(0.3).describe("share of the training that M1 takes"),
  rate: z.number().min(1e-6).max(1).default(1e-3).describe("learning rate (Adam)"),
  schedule: z.enum(SCHEDULE_NAMES).default("cosine").describe("course of the learning rate"),
  warmup: z.number().min(0).max(0.5).default(0.02).describe("share of each stage over which the learning rate rises"),
});

/** Variance over pictures above which a value of M1's latent vector says something of the picture (standard deviation 0.1). */
const ACTIVE = 0.01;
/**
 * Weight of the cross entropy where labels are spread. In trials on MNIST with 10 labels a class and one draw of them, four minutes of
 * one core each, validation said 94.8 % with a weight of 20 and 0.4 of the time for M1, 95.6 % with 100 and 0.3.
 */
const SPREAD_WEIGHT = 100;
/** Share of a batch in the running variance. */
const MOMENTUM = 0.02;

/** Classifies from few labels, reconstructs and draws pictures of a class. */
export const m1m2 = defineModel({
  name: "m1m2",
  title: "M1+M2: a VAE, then class and style of its latent vectors",
  cite: "Kingma et al. 2014, Semi-supervised Learning with Deep Generative Models, sections 2 and 4",
  options,
  build(o, data) {
    const k = data.classes.length;
    const act = ACTIVATIONS.softplus;
    const init = { init: glorotUniform };
    const pixels = data.height * data.width * data.channels;
    const layers = (scope: Scope, x: Tensor) =>
      act(dense(scope.child("second"), act(dense(scope.child("first"), x, o.units, init)), o.units, init));

    // ------------------------------------------------------------------------------------------ M1
    const encode = (scope: Scope, x: Tensor): Posterior => {
      const encoder = scope.child("m1").child("encoder");
      return posteriorOf(encoder, layers(encoder, g.flatten(x)), o.latent);
    };
    const decode = (scope: Scope, latent: Tensor) => {
      const decoder = scope.child("m1").child("decoder");
      return dense(decoder.child("pixels"), layers(decoder, latent), pixels, init);
    };
    const picture = (scope: Scope, latent: Tensor) =>
      g.reshape(bernoulli.mean(decode(scope, latent)), [latent.shape[0]!, data.height, data.width, data.channels]);
    /** Bound on ln p(x) under a standard normal prior, with the KL term at a weight: nats, `[n]`. */
    const pictureBound = (scope: Scope, x: Tensor, posterior: Posterior, klWeight: Tensor | number) => {
      const { latent } = draw(scope.child("m1"), posterior);
      const likelihood = perExample(bernoulli.logProb(g.flatten(x), decode(scope, latent)));
      const kl = perExample(gaussian.klToStandard(posterior.mean, posterior.logVariance));
      return g.sub(likelihood, g.mul(kl, klWeight));
    };
    /** 1 for values of the latent vector whose mean differs between pictures, 0 for the others, `[latent]`. */
    const active = (scope: Scope) => g.step(g.sub(activity(scope), ACTIVE));
    /** The running variance over pictures of the posterior mean, `[latent]`. */
    const activity = (scope: Scope) => scope.child("m1").buffer("activity", [o.latent], zerosInit);

    // ------------------------------------------------------------------------------------------ M2
    const penultimate = (scope: Scope, latent: Tensor) =>
      act(dense(scope.child("m2").child("classifier").child("hidden"), g.mul(latent, active(scope)), o.hidden, init));
    /** Logits of q(y | latent), `[n, classes]`. */
    const classify = (scope: Scope, latent: Tensor) =>
      dense(scope.child("m2").child("classifier").child("out"), penultimate(scope, latent), k, init);
    const style = (scope: Scope, latent: Tensor, y: Tensor): Posterior => {
      const encoder = scope.child("m2").child("encoder");
      const seen = g.mul(latent, active(scope));
      return posteriorOf(encoder, act(conditionalDense(encoder.child("hidden"), seen, y, o.hidden)), o.style);
    };
    /** p(latent | y, style). */
    const latentOf = (scope: Scope, style: Tensor, y: Tensor): Posterior => {
      const decoder = scope.child("m2").child("decoder");
      return posteriorOf(decoder, act(conditionalDense(decoder.child("hidden"), style, y, o.hidden)), o.latent);
    };
    /** The bound on ln p(latent, y) of every class (equation 6), nats, `[n, classes]`. */
    const bounds = (scope: Scope, latent: Tensor) => {
      const rows = g.reshape(latent, [latent.shape[0]!, 1, o.latent]);
      const { mean, logVariance } = style(scope, rows, eachClass(k));
      const drawn = gaussian.sample(mean, logVariance, scope.noise("style", mean.shape)); // [n, classes, style]
      const given = latentOf(scope, drawn, eachClass(k));
      const each = g.mul(gaussian.logProb(rows, given.mean, given.logVariance), active(scope));
      const kl = g.sum(gaussian.klToStandard(mean, logVariance), -1);
      return g.sub(g.sub(g.sum(each, -1), kl), Math.log(k));
    };

    // ------------------------------------------------------------------------------------------ stages
    const spreads = o.spread && mostlyUnlabelled(data.examples);
    const classWeight = o.classWeight || (spreads ? SPREAD_WEIGHT : 1);
    const first = firstGraph(data);
    const common = {
      optimizer: adam(),
      learningRate: o.rate,
      schedule: withWarmup(o.warmup, schedule(o.schedule)),
    };
    const m1: Phase = {
      ...common,
      name: "m1",
      updates: ["m1/"],
      loss(scope, { x, weights }) {
        const posterior = encode(scope, x);
        const spread = g.variance(posterior.mean, 0);
        scope.child("m1").assign("activity", g.add(g.mul(activity(scope), 1 - MOMENTUM), g.mul(spread, MOMENTUM)));
        const klWeight = scope.annealed("klWeight", (progress) =>
          o.klWarmup > 0 ? Math.min(1, progress / o.klWarmup) : 1,
        );
        const loss = g.neg(weightedMean(pictureBound(scope, x, posterior, klWeight), weights));
        return { loss, log: { loss } };
      },
    };
    const m2: Phase = {
      ...common,
      name: "m2",
      updates: ["m2/"],
      loss(scope, all, { labelled }) {
        const codes = (x: Tensor) => draw(scope.child("m1"), encode(scope, x)).latent;
        const latent = codes(all.x);
        const logits = classify(scope, latent);
        const each = bounds(scope, latent);
        const bound = weightedMean(ofClass(each, all.labels, marginalBound(each, logits)), all.weights);
        const taught = labelled ?? all;
        const shown = taught.mixed ?? labelled;
        const cross = classLoss(shown ? classify(scope, codes(shown.x)) : logits, taught);
        const guessed = spreads ? bankLoss(scope, logits, all) : undefined;
        const loss = g.sub(g.mul(guessed ? g.add(cross, guessed) : cross, classWeight), bound);
        return { loss, log: { loss, bound, class: cross, ...(guessed && { guessed }), active: g.sum(active(scope)) } };
      },
    };

    return {
      stages: [
        { name: "m1", share: o.firstShare, phases: [m1] },
        {
          ...{ name: "m2", share: 1 - o.firstShare, phases: [m2] },
          // M1 stays as it is, and a classifier on its codes knows less than the graph of edges does.
          refresh: spreads ? refreshBank(first, data.classes, { keepsFirst: true }) : undefined,
        },
      ],
      tables: spreads ? bankTables(k) : undefined,
      streams: labelledHalf(data.examples),
      best: ["accuracy", "nll"],
      latentSize: o.latent,
      heads: {
        ...(spreads ? first.heads : {}),
        classify: head(["picture"], "logits", (scope, inputs) => classify(scope, encode(scope, inputs.picture).mean)),
        features: head(["picture"], "features", (scope, inputs) =>
          penultimate(scope, encode(scope, inputs.picture).mean),
        ),
        encode: head(["picture"], "latent", (scope, inputs) => encode(scope, inputs.picture).mean),
        encodeDeviation: head(["picture"], "latent", (scope, inputs) => deviationOf(encode(scope, inputs.picture))),
        decode: head(["latent"], "picture", (scope, { latent }) => picture(scope, latent)),
        reconstruct: head(["picture"], "picture", (scope, inputs) =>
          picture(scope, encode(scope, inputs.picture).mean),
        ),
        sample: head(["label"], "picture", (scope, { label, n }) => {
          const { mean, logVariance } = latentOf(scope, scope.noise("style", [n, o.style]), g.oneHot(label, k));
          const noise = scope.noise("latent", [n, o.latent]);
          // Values that say nothing of a picture are as M1's prior has them.
          return picture(
            scope,
            g.add(noise, g.mul(g.sub(gaussian.sample(mean, logVariance, noise), noise), active(scope))),
          );
        }),
        elbo: head(["picture"], "score", (scope, inputs) =>
          pictureBound(scope, inputs.picture, encode(scope, inputs.picture), 1),
        ),
      },
    };
  },
});
