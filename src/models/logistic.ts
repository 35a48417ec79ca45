// Logistic regression: one linear layer, the simplest classifier that there is.
import { z } from "zod";
import type { Tensor } from "../graph/tensor.ts";
import { zerosInit } from "../nn/init.ts";
import { dense } from "../nn/layers.ts";
import { adam } from "../nn/optim.ts";
import { schedule } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { backboneUpdates, pretrainedHeads } from "./backbone.ts";
import { head } from "./heads.ts";
import { defineModel } from "./model.ts";
import { SCHEDULE_NAMES } from "./options.ts";
import { featuresOption, pictureValues } from "./picture-values.ts";
import { supervised } from "./supervised.ts";

const options = z.object({
  features: featuresOption,
  decay: z.number().min(0).max(1).default(1e-3).describe("weight decay (AdamW)"),
  rate: z.number().min(1e-6).max(1).default(3e-3).describe("learning rate (AdamW)"),
  schedule: z.enum(SCHEDULE_NAMES).default("cosine").describe("course of the learning rate"),
});

/** Multinomial logistic regression, which begins at 0: its loss is convex. */
export const logistic = defineModel({
  name: "logistic",
  title: "logistic regression (baseline)",
  cite: "Cox 1958, The Regression Analysis of Binary Sequences, for several classes: Hastie, Tibshirani & Friedman 2009, section 4.4",
  options,
  buildsOnBackbone: true,
  build(o, data) {
    const values = (scope: Scope, x: Tensor) => pictureValues(o.features, data, scope, x);
    const classify = (scope: Scope, x: Tensor): Tensor =>
      dense(scope.child("linear"), values(scope, x), data.classes.length, { init: zerosInit });
    const { phase, streams } = supervised(
      {
        updates: ["linear/", ...backboneUpdates(data.backbone)],
        optimizer: adam({ decay: o.decay }),
        learningRate: o.rate,
        schedule: schedule(o.schedule),
      },
      classify,
    );
    return {
      streams,
      stages: [{ phases: [phase] }],
      best: ["accuracy", "nll"],
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => classify(scope, picture)),
        values: head(["picture"], "features", (scope, { picture }) => values(scope, picture)),
        ...pretrainedHeads(data.backbone),
      },
    };
  },
});
