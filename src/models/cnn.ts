// A convolutional classifier, trained on its labels alone: what the generative classifiers are compared with.
import { z } from "zod";
import { fail } from "../base/errors.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform, zerosInit } from "../nn/init.ts";
import { ACTIVATIONS, batchNorm, conv, dense, dropout } from "../nn/layers.ts";
import { defaultDepth } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { schedule, withWarmup } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { backboneUpdates, belowLayers, pretrainedHeads } from "./backbone.ts";
import { type Classifier, fastClassifier, fastOptions } from "./fast-classifier.ts";
import { fastBatch } from "./fast-training.ts";
import { fewLabels } from "./few-labels.ts";
import { PRETRAINED } from "./graph-space.ts";
import { head } from "./heads.ts";
import { mostlyUnlabelled } from "./labelled-half.ts";
import { type BuiltModel, type DataSpec, defineModel } from "./model.ts";
import { ACTIVATION_NAMES, SCHEDULE_NAMES } from "./options.ts";
import { supervised } from "./supervised.ts";
import { overViews, TEST_VIEWS } from "./test-views.ts";

const options = z.object({
  net: z
    .enum(["plain", "fast"])
    .default("plain")
    .describe(
      "plain: convolutions, then dense layers; fast: a trunk that learns in few epochs, and its own way of training",
    ),
  width: z.number().int().min(4).max(512).default(32).describe("channels of the first level; doubles each level"),
  depth: z.number().int().min(0).max(6).default(0).describe("levels, each halving the picture; 0: from its size"),
  blocks: z.number().int().min(1).max(4).default(2).describe("3x3 convolutions a level"),
  hidden: z.number().int().min(8).max(4096).default(256).describe("units of the dense layer above the convolutions"),
  activation: z.enum(ACTIVATION_NAMES).default("relu").describe("nonlinearity"),
  dropout: z.number().min(0).max(0.9).default(0.4).describe("dropout before the last layer"),
  smoothing: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.05)
    .describe("label smoothing; none where all pictures have labels and the network below is frozen"),
  decay: z.number().min(0).max(1).default(0.01).describe("weight decay (AdamW)"),
  rate: z.number().min(1e-6).max(1).default(2e-3).describe("learning rate (AdamW)"),
  schedule: z.enum(SCHEDULE_NAMES).default("cosine").describe("course of the learning rate"),
  warmup: z.number().min(0).max(0.5).default(0.05).describe("share of training over which the learning rate rises"),
  ...fastOptions("of net=fast"),
  views: z
    .enum(TEST_VIEWS)
    .default("one")
    .describe(
      "views that a class is the mean over: one, mirror (where the data may be mirrored), six (also moved by a pixel)",
    ),
});

/** Convolutions and dense layers, or a linear layer on a pretrained network. */
function plain(o: z.infer<typeof options>, { height, width, classes, backbone }: DataSpec): Classifier {
  const act = ACTIVATIONS[o.activation];
  const own = (scope: Scope, x: Tensor): Tensor => {
    let y = x; // [n, h, w, c]
    for (let level = 0; level < (o.depth || defaultDepth(height, width)); level++) {
      for (let block = 1; block <= o.blocks; block++) {
        const layer = scope.child(`level${level + 1}`).child(`conv${block}`);
        y = act(batchNorm(layer.child("norm"), conv(layer, y, o.width << level, 3, { bias: false })));
      }
      y = g.maxPool(y, Math.min(2, y.shape[1]!, y.shape[2]!));
    }
    return act(dense(scope.child("dense"), g.flatten(y), o.hidden)); // [n, hidden]
  };
  return {
    // Features of a pretrained network take a linear layer alone, which learns best from values of one scale.
    features(scope, seen) {
      const trunk = scope.child("trunk");
      return backbone ? batchNorm(trunk.child("norm"), seen) : own(trunk, seen);
    },
    logits(scope, features) {
      const trunk = scope.child("trunk");
      // On more features than there may be pictures, what a random start adds is never unlearned.
      const init = backbone ? zerosInit : glorotUniform;
      return dense(trunk.child("out"), dropout(trunk.child("drop"), features, o.dropout), classes.length, { init });
    },
    rule: {
      updates: ["trunk/", ...backboneUpdates(backbone)],
      optimizer: adam({ decay: o.decay }),
      learningRate: o.rate,
      schedule: withWarmup(o.warmup, schedule(o.schedule)),
    },
  };
}

/** The fast net, which is a trunk of its own. */
function fast(o: z.infer<typeof options>, data: DataSpec): Classifier {
  if (data.backbone)
    fail("E_OPTION", "net=fast is a trunk of its own, and --backbone gives another one; leave one of them out");
  return fastClassifier(o, data, fastBatch(data));
}

/** The baseline: nothing generative. */
export const cnn = defineModel({
  name: "cnn",
  title: "convolutional classifier (baseline, nothing generative)",
  cite: "Simonyan & Zisserman 2015, Very Deep Convolutional Networks, with batch normalisation (Ioffe & Szegedy 2015); Jordan 2024, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU (net=fast)",
  options,
  buildsOnBackbone: true,
  batch: (data, { net }) => (net === "fast" ? fastBatch(data) : undefined),
  build(o, data) {
    const { backbone } = data;
    const { features, logits, rule } = (o.net === "fast" ? fast : plain)(o, data);
    const below = (scope: Scope, x: Tensor) => belowLayers(backbone, scope, x);
    const classify = (scope: Scope, seen: Tensor): Tensor => logits(scope, features(scope, seen));
    // A linear layer above a frozen network does not come to be too sure of itself; smoothing would draw its log-loss up again, and
    // the checkpoint that is best by it would be one of the first.
    const smoothing = backbone?.frozen === "all" ? 0 : o.smoothing;
    const { phase, streams } = supervised(rule, (scope, x) => classify(scope, below(scope, x)), smoothing);
    const ofLabels: BuiltModel = {
      streams,
      stages: [{ phases: [phase] }],
      best: ["accuracy", "nll"],
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) =>
          overViews(o.views, data.mirror, picture, (x) => classify(scope, below(scope, x))),
        ),
        features: head(["picture"], "features", (scope, { picture }) => features(scope, below(scope, picture))),
        ...pretrainedHeads(backbone),
      },
    };
    if (!backbone || !mostlyUnlabelled(data.examples)) return ofLabels;
    const guessed = fewLabels({
      ...{ data, classify, rule, generative: [], share: 0 },
      smoothing: o.smoothing,
      // Its features are the network's.
      space: PRETRAINED,
    });
    return { ...ofLabels, ...guessed, best: undefined, heads: { ...ofLabels.heads, ...guessed.heads } };
  },
});
