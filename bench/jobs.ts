// The jobs of the benchmark: the networks that bench/peers/torch_worker.py writes in PyTorch, in our language.
// Adam with PyTorch's defaults, learning rate 1e-3; no normalisation in any net but the fast one and those of acgan and sgan, which
// are the models themselves.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { multiplyAdds } from "../src/graph/cost.ts";
import * as g from "../src/graph/ops/index.ts";
import { input, scalar, type Tensor } from "../src/graph/tensor.ts";
import { acgan as acganModel } from "../src/models/acgan.ts";
import { backboneFeatures } from "../src/models/backbone.ts";
import { cnn as cnnModel } from "../src/models/cnn.ts";
import { head } from "../src/models/heads.ts";
import { parseOptions } from "../src/models/index.ts";
import type { BuiltModel, DataSpec, Phase } from "../src/models/model.ts";
import { multiscale } from "../src/models/multiscale.ts";
import { sgan as sganModel } from "../src/models/sgan.ts";
import { gaussian } from "../src/nn/distributions.ts";
import { fastLogits, fastNet, largest } from "../src/nn/fast-net.ts";
import { conv, convTranspose, dense } from "../src/nn/layers.ts";
import { crossEntropy, perExample, sigmoidCrossEntropy } from "../src/nn/losses.ts";
import { adam } from "../src/nn/optim.ts";
import { Build, type Scope } from "../src/nn/scope.ts";
import { openBackbone } from "../src/run/backbone.ts";
import { networkNamed } from "../src/run/run-network.ts";

export interface Job {
  name: string;
  batch: number;
  spec: DataSpec;
  model: BuiltModel;
  /** Floating-point operations of one step: two a multiply-add, forward and both gradients of every product. */
  flops: number;
}

const classes = "0123456789".split("");
const GREY: DataSpec = { height: 28, width: 28, channels: 1, classes, mirror: false };
const COLOUR: DataSpec = { height: 32, width: 32, channels: 3, classes, mirror: false };
const common = { optimizer: adam(), learningRate: 1e-3, schedule: () => 1 };

const bce = (logits: Tensor, target: Tensor) => g.mean(perExample(sigmoidCrossEntropy(logits, target)));

function mlpVae(): Job {
  const loss: Phase["loss"] = (scope, { x }) => {
    const flat = g.flatten(x);
    const hidden = g.relu(dense(scope.child("e1"), flat, 400));
    const mean = dense(scope.child("mean"), hidden, 20);
    const logVariance = dense(scope.child("logVariance"), hidden, 20);
    const code = gaussian.sample(mean, logVariance, scope.noise("code", mean.shape));
    const logits = dense(scope.child("d2"), g.relu(dense(scope.child("d1"), code, 400)), 784);
    const total = g.add(bce(logits, flat), g.mean(perExample(gaussian.klToStandard(mean, logVariance))));
    return { loss: total, log: { loss: total } };
  };
  const weights = 784 * 400 + 400 * 40 + 20 * 400 + 400 * 784;
  return { name: "mlp-vae", batch: 128, spec: GREY, model: one(loss), flops: 6 * 128 * weights - 2 * 128 * 784 * 400 };
}

/** Convolution products: output pixels x taps x channels in x channels out. */
const convWork = (side: number, kernel: number, c: number, o: number) => side * side * kernel * kernel * c * o;

export function convFeatures(scope: Scope, x: Tensor): Tensor {
  const maps = g.relu(
    conv(scope.child("c2"), g.relu(conv(scope.child("c1"), x, 32, 4, { stride: 2 })), 64, 4, { stride: 2 }),
  );
  return g.relu(dense(scope.child("e1"), g.flatten(maps), 256));
}

function convVae(): Job {
  const classify = head(["picture"], "logits", (scope, { picture }) =>
    dense(scope.child("class"), convFeatures(scope, picture), 10),
  );
  const loss: Phase["loss"] = (scope, { x, labels }) => {
    const hidden = convFeatures(scope, x);
    const mean = dense(scope.child("mean"), hidden, 32);
    const logVariance = dense(scope.child("logVariance"), hidden, 32);
    const code = gaussian.sample(mean, logVariance, scope.noise("code", mean.shape));
    const seeds = g.relu(dense(scope.child("d2"), g.relu(dense(scope.child("d1"), code, 256)), 3136));
    const maps = g.relu(
      convTranspose(scope.child("t1"), g.reshape(seeds, [x.shape[0]!, 7, 7, 64]), 32, 4, [14, 14], { stride: 2 }),
    );
    const logits = convTranspose(scope.child("t2"), maps, 1, 4, [28, 28], { stride: 2 });
    const generative = g.add(
      bce(g.flatten(logits), g.flatten(x)),
      g.mean(perExample(gaussian.klToStandard(mean, logVariance))),
    );
    const total = g.add(generative, g.mean(crossEntropy(dense(scope.child("class"), hidden, 10), labels)));
    return { loss: total, log: { loss: total } };
  };
  const first = convWork(14, 4, 1, 32);
  const rest = convWork(7, 4, 32, 64) * 2 + convWork(14, 4, 1, 32) + 3136 * 256 * 2 + 256 * (64 + 10) + 32 * 256;
  return {
    name: "conv-vae",
    batch: 128,
    spec: GREY,
    model: { ...one(loss), heads: { classify } },
    flops: 128 * (4 * first + 6 * rest),
  };
}

function cnn(): Job {
  const loss: Phase["loss"] = (scope, { x, labels }) => {
    let y = x;
    for (const [i, channels] of [32, 64, 128].entries())
      y = g.maxPool(g.relu(conv(scope.child(`c${i}`), y, channels, 3)), 2);
    const total = g.mean(crossEntropy(dense(scope.child("out"), g.flatten(y), 10), labels));
    return { loss: total, log: { loss: total } };
  };
  const first = convWork(32, 3, 3, 32);
  const rest = convWork(16, 3, 32, 64) + convWork(8, 3, 64, 128) + 2048 * 10;
  return { name: "cnn", batch: 64, spec: COLOUR, model: one(loss), flops: 64 * (4 * first + 6 * rest) };
}

function dcgan(): Job {
  const discriminate = (scope: Scope, x: Tensor) => {
    let y = x;
    for (const [i, channels] of [64, 128, 256].entries())
      y = g.leakyRelu(conv(scope.child(`c${i}`), y, channels, 4, { stride: 2 }), 0.2);
    return dense(scope.child("out"), g.flatten(y), 1);
  };
  const generate = (scope: Scope, n: number) => {
    let y = g.reshape(g.relu(dense(scope.child("d"), scope.noise("z", [n, 100]), 4096)), [n, 4, 4, 256]);
    for (const [i, [channels, side]] of (
      [
        [128, 8],
        [64, 16],
      ] as const
    ).entries())
      y = g.relu(convTranspose(scope.child(`t${i}`), y, channels, 4, [side, side], { stride: 2 }));
    return g.sigmoid(convTranspose(scope.child("t2"), y, 3, 4, [32, 32], { stride: 2 }));
  };
  const mean = (logits: Tensor, target: number) => g.mean(sigmoidCrossEntropy(logits, scalar(target)));
  const phases: Phase[] = [
    {
      ...common,
      name: "discriminator",
      updates: ["critic/"],
      loss(scope, { x }) {
        const critic = scope.child("critic");
        const fake = generate(scope.child("generator"), x.shape[0]!);
        const loss = g.add(mean(discriminate(critic, x), 1), mean(discriminate(critic, fake), 0));
        return { loss, log: { loss } };
      },
    },
    {
      ...common,
      name: "generator",
      updates: ["generator/"],
      loss(scope, { x }) {
        const loss = mean(discriminate(scope.child("critic"), generate(scope.child("generator"), x.shape[0]!)), 1);
        return { loss, log: { loss } };
      },
    },
  ];
  const d1 = convWork(16, 4, 3, 64);
  const dRest = convWork(8, 4, 64, 128) + convWork(4, 4, 128, 256) + 4096;
  const g1 = 100 * 4096;
  const gRest = convWork(4, 4, 128, 256) + convWork(8, 4, 64, 128) + convWork(16, 4, 3, 64);
  // Discriminator step: two passes with weight gradients and a generator forward. Generator step: the critic's input
  // gradients alone, and the generator whole.
  const work = 2 * (4 * d1 + 6 * dRest) + 2 * (g1 + gRest) + (2 + 2) * (d1 + dRest) + 4 * g1 + 6 * gRest;
  return { name: "dcgan", batch: 64, spec: COLOUR, model: { stages: [{ phases }], heads: {} }, flops: 64 * work };
}

/** The fast net at 32x32x3: products of its 3x3 convolutions, forward and both gradients, and the fixed layer's, forward alone. */
function fastWork(widths: readonly [number, number, number]): number {
  const [a, b, c] = widths;
  const first = convWork(31, 3, 24, a) + convWork(15, 3, a, a);
  const rest = convWork(15, 3, a, b) + convWork(7, 3, b, b) + convWork(7, 3, b, c) + convWork(3, 3, c, c);
  return 2 * convWork(31, 2, 3, 24) + 6 * (first + rest);
}

function aNet(): Job {
  const loss: Phase["loss"] = (scope, { x, labels }) => {
    const features = largest(fastNet(scope, x, [64, 256, 256]).at(-1)!);
    const total = g.mean(crossEntropy(fastLogits(scope.child("out"), features, 10), labels));
    return { loss: total, log: { loss: total } };
  };
  return { name: "a-net", batch: 512, spec: COLOUR, model: one(loss), flops: 512 * fastWork([64, 256, 256]) };
}

/** The model's own loss, with Adam for its Muon. */
function multiscaleJob(): Job {
  const options = { ...multiscale.options.parse({}), smoothing: 0 };
  const model = multiscale.build(options, COLOUR);
  const { loss } = model.stages[0]!.phases[0]!;
  const flops = 512 * (fastWork([64, 256, 256]) + 6 * (2 * (64 + 256 + 256) * 64 + 192 * 64));
  return { name: "multiscale", batch: 512, spec: COLOUR, model: { ...one(loss), streams: model.streams }, flops };
}

/** The model with the hinge loss and spectral norm, without random changes of pictures, which are no work of the networks. */
function acgan(): Job {
  const options = { loss: "hinge", discriminatorNorm: "spectral", penalty: "none", diffAugment: "none" };
  const model = acganModel.build(parseOptions(acganModel, { ...options, rate: 2e-4, discriminatorRate: 2e-4 }), GREY);
  const d1 = convWork(14, 4, 1, 48);
  const dRest = convWork(7, 4, 48, 96) + convWork(7, 3, 96, 96) + 4704 * 192 + 192 * (1 + 20);
  const g1 = (64 + 32) * 4704;
  const gRest = convWork(7, 4, 96, 48) + convWork(14, 4, 48, 24) + convWork(28, 3, 24, 1);
  // As in dcgan, but that real and generated pictures are one batch.
  const work = 2 * (4 * d1 + 6 * dRest) + 2 * (g1 + gRest) + (2 + 2) * (d1 + dRest) + 4 * g1 + 6 * gRest;
  return { name: "acgan", batch: 64, spec: GREY, model, flops: 64 * work };
}

/** The model with its defaults: 100 labelled, 100 real and 100 generated pictures a step, and 200 for the generator. */
function sgan(): Job {
  const model = sganModel.build(parseOptions(sganModel, {}), GREY);
  // The first phase runs once.
  const phases = model.stages[0]!.phases.filter(({ name }) => name !== "start");
  const d1 = 784 * 1000;
  const dRest = 1000 * 500 + 500 * 250 + 2 * 250 * 250;
  const [g1, gRest] = [100 * 500, 500 * 500 + 500 * 784];
  // The generator's step has no logits; it takes gradients with respect to generated pictures alone.
  const discriminator = 3 * (4 * d1 + 6 * (dRest + 2500)) + 2 * (g1 + gRest);
  const generator = 4 * (d1 + dRest) + 2 * (d1 + dRest) + 4 * g1 + 6 * gRest;
  return {
    name: "sgan",
    batch: 100,
    spec: GREY,
    model: { ...model, stages: [{ phases }] },
    flops: 100 * (discriminator + generator),
  };
}

const NETWORK = "efficientnet-lite0";

/** The cnn on EfficientNet-Lite0, all of which is trained, with Adam for its AdamW. */
function fineTune(): Job {
  const wish = { backbone: NETWORK, normalise: "none", freeze: ["none"], image: null } as const;
  const { backbone } = openBackbone(cnnModel, wish, networkNamed)!;
  const spec: DataSpec = { height: 224, width: 224, channels: 3, classes, mirror: true, backbone };
  const { loss } = cnnModel.build(parseOptions(cnnModel, { smoothing: 0 }), spec).stages[0]!.phases[0]!;
  const picture = input("picture", [1, 224, 224, 3]);
  const forward = multiplyAdds([backboneFeatures(backbone, new Build(false).root, picture)]) + 1280 * 10;
  return { name: "fine-tune", batch: 16, spec, model: one(loss), flops: 16 * 6 * forward };
}

function one(loss: Phase["loss"]): BuiltModel {
  return { stages: [{ phases: [{ ...common, name: "step", updates: [""], loss }] }], heads: {} };
}

export const JOBS: Record<string, () => Job> = {
  "mlp-vae": mlpVae,
  "conv-vae": convVae,
  cnn,
  dcgan,
  acgan,
  sgan,
  "a-net": aNet,
  multiscale: multiscaleJob,
  // Where its network is on this machine.
  ...(existsSync(join(process.env.GENCLASS_DATA ?? "", "backbones", `${NETWORK}.onnx`))
    ? { "fine-tune": fineTune }
    : {}),
};
