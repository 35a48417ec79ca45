// A generator of pictures from noise, trained against a discriminator that tells them from real ones.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import { normalInit } from "../nn/init.ts";
import { batchNorm, conv, convTranspose, dense } from "../nn/layers.ts";
import { sigmoidCrossEntropy, weightedMean } from "../nn/losses.ts";
import { defaultDepth, levelSizes } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { schedule } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { head } from "./heads.ts";
import { defineModel, type Phase } from "./model.ts";

const options = z.object({
  latent: z.number().int().min(1).max(1024).default(64).describe("size of the noise vector"),
  width: z.number().int().min(4).max(512).default(64).describe("channels of the largest maps; doubles each level"),
  depth: z.number().int().min(0).max(6).default(0).describe("levels, each halving the picture; 0: from its size"),
  rate: z.number().min(1e-6).max(1).default(2e-4).describe("learning rate of the generator (Adam)"),
  discriminatorRate: z.number().min(1e-6).max(1).default(2e-4).describe("learning rate of the discriminator (Adam)"),
  beta1: z.number().min(0).max(0.999).default(0.5).describe("decay of Adam's mean gradient"),
  emaDecay: z.number().min(0).max(0.9999).default(0.995).describe("decay of the generator's averaged weights"),
});

/** Section 4 of the paper: all weights from N(0, 0.02²). */
const init = normalInit(0.02);

/** A generator and a discriminator; it does not classify. */
export const dcgan = defineModel({
  name: "dcgan",
  title: "deep convolutional GAN: generates, does not classify",
  cite: "Radford, Metz & Chintala 2016, Unsupervised Representation Learning with Deep Convolutional GANs",
  options,
  build(o, { height, width, channels }) {
    const depth = o.depth || defaultDepth(height, width);
    const sizes = levelSizes(height, width, depth);
    const norm = (scope: Scope, x: Tensor) => batchNorm(scope.child("norm"), x);

    /** `[n, latent] -> [n, h, w, c]` in 0..1 */
    const generate = (root: Scope, noise: Tensor): Tensor => {
      const scope = root.child("generator");
      const [h, w] = sizes[depth]!;
      const top = o.width << (depth - 1);
      const seeds = dense(scope.child("dense"), noise, h * w * top, { init, bias: false });
      let y = g.relu(norm(scope.child("dense"), g.reshape(seeds, [noise.shape[0]!, h, w, top])));
      for (let level = depth - 1; level > 0; level--) {
        const layer = scope.child(`deconv${level + 1}`);
        const options = { stride: 2, init, bias: false };
        y = g.relu(norm(layer, convTranspose(layer, y, o.width << (level - 1), 4, sizes[level]!, options)));
      }
      // The paper's tanh gives -1..1; pictures are 0..1 here.
      return g.sigmoid(convTranspose(scope.child("deconv1"), y, channels, 4, sizes[0]!, { stride: 2, init }));
    };

    /** `[n, h, w, c] -> [n]`: log-odds that a picture is real. No batch norm on the first layer, as in the paper. */
    const discriminate = (root: Scope, x: Tensor): Tensor => {
      const scope = root.child("discriminator");
      let y = x;
      for (let level = 0; level < depth; level++) {
        const layer = scope.child(`conv${level + 1}`);
        y = conv(layer, y, o.width << level, 4, { stride: 2, init, bias: level === 0 });
        y = g.leakyRelu(level === 0 ? y : norm(layer, y), 0.2);
      }
      return g.reshape(dense(scope.child("out"), g.flatten(y), 1, { init }), [x.shape[0]!]);
    };

    const noise = (scope: Scope, n: number) => scope.noise("noise", [n, o.latent]);
    /** Cross entropy against "real" (1) or "generated" (0), `[n]`. */
    const loss = (logits: Tensor, real: 0 | 1) => sigmoidCrossEntropy(logits, scalar(real));

    const common = { optimizer: adam({ beta1: o.beta1 }), schedule: schedule("constant") };
    const discriminator: Phase = {
      ...common,
      name: "discriminator",
      updates: ["discriminator/"],
      learningRate: o.discriminatorRate,
      emaDecay: "none",
      loss(scope, { x, weights }) {
        const [n] = x.shape as readonly [number, ...number[]];
        // Real and generated pictures are two batches, so that batch norm sees each by itself.
        const real = weightedMean(loss(discriminate(scope, x), 1), weights);
        const generated = g.mean(loss(discriminate(scope, generate(scope, noise(scope, n))), 0));
        return { loss: g.add(real, generated), log: { real, generated } };
      },
    };
    const generator: Phase = {
      ...common,
      name: "generator",
      updates: ["generator/"],
      learningRate: o.rate,
      emaDecay: o.emaDecay,
      loss(scope, { x }) {
        // Not saturating: pictures taken for real are to be likely (Goodfellow et al. 2014, section 3).
        const own = g.mean(loss(discriminate(scope, generate(scope, noise(scope, x.shape[0]!))), 1));
        return { loss: own, log: { loss: own } };
      },
    };

    return {
      // Pictures as they are: the generator would learn to make changed ones.
      streams: { real: { views: { x: "plain" } } },
      stages: [{ phases: [discriminator, generator] }],
      best: ["kernelDistance"],
      heads: {
        sample: head([], "picture", (scope, { n }) => generate(scope, noise(scope, n))),
        discriminate: head(["picture"], "score", (scope, { picture }) => discriminate(scope, picture)),
      },
    };
  },
});
