// A generator of pictures from noise, trained against a discriminator that tells them from real ones.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { batchNorm, dense, spectralNorm } from "../nn/layers.ts";
import type { Scope } from "../nn/scope.ts";
import { adversarial, adversarialBatch, adversarialOptions, normByItself } from "./adversarial.ts";
import { head } from "./heads.ts";
import { defineModel } from "./model.ts";

const options = z.object({
  ...adversarialOptions,
  generatorNorm: z
    .enum(["group", "batch"])
    .default("group")
    .describe("normalisation of the generator's maps: each picture by itself, or over the batch"),
});

/**
 * A generator and a discriminator; it does not classify. The first paper's settings are net=dcgan, loss=nonSaturating,
 * generatorNorm=batch, discriminatorNorm=batch, penalty=none, diffAugment=none, deviation=0.02, rate=2e-4, discriminatorRate=2e-4,
 * beta1=0.5, beta2=0.999, schedule=constant.
 */
export const gan = defineModel({
  name: "gan",
  title: "generative adversarial network: generates, does not classify",
  cite: "Goodfellow et al. 2014, Generative Adversarial Networks; networks of Radford et al. 2016 (DCGAN) or Miyato et al. 2018 (SN-GAN), penalty of Mescheder et al. 2018 (R1)",
  options,
  batch: adversarialBatch,
  build(o, data) {
    const { picture, features, phases, noise } = adversarial(o, data);
    // An average of weights wants statistics of the same steps: both averages have the same decay, and begin alike.
    const overBatch = (scope: Scope, x: Tensor) => batchNorm(scope, x, { momentum: 1 - o.emaDecay, warm: true });
    const generate = (scope: Scope, n: number) =>
      picture(scope, noise(scope, n), o.generatorNorm === "batch" ? overBatch : normByItself);
    const weights = o.discriminatorNorm === "spectral" ? spectralNorm : undefined;
    const score = (scope: Scope, seen: Tensor) =>
      g.reshape(dense(scope.child("discriminator").child("out"), seen, 1, { weights }), [seen.shape[0]!]);

    return {
      // Pictures as they are: the generator would learn to make changed ones.
      streams: { real: { views: { x: "plain" } } },
      stages: [{ phases: phases({ generate: (scope, { x }) => generate(scope, x.shape[0]!), score }) }],
      best: ["kernelDistance"],
      bestKeeps: { coverage: 0.95 },
      heads: {
        sample: head([], "picture", (scope, { n }) => generate(scope, n)),
        discriminate: head(["picture"], "score", (scope, { picture }) => score(scope, features(scope, picture))),
      },
    };
  },
});
