// A small model that uses the whole contract: two streams, two stages, a table that a refresh writes, a phase with a window,
// parameter groups, and a teacher (averaged weights) in a loss. First an autoencoder of all pictures, then a classifier on its
// encoder that learns from few labels and from its own earlier opinion of the other pictures.
import { z } from "zod";
import { ndarray } from "../../src/base/array.ts";
import * as g from "../../src/graph/ops/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { softmaxRows } from "../../src/metrics/classification.ts";
import { head } from "../../src/models/heads.ts";
import { defineModel } from "../../src/models/model.ts";
import { batchNorm, dense, dropout } from "../../src/nn/layers.ts";
import { classLoss, perExample, squaredError, weightedMean } from "../../src/nn/losses.ts";
import { adam, sgd } from "../../src/nn/optim.ts";
import { schedule } from "../../src/nn/schedule.ts";
import type { Scope } from "../../src/nn/scope.ts";

const options = z.object({
  hidden: z.number().int().min(2).max(256).default(24).describe("units of the encoder"),
  refreshEvery: z.number().int().min(1).max(1000).default(5).describe("steps between two refreshes of the soft labels"),
});

export const twoStages = defineModel({
  name: "two-stages",
  title: "autoencoder, then a classifier with soft labels",
  cite: "Written for the tests, 2026",
  options,
  build(o, data) {
    const k = data.classes.length;
    const encode = (scope: Scope, x: Tensor) => {
      const encoder = scope.child("encoder");
      return g.relu(batchNorm(encoder.child("norm"), dense(encoder, g.flatten(x), o.hidden)));
    };
    const decode = (scope: Scope, latent: Tensor) => {
      const shape = [latent.shape[0]!, data.height, data.width, data.channels];
      const pixels = data.height * data.width * data.channels;
      return g.reshape(g.sigmoid(dense(scope.child("decoder"), latent, pixels)), shape);
    };
    const classify = (scope: Scope, x: Tensor) => {
      const kept = dropout(scope.child("drop"), encode(scope, x), 0.2);
      return dense(scope.child("classifier"), kept, k);
    };
    const course = schedule("cosine");

    return {
      latentSize: o.hidden,
      streams: {
        all: { views: { plain: "plain", weak: { shift: 0.05 } } },
        labelled: { from: "labelled", share: 0.5 },
      },
      tables: { soft: { shape: [k], fill: 1 / k }, weight: { shape: [], fill: 0 } },
      stages: [
        {
          name: "autoencoder",
          share: 1,
          phases: [
            {
              name: "reconstruct",
              updates: ["encoder/", "decoder/"],
              optimizer: adam(),
              learningRate: 2e-3,
              schedule: course,
              loss(scope, { x, views, weights }) {
                const error = squaredError(decode(scope, encode(scope, views.weak!)), x);
                const loss = weightedMean(error, weights);
                return { loss, log: { loss } };
              },
            },
          ],
        },
        {
          name: "classifier",
          share: 2,
          refresh: {
            heads: ["classify"],
            every: { steps: o.refreshEvery },
            async run({ predict, tables, labels, note }) {
              tables.soft!.set(softmaxRows(await predict("classify"), k));
              labels.forEach((label, i) => {
                tables.weight![i] = label < 0 ? 1 : 0;
              });
              note(`soft labels of ${labels.filter((label) => label < 0).length} pictures`);
            },
          },
          phases: [
            {
              name: "supervised",
              updates: ["classifier/", { prefix: "encoder/", rateScale: 0.5, decayScale: 0 }],
              optimizer: sgd({ momentum: 0.9, decay: 1e-4 }),
              learningRate: 0.02,
              schedule: course,
              clip: 5,
              loss(scope, _all, { labelled }) {
                const loss = classLoss(classify(scope, labelled!.x), labelled!);
                return { loss, log: { loss } };
              },
            },
            {
              name: "soft",
              updates: ["classifier/", "encoder/"],
              every: 2,
              window: [0.25, 1],
              optimizer: adam(),
              learningRate: 1e-3,
              schedule: course,
              loss(scope, { views, tables, weights }) {
                const logits = classify(scope, views.weak!);
                const teacher = g.softmax(classify(scope.averaged, views.plain!));
                const target = g.mul(g.add(tables.soft!, teacher), 0.5);
                const cross = g.neg(perExample(g.mul(target, g.logSoftmax(logits))));
                const loss = weightedMean(cross, g.mul(weights, tables.weight!));
                return { loss, log: { loss } };
              },
            },
          ],
        },
      ],
      best: ["accuracy", "nll"],
      fitted: [
        {
          name: "centre",
          needs: ["encode"],
          fit(p) {
            const codes = p.output("encode");
            const n = codes.length / o.hidden;
            const mean = Float32Array.from({ length: o.hidden }, (_, k) =>
              p.labels.reduce((sum, _label, i) => sum + codes[i * o.hidden + k]! / n, 0),
            );
            return { centre: ndarray("float32", [o.hidden], mean) };
          },
        },
      ],
      metrics: [
        {
          name: "spread",
          title: "mean squared distance from the centre",
          better: "neither",
          unit: "",
          needs: ["distance"],
          compute: (p) => p.output("distance").reduce((sum, value) => sum + value, 0) / p.labels.length,
        },
      ],
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => classify(scope, picture)),
        encode: head(["picture"], "latent", (scope, { picture }) => encode(scope, picture)),
        decode: head(["latent"], "picture", (scope, { latent }) => decode(scope, latent)),
        reconstruct: head(["picture"], "picture", (scope, { picture }) => decode(scope, encode(scope, picture))),
        // Logits of another kind: even and odd classes.
        parity: head(["picture"], "logits", (scope, { picture }) =>
          dense(scope.child("parity"), encode(scope, picture), 2),
        ),
        // How far from the mean latent vector of validation pictures, which is fitted.
        distance: head(["picture"], "score", (scope, { picture }) =>
          perExample(g.square(g.sub(encode(scope, picture), scope.fitted("centre", [o.hidden], 0)))),
        ),
        // A head with two inputs, and a parameter that no phase moves.
        blend: head(["picture", "second"], "score", (scope, { picture, second }) => {
          const gain = scope.child("blend").param("gain", [], () => Float32Array.of(2));
          return g.mul(gain, squaredError(picture, second));
        }),
      },
    };
  },
});
