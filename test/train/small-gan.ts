// Generators and discriminators that are small enough to be trained in a second, with faults that can be planted.
import type { NdArray } from "../../src/base/array.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant, scalar, type Tensor } from "../../src/graph/tensor.ts";
import { head } from "../../src/models/heads.ts";
import type { BuiltModel, Phase } from "../../src/models/model.ts";
import { zerosInit } from "../../src/nn/init.ts";
import { batchNorm, dense } from "../../src/nn/layers.ts";
import { sigmoidCrossEntropy, weightedMean } from "../../src/nn/losses.ts";
import { adam } from "../../src/nn/optim.ts";
import type { Scope } from "../../src/nn/scope.ts";

import type { AlarmEvent, EpochEvent } from "../../src/train/events.ts";
import { fit } from "../../src/train/fit.ts";
import type { FitOptions, Snapshot } from "../../src/train/fit-options.ts";
import { allOf, NATIVE } from "../helpers.ts";

/** Learning rates of the two networks. */
export interface Rates {
  /** Default 1e-3. */
  readonly generator?: number;
  /** Default 3e-4. */
  readonly discriminator?: number;
}

/** What makes `n` pictures `[n, h, w, c]`, with its parameters under `generator/`. */
type Generator = (root: Scope, n: number) => Tensor;

/**
 * A model of any generator, against a discriminator of dense layers, with the losses of Goodfellow et al. 2014.
 * @param saturation where above 0: scores are a hyperbolic tangent of so many times what they were, flat where that is large
 */
export function smallGan(
  generate: Generator,
  { generator = 1e-3, discriminator = 3e-4 }: Rates = {},
  saturation = 0,
): BuiltModel {
  const discriminate = (root: Scope, x: Tensor): Tensor => {
    const scope = root.child("discriminator");
    const hidden = g.leakyRelu(dense(scope.child("hidden"), g.flatten(x), 128), 0.2);
    const score = g.reshape(dense(scope.child("score"), hidden, 1), [x.shape[0]!]);
    return saturation > 0 ? g.tanh(g.mul(score, saturation)) : score;
  };
  const loss = (scores: Tensor, real: 0 | 1) => sigmoidCrossEntropy(scores, scalar(real));
  const common = { optimizer: adam({ beta1: 0.5 }), schedule: () => 1 };
  const phases: Phase[] = [
    {
      ...{ ...common, name: "discriminator", updates: ["discriminator/"], learningRate: discriminator },
      emaDecay: "none",
      loss(scope, { x, weights }) {
        const real = weightedMean(loss(discriminate(scope, x), 1), weights);
        const generated = g.mean(loss(discriminate(scope, generate(scope, x.shape[0]!)), 0));
        return { loss: g.add(real, generated), log: { real, generated } };
      },
    },
    {
      ...{ ...common, name: "generator", updates: ["generator/"], learningRate: generator },
      emaDecay: 0.9,
      loss(scope, { x }) {
        const own = g.mean(loss(discriminate(scope, generate(scope, x.shape[0]!)), 1));
        return { loss: own, log: { loss: own } };
      },
    },
  ];
  return {
    stages: [{ phases }],
    best: ["kernelDistance"],
    bestKeeps: { coverage: 0.95 },
    heads: {
      sample: head([], "picture", (scope, { n }) => generate(scope, n)),
      discriminate: head(["picture"], "score", (scope, { picture }) => discriminate(scope, picture)),
    },
  };
}

/** A generator of dense layers. @param loudness factor on its noise; at 0 it makes one picture */
export const denseGenerator =
  ({ train: { height, width, channels } }: Dataset, loudness = 1): Generator =>
  (root, n) => {
    const scope = root.child("generator");
    const noise = g.mul(root.noise("noise", [n, 16]), loudness);
    const hidden = g.relu(batchNorm(scope.child("norm"), dense(scope.child("hidden"), noise, 128)));
    const pixels = g.sigmoid(dense(scope.child("pixels"), hidden, height * width * channels));
    return g.reshape(pixels, [n, height, width, channels]);
  };

/**
 * A generator that is perfect from the start: its samples are pictures that nobody trains on, only shaded a little. All that is
 * left to learn against it is which pictures are the training pictures.
 * @param pool pixels 0..1 `[m, h, w, c]`
 */
export const perfectGenerator =
  (pool: NdArray): Generator =>
  (root, n) => {
    const shade = g.exp(root.child("generator").param("shade", [], zerosInit));
    const which = g.floor(g.mul(root.noise("which", [n], "uniform"), pool.shape[0]!));
    const chosen = g.gather(constant(pool), g.cast(g.minimum(which, pool.shape[0]! - 1), "int32"));
    return g.minimum(g.mul(chosen, shade), 1);
  };

/** What a training told and left. */
export interface Trained {
  readonly epochs: readonly EpochEvent[];
  readonly alarms: readonly AlarmEvent[];
  readonly saved: Snapshot;
}

/** Trains a model on `data`. */
export async function trainGan(model: BuiltModel, data: Dataset, more: Partial<FitOptions> = {}): Promise<Trained> {
  let saved: Snapshot | undefined;
  const running = fit({
    ...{ name: "small-gan", model, data, backend: NATIVE, seed: 1, batch: 32, augmentation: {} },
    save: (_which, snapshot) => void (saved = snapshot),
    ...more,
  });
  const events = await allOf(running);
  return {
    epochs: events.filter((event) => event.type === "epoch"),
    alarms: events.filter((event) => event.type === "alarm"),
    saved: saved!,
  };
}
