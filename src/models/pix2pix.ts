// A translator of pictures that learns from pairs: a U-Net, with a discriminator of patches beside it where it shall be sharp.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { ADVERSARIAL_LOSSES } from "../nn/adversarial.ts";
import { normalInit } from "../nn/init.ts";
import { batchNorm, conv, convTranspose, dropout } from "../nn/layers.ts";
import { weightedMean } from "../nn/losses.ts";
import { channelsOf, defaultDepth, levelSizes } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { schedule, withWarmup } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { head } from "./heads.ts";
import { type Batch, defineModel, type Phase } from "./model.ts";

const options = z.object({
  loss: z
    .enum(["squared", "absolute", "adversarial"])
    .default("squared")
    .describe(
      "what is minimised: the squared error of a pixel (the highest PSNR), the absolute error, or that and what a discriminator tells (sharper)",
    ),
  width: z.number().int().min(4).max(256).default(32).describe("channels of the largest maps; doubles each level"),
  depth: z.number().int().min(0).max(7).default(0).describe("levels, each halving the picture; 0: from its size"),
  dropout: z
    .number()
    .min(0)
    .max(0.9)
    .default(0)
    .describe("dropout in the two deepest levels on the way up; 0.5 in the paper"),
  errorWeight: z
    .number()
    .min(0)
    .max(10000)
    .default(100)
    .describe("weight of the absolute error beside a discriminator"),
  discriminatorWidth: z
    .number()
    .int()
    .min(4)
    .max(256)
    .default(48)
    .describe("channels of the discriminator's first level"),
  rate: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("learning rate (Adam); 0: 2e-3, and 2e-4 of both networks where there is a discriminator"),
});

/** Levels of the U-Net keep at most so many times the channels of the first, as in the paper. */
const WIDEST = 8;
/** The part of training over which the learning rate rises where there is no discriminator. */
const WARMUP = 0.02;
/** Weights of both networks where they play against each other are from N(0, 0.02²) (section 6.2). */
const adversarialInit = normalInit(0.02);

/** Denoises, fills in, colours or whatever else its pairs show. */
export const pix2pix = defineModel({
  name: "pix2pix",
  title: "image to image from pairs: a U-Net, with a patch discriminator by option",
  cite: "Isola, Zhu, Zhou & Efros 2017, Image-to-Image Translation with Conditional Adversarial Networks",
  options,
  build(o, { height, width, channels }) {
    const depth = o.depth || Math.min(7, defaultDepth(height, width) + 1);
    const sizes = levelSizes(height, width, depth);
    const isAdversarial = o.loss === "adversarial";
    const init = isAdversarial ? adversarialInit : undefined;
    const maps = (level: number) => channelsOf(level, o.width, WIDEST);

    /**
     * `[n, h, w, c] -> [n, h, w, c]`, not kept in 0..1. The net tells what is to be added to the picture: what stays as it is need
     * not pass through it. (The paper's net has tanh at its end.)
     */
    const change = (root: Scope, x: Tensor): Tensor => {
      const scope = root.child("generator");
      const layer = (child: Scope, y: Tensor) => batchNorm(child.child("norm"), y);
      const skips: Tensor[] = [];
      let y = x;
      for (let level = 0; level < depth; level++) {
        const down = scope.child(`down${level + 1}`);
        // The first level has no normalisation (section 6.1.1): it would take the brightness away.
        y = conv(down, y, maps(level), 4, { stride: 2, init, bias: level === 0 });
        y = g.leakyRelu(level === 0 ? y : layer(down, y), 0.2);
        skips.push(y);
      }
      for (let level = depth - 1; level >= 0; level--) {
        const up = scope.child(`up${level + 1}`);
        const upwards = { stride: 2, init, bias: false };
        y = layer(up, convTranspose(up, y, maps(Math.max(0, level - 1)), 4, sizes[level]!, upwards));
        if (level >= depth - 2) y = dropout(up.child("drop"), y, o.dropout);
        y = g.concat([g.relu(y), level > 0 ? skips[level - 1]! : x]);
      }
      return g.add(x, conv(scope.child("out"), y, channels, 3, { init: init ?? normalInit(0.02) }));
    };
    const translate = (scope: Scope, x: Tensor): Tensor => g.clip(change(scope, x), 0, 1);

    /** Log-odds `[n, h', w', 1]` that patches of a pair are real; each sees about 16 pixels a side. */
    const discriminate = (root: Scope, x: Tensor, y: Tensor): Tensor => {
      const scope = root.child("discriminator");
      const [first, second] = [scope.child("conv1"), scope.child("conv2")];
      const low = g.leakyRelu(conv(first, g.concat([x, y]), o.discriminatorWidth, 4, { stride: 2, init }), 0.2);
      const high = conv(second, low, 2 * o.discriminatorWidth, 4, { stride: 2, init, bias: false });
      return conv(scope.child("out"), g.leakyRelu(batchNorm(second.child("norm"), high), 0.2), 1, 3, { init });
    };
    const loss = ADVERSARIAL_LOSSES.nonSaturating;
    /** Mean over the patches of each pair, then over pairs. */
    const meanOf = (losses: Tensor, { weights }: Batch) => weightedMean(g.mean(losses, [1, 2, 3]), weights);
    /** Mean over the values of each picture, then over pictures. */
    const errorOf = (y: Tensor, { x, weights }: Batch) => {
      const difference = g.sub(y, x);
      return weightedMean(g.mean(o.loss === "squared" ? g.square(difference) : g.abs(difference), [1, 2, 3]), weights);
    };

    const plain: Phase = {
      name: "generator",
      updates: ["generator/"],
      optimizer: adam(),
      learningRate: o.rate || 2e-3,
      schedule: withWarmup(WARMUP, schedule("cosine")),
      loss(scope, batch) {
        const error = errorOf(change(scope, batch.views.given!), batch);
        return { loss: error, log: { error } };
      },
    };
    const against = {
      optimizer: adam({ beta1: 0.5 }),
      learningRate: o.rate || 2e-4,
      // Constant in the paper. What is evaluated are averaged weights, which at a rate of 0 have the running statistics as theirs.
      schedule: schedule("lateLinear"),
    };
    const discriminator: Phase = {
      ...against,
      name: "discriminator",
      updates: ["discriminator/"],
      emaDecay: "none",
      loss(scope, batch) {
        const { given } = batch.views as { given: Tensor };
        const real = meanOf(loss.real(discriminate(scope, given, batch.x)), batch);
        const made = meanOf(loss.generated(discriminate(scope, given, translate(scope, given))), batch);
        // Half of the sum, as in section 3.3, so that it learns more slowly than the generator.
        return { loss: g.mul(g.add(real, made), 0.5), log: { real, made } };
      },
    };
    const generator: Phase = {
      ...against,
      name: "generator",
      updates: ["generator/"],
      loss(scope, batch) {
        const { given } = batch.views as { given: Tensor };
        const y = change(scope, given);
        const error = errorOf(y, batch);
        const own = meanOf(loss.generator(discriminate(scope, given, g.clip(y, 0, 1))), batch);
        return { loss: g.add(own, g.mul(error, o.errorWeight)), log: { adversarial: own, error } };
      },
    };

    return {
      // Both pictures as they are: a change of one alone would be learnt.
      streams: { pairs: { views: { x: "plain", given: "partner" } } },
      stages: [{ phases: isAdversarial ? [discriminator, generator] : [plain] }],
      adversarial: isAdversarial,
      // A discriminator makes pictures sharper, not nearer to the one that was asked for.
      ...(isAdversarial ? {} : { best: ["psnr"] }),
      heads: { translate: head(["picture"], "picture", (scope, { picture }) => translate(scope, picture)) },
    };
  },
});
