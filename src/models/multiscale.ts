// S4: a classifier that looks at a picture at several scales of one trunk, and joins what it sees in a short code.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { fastLogits, fastNet } from "../nn/fast-net.ts";
import { dense, dropout, layerNorm } from "../nn/layers.ts";
import { classLoss } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import { FAST_OPTIMIZERS, fastBatch, fastTraining, fastWidths } from "./fast-training.ts";
import { head } from "./heads.ts";
import { defineModel, type Streams } from "./model.ts";
import { overViews, TEST_VIEWS } from "./test-views.ts";

const options = z.object({
  widths: z
    .string()
    .regex(
      /^(auto|[1-9]\d{0,2}(-[1-9]\d{0,2}){0,5})$/,
      "expected auto, or up to six channel numbers below 1000, as in 64-256-256",
    )
    .default("auto")
    .describe(
      "channels of the trunk's groups, each of which halves the picture, as in 64-256-256; auto: by the kind of picture",
    ),
  scales: z.number().int().min(1).max(6).default(3).describe("groups from the last one up whose maps are looked at"),
  summary: z.number().int().min(1).max(1024).default(64).describe("numbers that each scale is summed up in"),
  code: z.number().int().min(1).max(1024).default(64).describe("size of the code that the classes are told from"),
  auxiliary: z
    .number()
    .min(0)
    .max(10)
    .default(0.3)
    .describe("weight of a class loss on each scale alone; falls to 0 until 70 % of training"),
  dropout: z.number().min(0).max(0.9).default(0.2).describe("dropout before the code"),
  smoothing: z.number().min(0).max(0.5).default(0.1).describe("label smoothing"),
  optimizer: z
    .enum(FAST_OPTIMIZERS)
    .default("muon")
    .describe("muon: filters by Muon, the rest by Adam; sgd: Nesterov momentum; adam: AdamW"),
  rate: z.number().min(1e-3).max(100).default(1).describe("factor on the optimizer's learning rates"),
  views: z
    .enum(TEST_VIEWS)
    .default("mirror")
    .describe(
      "views that a class is the mean over: one, mirror (where the data may be mirrored), six (also moved by a pixel)",
    ),
});

/** Progress at which the scales' own class losses are gone. */
const AUXILIARY_UNTIL = 0.7;

/** S4: classifies, and gives its code. */
export const multiscale = defineModel({
  name: "multiscale",
  title: "classifier on several scales of one trunk",
  cite: "Jordan 2024, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU (the trunk); Lee et al. 2015, Deeply-Supervised Nets (a loss on each scale)",
  options,
  batch: fastBatch,
  build(o, data) {
    const widths = fastWidths(o.widths, data);
    const classes = data.classes.length;

    /** What each scale is summed up in, the finest first: `[n, summary]` each. */
    const summaries = (root: Scope, x: Tensor): Tensor[] => {
      const maps = fastNet(root.child("trunk"), x, widths);
      return maps.slice(-o.scales).map((map, k) => {
        const scope = root.child("scales").child(`group${maps.length - Math.min(o.scales, maps.length) + k + 1}`);
        const seen = g.concat([g.mean(map, [1, 2]), g.max(map, [1, 2])], 1);
        return dense(scope.child("summary"), layerNorm(scope.child("norm"), seen), o.summary);
      });
    };
    const encode = (root: Scope, seen: readonly Tensor[]): Tensor => {
      const scope = root.child("classifier");
      return dense(scope.child("code"), dropout(scope.child("drop"), g.concat(seen, 1), o.dropout), o.code);
    };
    const logitsOf = (root: Scope, code: Tensor): Tensor =>
      fastLogits(root.child("classifier").child("out"), code, classes);
    const codeOf = (scope: Scope, x: Tensor) => encode(scope, summaries(scope, x));

    return {
      streams: (): Streams => ({ labelled: { from: "labelled" } }),
      stages: [
        {
          phases: [
            {
              ...fastTraining(o.optimizer, "trunk/", ["scales/", "classifier/"], o.rate),
              name: "classifier",
              loss(scope, batch) {
                const seen = summaries(scope, (batch.mixed ?? batch).x);
                const own = classLoss(logitsOf(scope, encode(scope, seen)), batch, o.smoothing);
                if (o.auxiliary === 0) return { loss: own, log: { loss: own } };
                const each = seen.map((one, k) =>
                  classLoss(
                    fastLogits(scope.child("scales").child(`logits${k + 1}`), one, classes),
                    batch,
                    o.smoothing,
                  ),
                );
                const all = each.reduce((a, b) => g.add(a, b));
                const weight = scope.annealed("auxiliary", (at) => o.auxiliary * Math.max(0, 1 - at / AUXILIARY_UNTIL));
                const loss = g.add(own, g.mul(all, weight));
                const scales = Object.fromEntries(each.map((value, k) => [`scale${k + 1}`, value]));
                return { loss, log: { loss: own, ...scales } };
              },
            },
          ],
        },
      ],
      latentSize: o.code,
      best: ["accuracy", "nll"],
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) =>
          overViews(o.views, data.mirror, picture, (x) => logitsOf(scope, codeOf(scope, x))),
        ),
        features: head(["picture"], "features", (scope, { picture }) => codeOf(scope, picture)),
        encode: head(["picture"], "latent", (scope, { picture }) => codeOf(scope, picture)),
      },
    };
  },
});
