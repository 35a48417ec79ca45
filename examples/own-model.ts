// A model of your own: an autoencoder whose latent vector also gives the class. Options, networks, phases, heads, in that order.
import * as genclass from "genclass/node";
import { z } from "zod";

const { head, layers, losses, ops: g, optim } = genclass;
type Scope = genclass.Scope;
type Tensor = genclass.Tensor;

const autoencoder = genclass.defineModel({
  name: "autoencoder",
  title: "autoencoder with a classifier on its latent vector",
  cite: "Ranzato & Szummer 2008, Semi-supervised Learning of Compact Document Representations with Deep Networks",
  options: z.object({
    latent: z.number().int().min(1).max(512).default(32).describe("size of the latent vector"),
    classWeight: z.number().min(0).max(1000).default(20).describe("weight of the cross entropy"),
  }),
  build(o, { height, width, channels, classes }) {
    const encode = (scope: Scope, x: Tensor) => {
      const hidden = g.relu(layers.dense(scope.child("encoder"), g.flatten(x), 256)); // [n, 256]
      return layers.dense(scope.child("latent"), hidden, o.latent); // [n, latent]
    };
    const decode = (scope: Scope, latent: Tensor) => {
      const hidden = g.relu(layers.dense(scope.child("decoder"), latent, 256));
      const pixels = g.sigmoid(layers.dense(scope.child("pixels"), hidden, height * width * channels));
      return g.reshape(pixels, [latent.shape[0]!, height, width, channels]); // [n, h, w, c] in 0..1
    };
    const classify = (scope: Scope, latent: Tensor) => layers.dense(scope.child("classes"), latent, classes.length);

    const phase: genclass.Phase = {
      name: "joint",
      updates: [""], // every parameter
      optimizer: optim.adam(),
      learningRate: 1e-3,
      schedule: genclass.SCHEDULES.cosine,
      loss(scope, batch) {
        const latent = encode(scope, batch.x);
        const error = losses.weightedMean(losses.squaredError(decode(scope, latent), batch.x), batch.weights);
        const cross = losses.classLoss(classify(scope, latent), batch); // over pictures with a label
        return { loss: g.add(error, g.mul(cross, o.classWeight)), log: { error, cross } };
      },
    };
    return {
      stages: [{ phases: [phase] }],
      best: ["accuracy"], // the checkpoint that is kept
      latentSize: o.latent,
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => classify(scope, encode(scope, picture))),
        reconstruct: head(["picture"], "picture", (scope, { picture }) => decode(scope, encode(scope, picture))),
        decode: head(["latent"], "picture", (scope, { latent }) => decode(scope, latent)),
      },
    };
  },
});

const [data, out] = [await genclass.open("glyphs"), process.argv[2] ?? "runs/own-model"];
for await (const _ of genclass.train(autoencoder, { data, out, epochs: 3 }));
const model = await genclass.load(out, { model: autoencoder });
console.log((await genclass.evaluate(model, data.test!, data.classes)).metrics);
