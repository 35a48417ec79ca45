// What models of a picture's density with a trained prior share: options, networks, and the terms of the bound
// ln p(x | z) + ln p(z) - ln q(z | x). What p(z) is under, and what is made of the terms, each model says itself.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { fixedUniform } from "../nn/fixed-noise.ts";
import { ACTIVATIONS, dense } from "../nn/layers.ts";
import { drawBinary, LIKELIHOODS, type LikelihoodName } from "../nn/likelihoods.ts";
import { defaultDepth } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { flowPrior, mixturePrior, type Prior, standardPrior } from "../nn/priors.ts";
import { residualDecoder, residualEncoder } from "../nn/residual-nets.ts";
import { schedule, withWarmup } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { deviationOf, draw, posteriorOf, repeatRows } from "../nn/variational.ts";
import { backboneFeatures, pretrainedHeads } from "./backbone.ts";
import {
  type Decodes,
  decodeFeatures,
  decodesFeatures,
  featureErrorHead,
  featureLogProb,
  scaledFeatures,
} from "./feature-density.ts";
import { type Heads, head } from "./heads.ts";
import type { DataSpec, LikelihoodSpec, Phase } from "./model.ts";
import { SCHEDULE_NAMES } from "./options.ts";

const LIKELIHOOD_NAMES = Object.keys(LIKELIHOODS) as [LikelihoodName, ...LikelihoodName[]];

/** The options by name, for `z.object`. */
export const latentDensityOptions = {
  latent: z.number().int().min(2).max(1024).default(40).describe("size of the latent vector"),
  width: z.number().int().min(4).max(512).default(32).describe("channels of the first level; doubles each level"),
  depth: z
    .number()
    .int()
    .min(0)
    .max(6)
    .default(0)
    .describe("levels of encoder and decoder, each halving the picture; 0: from its size"),
  hidden: z.number().int().min(8).max(4096).default(256).describe("units of the dense layers beside the latent vector"),
  prior: z.enum(["flow", "mixture", "standard"]).default("flow").describe("density of the latent vector"),
  flowSteps: z.number().int().min(1).max(64).default(10).describe("steps of the flow prior"),
  flowHidden: z.number().int().min(4).max(2048).default(256).describe("hidden units of the flow prior's couplings"),
  components: z.number().int().min(1).max(1000).default(10).describe("Gaussians of the mixture prior"),
  likelihood: z
    .enum(LIKELIHOOD_NAMES)
    .default("bernoulli")
    .describe("distribution of a picture given the latent vector; logistic: 256 levels, for colour"),
  binarise: z
    .enum(["none", "dynamic"])
    .default("none")
    .describe("pixels as they are, or 0 or 1, drawn anew at each visit with the grey level as probability"),
  beta: z.number().min(0).max(100).default(1).describe("weight of the KL term"),
  klWarmup: z.number().min(0).max(1).default(0.1).describe("share of training over which the KL weight rises to beta"),
  freeBits: z.number().min(0).max(1000).default(0).describe("KL of a draw, in nats, that costs nothing"),
  importance: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe("draws a picture in training; above 1: the importance-weighted bound (IWAE; Burda et al. 2016)"),
  draws: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .describe("latent vectors a picture over which a trained model averages"),
  rate: z.number().min(1e-6).max(1).default(1e-3).describe("learning rate (Adam)"),
  schedule: z.enum(SCHEDULE_NAMES).default("cosine").describe("course of the learning rate"),
  warmup: z.number().min(0).max(0.5).default(0.02).describe("share of training over which the learning rate rises"),
};

/** The values of `latentDensityOptions`. */
export type LatentDensityOptions = z.infer<z.ZodObject<typeof latentDensityOptions>>;

/** `k` draws of the latent vector for each of n pictures, with what the bound is made of: nats, `[n · k]` each. */
export interface LatentDraws {
  /** `[n · k, latent]` */
  readonly latent: Tensor;
  /** ln p(x | z) */
  readonly logLikelihood: Tensor;
  /** ln q(z | x) */
  readonly logPosterior: Tensor;
}

/** A picture as the parts of a model of density see it. */
export interface Observed {
  /** What has the density: pictures `[n, h, w, c]`, or features `[n, d]` of a pretrained network. */
  readonly x: Tensor;
  /** What the encoder takes. */
  readonly seen: Tensor;
}

/**
 * The parts of a model of density, for pictures of one kind.
 * @param decodes what has the density, for a model that can be built on a pretrained network
 */
export function latentDensity(o: LatentDensityOptions, data: DataSpec, decodes: Decodes = "pictures") {
  const { backbone } = data;
  const ofFeatures = decodesFeatures(decodes, data);
  const shape = { width: o.width, depth: o.depth || defaultDepth(data.height, data.width), hidden: o.hidden };
  const likelihood = LIKELIHOODS[o.likelihood];
  const maps = [data.height, data.width, likelihood.maps(data.channels)] as const;

  const prior: Prior = {
    flow: () => flowPrior(o.latent, { steps: o.flowSteps, hidden: o.flowHidden }),
    mixture: () => mixturePrior(o.latent, o.components),
    standard: () => standardPrior(o.latent),
  }[o.prior]();

  const thresholds = o.binarise === "dynamic" ? fixedUniform([data.height, data.width, data.channels]) : undefined;
  const observe = (scope: Scope, pictures: Tensor, drawn: "anew" | "alike" = "anew"): Observed => {
    const target = () =>
      thresholds ? drawBinary(scope, pictures, drawn === "alike" ? thresholds : undefined) : pictures;
    if (!backbone) {
      const x = target();
      return { x, seen: x };
    }
    // The network is of grey pictures. The bound holds of whatever the encoder sees.
    const seen = scaledFeatures(scope.child("encoder"), backboneFeatures(backbone, scope, pictures));
    return { x: ofFeatures ? seen : target(), seen };
  };
  const posterior = (scope: Scope, { seen }: Observed) => {
    const encoder = scope.child("encoder");
    const hidden = backbone
      ? ACTIVATIONS.silu(dense(encoder.child("dense"), seen, o.hidden))
      : residualEncoder(encoder, seen, shape);
    return posteriorOf(encoder, hidden, o.latent);
  };
  const encode = (scope: Scope, pictures: Tensor) => posterior(scope, observe(scope, pictures, "alike"));
  const decode = (decoder: Scope, latent: Tensor) => residualDecoder(decoder, latent, maps, shape);
  const logProb = (decoder: Scope, x: Tensor, latent: Tensor) =>
    ofFeatures
      ? featureLogProb(decoder, x, decodeFeatures(decoder, latent, o.hidden, x.shape[1]!))
      : likelihood.logProb(decoder, x, decode(decoder, latent));
  const picture = (scope: Scope, latent: Tensor) =>
    likelihood.mean(decode(scope.child("decoder"), latent), data.channels);

  const pictureHeads: Heads = {
    decode: head(["latent"], "picture", (scope, { latent }) => picture(scope, latent)),
    reconstruct: head(["picture"], "picture", (scope, inputs) => picture(scope, encode(scope, inputs.picture).mean)),
  };
  const featureHeads: Heads = {
    features: head(["picture"], "features", (scope, inputs) => observe(scope, inputs.picture).x),
    featureError: featureErrorHead((scope, pictures) => {
      const observed = observe(scope, pictures);
      const { mean } = posterior(scope, observed);
      const [features, decoder] = [observed.x, scope.child("decoder")];
      return { features, decoded: decodeFeatures(decoder, mean, o.hidden, features.shape[1]!) };
    }),
  };

  return {
    /** p(z); under the scope `prior`. */
    prior,
    posterior,
    /** The posterior of pictures `[n, h, w, c]` by which a trained model answers: what is drawn for it is always the same. */
    encode,
    /** The picture that a latent vector stands for, `[n, h, w, c]` in 0..1. */
    picture,
    /** Whether the density is of features, not of pictures: then no head gives a picture, and none a likelihood of one. */
    ofFeatures,
    /** Pictures `[n, h, w, c]` in 0..1 as the model sees them; pixels that are drawn 0 or 1 are drawn anew, or always alike. */
    observe,
    draws(scope: Scope, observed: Observed, k: number): LatentDraws {
      const { latent, logProb: logPosterior } = draw(scope, posterior(scope, observed), k);
      return {
        latent,
        logLikelihood: logProb(scope.child("decoder"), repeatRows(observed.x, k), latent),
        logPosterior,
      };
    },
    /** The loss of draws, `[n · k]`: minus ln p(x | z), and the KL term ln q(z | x) - ln p(z) as far as it costs, times its weight. */
    cost(scope: Scope, { logLikelihood, logPosterior }: LatentDraws, logPrior: Tensor): Tensor {
      const kl = g.sub(logPosterior, logPrior);
      const charged = o.freeBits > 0 ? g.maximum(kl, o.freeBits) : kl;
      const beta = scope.annealed(
        "beta",
        (progress) => o.beta * (o.klWarmup > 0 ? Math.min(1, progress / o.klWarmup) : 1),
      );
      return g.sub(g.mul(charged, beta), logLikelihood);
    },
    /** How each phase moves its parameters. */
    training: {
      optimizer: adam(),
      learningRate: o.rate,
      schedule: withWarmup(o.warmup, schedule(o.schedule)),
    } satisfies Partial<Phase>,
    /** What the head `logLikelihood` is of. */
    spec: {
      of: o.likelihood === "logistic" ? "levels" : o.likelihood === "gaussian" ? "density" : grey(o.binarise),
      draws: o.draws,
    } satisfies LikelihoodSpec,
    /** Heads that do not depend on what the prior is under. */
    heads: {
      encode: head(["picture"], "latent", (scope, { picture }) => encode(scope, picture).mean),
      encodeDeviation: head(["picture"], "latent", (scope, { picture }) => deviationOf(encode(scope, picture))),
      ...(ofFeatures ? featureHeads : pictureHeads),
      ...pretrainedHeads(backbone),
    },
  };
}

/** What a Bernoulli likelihood is of. */
const grey = (binarise: LatentDensityOptions["binarise"]): LikelihoodSpec["of"] =>
  binarise === "dynamic" ? "binary" : "grey";
