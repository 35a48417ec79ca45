// A generator and a discriminator of dense layers, small enough to be trained in a second, with faults that can be planted.
import type { Dataset } from "../../src/data/dataset.ts";
import * as g from "../../src/graph/ops/index.ts";
import { scalar, type Tensor } from "../../src/graph/tensor.ts";
import { head } from "../../src/models/heads.ts";
import type { BuiltModel, Phase } from "../../src/models/model.ts";
import { batchNorm, dense } from "../../src/nn/layers.ts";
import { sigmoidCrossEntropy, weightedMean } from "../../src/nn/losses.ts";
import { adam } from "../../src/nn/optim.ts";
import type { Scope } from "../../src/nn/scope.ts";
import { nativeBackend } from "../../src/node.ts";
import type { AlarmEvent, EpochEvent, RunEvent } from "../../src/train/events.ts";
import { fit } from "../../src/train/fit.ts";
import type { FitOptions, Snapshot } from "../../src/train/fit-options.ts";

/** What may be wrong with it. */
export interface Faults {
  /** Default 1e-3. */
  readonly generatorRate?: number;
  /** Default 1e-3. */
  readonly discriminatorRate?: number;
  /** Whether the generator hears nothing of its noise. */
  readonly deaf?: boolean;
}

/** The model for pictures `[n, h, w, c]` of `data`. */
export function smallGan(
  { train: { height, width, channels } }: Dataset,
  { generatorRate = 1e-3, discriminatorRate = 1e-3, deaf = false }: Faults = {},
): BuiltModel {
  const generate = (root: Scope, n: number): Tensor => {
    const scope = root.child("generator");
    const noise = g.mul(root.noise("noise", [n, 16]), deaf ? 0 : 1);
    const hidden = g.relu(batchNorm(scope.child("norm"), dense(scope.child("hidden"), noise, 128)));
    const pixels = g.sigmoid(dense(scope.child("pixels"), hidden, height * width * channels));
    return g.reshape(pixels, [n, height, width, channels]);
  };
  const discriminate = (root: Scope, x: Tensor): Tensor => {
    const scope = root.child("discriminator");
    const hidden = g.leakyRelu(dense(scope.child("hidden"), g.flatten(x), 128), 0.2);
    return g.reshape(dense(scope.child("score"), hidden, 1), [x.shape[0]!]);
  };
  const loss = (scores: Tensor, real: 0 | 1) => sigmoidCrossEntropy(scores, scalar(real));
  const common = { optimizer: adam({ beta1: 0.5 }), schedule: () => 1 };
  const discriminator: Phase = {
    ...{ ...common, name: "discriminator", updates: ["discriminator/"], learningRate: discriminatorRate },
    emaDecay: "none",
    loss(scope, { x, weights }) {
      const real = weightedMean(loss(discriminate(scope, x), 1), weights);
      const generated = g.mean(loss(discriminate(scope, generate(scope, x.shape[0]!)), 0));
      return { loss: g.add(real, generated), log: { real, generated } };
    },
  };
  const generator: Phase = {
    ...{ ...common, name: "generator", updates: ["generator/"], learningRate: generatorRate },
    emaDecay: 0.9,
    loss(scope, { x }) {
      const own = g.mean(loss(discriminate(scope, generate(scope, x.shape[0]!)), 1));
      return { loss: own, log: { loss: own } };
    },
  };
  return {
    stages: [{ phases: [discriminator, generator] }],
    best: ["kernelDistance"],
    bestKeeps: { coverage: 0.95 },
    heads: {
      sample: head([], "picture", (scope, { n }) => generate(scope, n)),
      discriminate: head(["picture"], "score", (scope, { picture }) => discriminate(scope, picture)),
    },
  };
}

/** What a training told and left. */
export interface Trained {
  readonly epochs: readonly EpochEvent[];
  readonly alarms: readonly AlarmEvent[];
  readonly saved: Snapshot;
}

/** Trains a model on `data`. */
export async function trainGan(model: BuiltModel, data: Dataset, more: Partial<FitOptions> = {}): Promise<Trained> {
  const events: RunEvent[] = [];
  let saved: Snapshot | undefined;
  const running = fit({
    ...{ name: "small-gan", model, data, backend: nativeBackend(), seed: 1, batch: 32, augmentation: {} },
    save: (_which, snapshot) => void (saved = snapshot),
    ...more,
  });
  for await (const event of running) events.push(event);
  return {
    epochs: events.filter((event) => event.type === "epoch"),
    alarms: events.filter((event) => event.type === "alarm"),
    saved: saved!,
  };
}
