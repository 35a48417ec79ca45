// A network of dense layers on the values of a picture, which knows nothing of how they lie.
import { z } from "zod";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform } from "../nn/init.ts";
import { ACTIVATIONS, dense, dropout } from "../nn/layers.ts";
import { adam } from "../nn/optim.ts";
import { schedule, withWarmup } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { backboneUpdates, pretrainedHeads } from "./backbone.ts";
import { head } from "./heads.ts";
import { defineModel } from "./model.ts";
import { ACTIVATION_NAMES, SCHEDULE_NAMES } from "./options.ts";
import { featuresOption, pictureValues } from "./picture-values.ts";
import { supervised } from "./supervised.ts";

const options = z.object({
  features: featuresOption,
  hidden: z.number().int().min(1).max(8192).default(800).describe("units of each hidden layer"),
  layers: z.number().int().min(1).max(8).default(2).describe("hidden layers"),
  activation: z.enum(ACTIVATION_NAMES).default("relu").describe("nonlinearity"),
  dropout: z.number().min(0).max(0.9).default(0.5).describe("share of hidden units that a step leaves out"),
  inputDropout: z.number().min(0).max(0.9).default(0.2).describe("share of values of a picture that a step leaves out"),
  decay: z.number().min(0).max(1).default(0.01).describe("weight decay (AdamW)"),
  rate: z.number().min(1e-6).max(1).default(1e-3).describe("learning rate (AdamW)"),
  schedule: z.enum(SCHEDULE_NAMES).default("cosine").describe("course of the learning rate"),
});

/** The multilayer perceptron. */
export const mlp = defineModel({
  name: "mlp",
  title: "multilayer perceptron: dense layers on pixels (baseline)",
  cite: "Srivastava et al. 2014, Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
  options,
  buildsOnBackbone: true,
  build(o, data) {
    const act = ACTIVATIONS[o.activation];
    const features = (root: Scope, x: Tensor): Tensor => {
      const scope = root.child("mlp");
      let y = dropout(scope.child("drop"), pictureValues(o.features, data, root, x), o.inputDropout);
      for (let i = 1; i <= o.layers; i++) {
        const layer = scope.child(`dense${i}`);
        y = dropout(layer.child("drop"), act(dense(layer, y, o.hidden)), o.dropout);
      }
      return y; // [n, hidden]
    };
    const classify = (scope: Scope, x: Tensor): Tensor =>
      dense(scope.child("mlp").child("out"), features(scope, x), data.classes.length, { init: glorotUniform });
    const { phase, streams } = supervised(
      {
        updates: ["mlp/", ...backboneUpdates(data.backbone)],
        optimizer: adam({ decay: o.decay }),
        learningRate: o.rate,
        schedule: withWarmup(0.05, schedule(o.schedule)),
      },
      classify,
    );
    return {
      streams,
      stages: [{ phases: [phase] }],
      best: ["accuracy", "nll"],
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => classify(scope, picture)),
        features: head(["picture"], "features", (scope, { picture }) => features(scope, picture)),
        ...pretrainedHeads(data.backbone),
      },
    };
  },
});
