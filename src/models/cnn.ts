// A convolutional classifier, trained on its labels alone: what the generative classifiers are compared with.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform, zerosInit } from "../nn/init.ts";
import { ACTIVATIONS, batchNorm, conv, dense, dropout } from "../nn/layers.ts";
import { classLoss } from "../nn/losses.ts";
import { defaultDepth } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { schedule, withWarmup } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { backboneUpdates, belowLayers } from "./backbone.ts";
import { fewLabels } from "./few-labels.ts";
import { head } from "./heads.ts";
import { mostlyUnlabelled } from "./labelled-half.ts";
import { type BuiltModel, defineModel } from "./model.ts";
import { ACTIVATION_NAMES, SCHEDULE_NAMES } from "./options.ts";

const options = z.object({
  width: z.number().int().min(4).max(512).default(32).describe("channels of the first level; doubles each level"),
  depth: z.number().int().min(0).max(6).default(0).describe("levels, each halving the picture; 0: from its size"),
  blocks: z.number().int().min(1).max(4).default(2).describe("3x3 convolutions a level"),
  hidden: z.number().int().min(8).max(4096).default(256).describe("units of the dense layer above the convolutions"),
  activation: z.enum(ACTIVATION_NAMES).default("relu").describe("nonlinearity"),
  dropout: z.number().min(0).max(0.9).default(0.4).describe("dropout before the last layer"),
  smoothing: z.number().min(0).max(0.5).default(0.05).describe("label smoothing"),
  decay: z.number().min(0).max(1).default(0.01).describe("weight decay (AdamW)"),
  rate: z.number().min(1e-6).max(1).default(2e-3).describe("learning rate (AdamW)"),
  schedule: z.enum(SCHEDULE_NAMES).default("cosine").describe("course of the learning rate"),
  warmup: z.number().min(0).max(0.5).default(0.05).describe("share of training over which the learning rate rises"),
});

/** The baseline: nothing generative. */
export const cnn = defineModel({
  name: "cnn",
  title: "convolutional classifier (baseline, nothing generative)",
  cite: "Simonyan & Zisserman 2015, Very Deep Convolutional Networks, with batch normalisation (Ioffe & Szegedy 2015)",
  options,
  buildsOnBackbone: true,
  build(o, data) {
    const act = ACTIVATIONS[o.activation];
    const { backbone } = data;
    const own = (scope: Scope, x: Tensor): Tensor => {
      let y = x; // [n, h, w, c]
      for (let level = 0; level < (o.depth || defaultDepth(data.height, data.width)); level++) {
        for (let block = 1; block <= o.blocks; block++) {
          const layer = scope.child(`level${level + 1}`).child(`conv${block}`);
          y = act(batchNorm(layer.child("norm"), conv(layer, y, o.width << level, 3, { bias: false })));
        }
        y = g.maxPool(y, Math.min(2, y.shape[1]!, y.shape[2]!));
      }
      return act(dense(scope.child("dense"), g.flatten(y), o.hidden)); // [n, hidden]
    };
    /** What the last layer takes of what `belowLayers` gives. */
    const above = (root: Scope, seen: Tensor): Tensor => {
      const scope = root.child("trunk");
      // Features of a pretrained network take a linear layer alone, which learns best from values of one scale.
      return backbone ? batchNorm(scope.child("norm"), seen) : own(scope, seen);
    };
    const logits = (root: Scope, seen: Tensor): Tensor => {
      const trunk = root.child("trunk");
      const y = dropout(trunk.child("drop"), above(root, seen), o.dropout);
      // On more features than there may be pictures, what a random start adds is never unlearned.
      const init = backbone ? zerosInit : glorotUniform;
      return dense(trunk.child("out"), y, data.classes.length, { init }); // [n, classes]
    };
    const below = (scope: Scope, x: Tensor) => belowLayers(backbone, scope, x);
    const rule = {
      optimizer: adam({ decay: o.decay }),
      learningRate: o.rate,
      schedule: withWarmup(o.warmup, schedule(o.schedule)),
    };
    const updates = ["trunk/", ...backboneUpdates(backbone)];
    const supervised: BuiltModel = {
      streams: { labelled: { from: "labelled" } },
      stages: [
        {
          phases: [
            {
              ...rule,
              name: "classifier",
              updates,
              loss(scope, batch) {
                const loss = classLoss(logits(scope, below(scope, (batch.mixed ?? batch).x)), batch, o.smoothing);
                return { loss, log: { loss } };
              },
            },
          ],
        },
      ],
      best: ["accuracy", "nll"],
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => logits(scope, below(scope, picture))),
        features: head(["picture"], "features", (scope, { picture }) => above(scope, below(scope, picture))),
      },
    };
    if (!backbone || !mostlyUnlabelled(data.examples)) return supervised;
    const guessed = fewLabels({ data, classify: logits, updates, rule, generative: [], share: 0 });
    return { ...supervised, ...guessed, best: undefined, heads: { ...supervised.heads, ...guessed.heads } };
  },
});
