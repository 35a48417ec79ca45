// A model of your own: an autoencoder whose latent vector also gives the class. Options, networks, phases, heads, in that order.

import type { Batch, Scope, Tensor } from "genclass/node";
import {
  defineModel,
  evaluate,
  ops as g,
  head,
  layers,
  load,
  losses,
  open,
  optim,
  SCHEDULES,
  train,
} from "genclass/node";
import { z } from "zod";

const autoencoder = defineModel({
  name: "autoencoder",
  title: "autoencoder with a classifier on its latent vector",
  cite: "Ranzato & Szummer 2008, Semi-supervised Learning of Compact Document Representations with Deep Networks",
  options: z.object({
    latent: z.number().int().min(1).max(512).default(32).describe("size of the latent vector"),
    classWeight: z.number().min(0).max(1000).default(20).describe("weight of the cross entropy"),
  }),
  build(o, data) {
    const shape = [data.height, data.width, data.channels];
    const pixels = shape.reduce((a, b) => a * b, 1);

    const encode = (scope: Scope, x: Tensor) => {
      const hidden = g.relu(layers.dense(scope.child("encoder"), g.flatten(x), 256)); // [n, 256]
      return layers.dense(scope.child("latent"), hidden, o.latent); // [n, latent]
    };
    const decode = (scope: Scope, latent: Tensor) => {
      const hidden = g.relu(layers.dense(scope.child("decoder"), latent, 256));
      const image = g.sigmoid(layers.dense(scope.child("pixels"), hidden, pixels));
      return g.reshape(image, [latent.shape[0]!, ...shape]); // [n, h, w, c] in 0..1
    };
    const classify = (scope: Scope, latent: Tensor) =>
      layers.dense(scope.child("classes"), latent, data.classes.length); // logits [n, classes]

    const phase = {
      name: "train",
      updates: [""], // every parameter
      optimizer: optim.adam(),
      learningRate: 1e-3,
      schedule: SCHEDULES.cosine,
      loss(scope: Scope, batch: Batch) {
        const latent = encode(scope, batch.x);
        const error = losses.weightedMean(losses.squaredError(decode(scope, latent), batch.x), batch.weights);
        const cross = losses.classLoss(classify(scope, latent), batch);
        return { loss: g.add(error, g.mul(cross, o.classWeight)), log: { error, cross } };
      },
    };
    return {
      stages: [{ phases: [phase] }],
      best: ["accuracy"],
      latentSize: o.latent,
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => classify(scope, encode(scope, picture))),
        reconstruct: head(["picture"], "picture", (scope, { picture }) => decode(scope, encode(scope, picture))),
        decode: head(["latent"], "picture", (scope, { latent }) => decode(scope, latent)),
      },
    };
  },
});

const [out, epochs] = [process.argv[2] ?? "runs/own-model", 3];
const data = await open("glyphs");
for await (const event of train(autoencoder, { data, out, epochs })) if (event.type === "note") console.log(event.text);
const model = await load(out, { model: autoencoder });
const { metrics } = await evaluate(model, data.test!, data.classes);
console.log(`accuracy ${metrics.accuracy!.toFixed(3)}, squared error a pixel ${metrics.mse!.toFixed(4)}`);
await model.dispose();
