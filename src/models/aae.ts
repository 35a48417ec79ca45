// The adversarial autoencoder: a picture is coded as its class and its style, and discriminators see to it that classes look like
// drawn ones and styles like draws from a Gaussian, in place of the KL terms of a VAE.
import { z } from "zod";
import { sizeOf } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import { full, type Tensor } from "../graph/tensor.ts";
import { ADVERSARIAL_LOSSES } from "../nn/adversarial.ts";
import { categorical } from "../nn/distributions.ts";
import { glorotUniform } from "../nn/init.ts";
import { conditionalDense, dense } from "../nn/layers.ts";
import { classLoss, squaredError, weightedMean } from "../nn/losses.ts";
import { convDecoder, convEncoder, defaultDepth, type NetShape } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { schedule } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { head } from "./heads.ts";
import { labelledHalf } from "./labelled-half.ts";
import { defineModel, type Phase } from "./model.ts";
import { SCHEDULE_NAMES } from "./options.ts";

const options = z.object({
  latent: z.number().int().min(1).max(1024).default(10).describe("size of the style vector"),
  width: z.number().int().min(4).max(512).default(32).describe("channels of the first level; doubles each level"),
  hidden: z.number().int().min(8).max(4096).default(256).describe("units of the dense layers, of discriminators too"),
  classWeight: z
    .number()
    .min(0)
    .max(10000)
    .default(10)
    .describe("weight of the cross entropy against the squared error of a picture, as if that had 784 values"),
  rate: z.number().min(1e-6).max(1).default(1e-3).describe("learning rate of encoder and decoder (Adam)"),
  adversarialRate: z
    .number()
    .min(1e-6)
    .max(1)
    .default(2e-4)
    .describe("learning rate of the discriminators, and of the encoder against them (Adam)"),
  schedule: z.enum(SCHEDULE_NAMES).default("cosine").describe("course of the learning rates"),
});

/** Values of a picture of MNIST: the error of a larger one counts as if it had so many, so that `classWeight` means the same. */
const PIXELS = 784;

const against = ADVERSARIAL_LOSSES.nonSaturating;

/** Classifies, reconstructs, and draws in the style of a picture as any class. */
export const aae = defineModel({
  name: "aae",
  title: "adversarial autoencoder: class and style, each like a prior",
  cite: "Makhzani et al. 2016, Adversarial Autoencoders, section 5 (semi-supervised)",
  options,
  build(o, data) {
    const k = data.classes.length;
    const size = [data.height, data.width, data.channels] as const;
    const share = PIXELS / sizeOf(size);
    const depth = defaultDepth(data.height, data.width);
    const net: NetShape = { width: o.width, depth, activation: "relu", blocks: 0, norm: "none" };

    // ------------------------------------------------------------------------------------------ networks
    /** Logits of the class, `[n, classes]`, and the style, `[n, latent]`: a value each, not a distribution. */
    const encode = (root: Scope, x: Tensor) => {
      const scope = root.child("encoder");
      const hidden = g.relu(dense(scope.child("dense"), g.flatten(convEncoder(scope, x, net)), o.hidden));
      const out = (name: string, units: number) => dense(scope.child(name), hidden, units, { init: glorotUniform });
      return { hidden, logits: out("classes", k), style: out("style", o.latent) };
    };
    const decode = (root: Scope, style: Tensor, y: Tensor) => {
      const scope = root.child("decoder");
      const hidden = g.relu(conditionalDense(scope.child("hidden"), style, y, o.hidden));
      return g.sigmoid(convDecoder(scope, hidden, size, net));
    };
    /** Log-odds that `[n, d]` is drawn from the prior of this name, `[n]`; that of styles sees the classes `[n, k]` too. */
    const discriminate = (root: Scope, name: "class" | "style", code: Tensor, classes?: Tensor) => {
      const scope = root.child("discriminator").child(name);
      const first = g.leakyRelu(conditionalDense(scope.child("dense1"), code, classes, o.hidden));
      const second = g.leakyRelu(dense(scope.child("dense2"), first, o.hidden));
      return g.reshape(dense(scope.child("out"), second, 1, { init: glorotUniform }), [code.shape[0]!]);
    };
    /** The likeliest classes as rows `[n, k]` of 0 and 1. */
    const likeliest = (logits: Tensor) => g.oneHot(g.argmax(logits), k);
    /**
     * The log-odds of both codes of pictures, `[n]` each, and of styles that are drawn for the same classes. The paper shows styles alone
     * to their discriminator: what is like the prior over all classes may yet tell them, and then a class that is asked for does little.
     * Within each class it may not.
     */
    const discriminateCodes = (scope: Scope, x: Tensor) => {
      const { logits, style } = encode(scope, x);
      const classes = likeliest(logits);
      return {
        class: discriminate(scope, "class", g.softmax(logits)),
        style: discriminate(scope, "style", style, classes),
        classes,
      };
    };

    // ------------------------------------------------------------------------------------------ phases
    const common = { schedule: schedule(o.schedule) };
    const adversarial = { ...common, optimizer: adam({ beta1: 0.5 }), learningRate: o.adversarialRate };
    const phases: Phase[] = [
      {
        ...common,
        name: "autoencoder",
        updates: ["encoder/", "decoder/"],
        optimizer: adam(),
        learningRate: o.rate,
        // The paper takes a step on the cross entropy by itself; here one pass serves both.
        loss(scope, all, { labelled }) {
          const { logits, style } = encode(scope, all.x);
          const error = weightedMean(squaredError(decode(scope, style, g.softmax(logits)), all.x), all.weights);
          const taught = labelled ?? all;
          const other = taught.mixed ?? labelled;
          const cross = classLoss(other ? encode(scope, other.x).logits : logits, taught);
          return { loss: g.add(g.mul(error, share), g.mul(cross, o.classWeight)), log: { error, class: cross } };
        },
      },
      {
        ...adversarial,
        name: "discriminator",
        updates: ["discriminator/"],
        emaDecay: "none",
        loss(scope, { x, weights }) {
          const n = x.shape[0]!;
          const coded = discriminateCodes(scope, x);
          const drawn = {
            class: discriminate(
              scope,
              "class",
              categorical.sample(full([n, k], 0), scope.noise("class", [n, k], "uniform")),
            ),
            style: discriminate(scope, "style", scope.noise("style", [n, o.latent]), coded.classes),
          };
          const lossOf = (name: "class" | "style") =>
            g.add(g.mean(against.real(drawn[name])), weightedMean(against.generated(coded[name]), weights));
          const log = { class: lossOf("class"), style: lossOf("style") };
          return { loss: g.add(log.class, log.style), log };
        },
      },
      {
        ...adversarial,
        name: "prior",
        updates: ["encoder/"],
        loss(scope, { x, weights }) {
          const coded = discriminateCodes(scope, x);
          const lossOf = (odds: Tensor) => weightedMean(against.generator(odds), weights);
          const log = { class: lossOf(coded.class), style: lossOf(coded.style) };
          return { loss: g.add(log.class, log.style), log };
        },
      },
    ];

    return {
      stages: [{ phases }],
      adversarial: true,
      streams: labelledHalf(data.examples),
      best: ["accuracy", "nll"],
      latentSize: o.latent,
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => encode(scope, picture).logits),
        features: head(["picture"], "features", (scope, { picture }) => encode(scope, picture).hidden),
        encode: head(["picture"], "latent", (scope, { picture }) => encode(scope, picture).style),
        decode: head(["latent", "label"], "picture", (scope, { latent, label }) =>
          decode(scope, latent, g.oneHot(label, k)),
        ),
        reconstruct: head(["picture"], "picture", (scope, { picture }) => {
          const { logits, style } = encode(scope, picture);
          return decode(scope, style, g.softmax(logits));
        }),
        sample: head(["label"], "picture", (scope, { label, n }) =>
          decode(scope, scope.noise("prior", [n, o.latent]), g.oneHot(label, k)),
        ),
        // Of codes, not of pictures: how like a draw from the prior the style is.
        priorOdds: head(["picture"], "score", (scope, { picture }) => discriminateCodes(scope, picture).style),
      },
    };
  },
});
