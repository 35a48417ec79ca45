// What tests of new training pictures share: pictures of two kinds, and models that need no training to encode and decode them.

import { z } from "zod";
import type { Dataset } from "../../src/data/dataset.ts";
import { inMemory } from "../../src/data/pixels.ts";
import * as g from "../../src/graph/ops/index.ts";
import { type Heads, head } from "../../src/models/heads.ts";
import { type BuiltModel, defineModel } from "../../src/models/model.ts";
import { TrainedModel } from "../../src/predict/trained.ts";
import { Random } from "../../src/random/random.ts";
import { nativeBackend } from "../../src/runtime/native.ts";

export const backend = nativeBackend({ threads: 1 });
const SIDE = 8;
/** Bytes of a picture. */
export const SIZE = SIDE * SIDE;
const spec = { height: SIDE, width: SIDE, channels: 1, classes: ["flat", "upright"], mirror: false };

/** `n` pictures of each class: a bright bar across or down, at a random place, on dark noise. */
export function bars(n: number, seed = 1): Dataset {
  const random = new Random(seed, "bars");
  const labels = Int32Array.from({ length: 2 * n }, (_, i) => i % 2);
  const bytes = Uint8Array.from({ length: 2 * n * SIZE }, () => random.integer(60));
  for (const [i, label] of labels.entries()) {
    const place = random.integer(SIDE);
    for (let k = 0; k < SIDE; k++)
      bytes[i * SIZE + (label === 0 ? place * SIDE + k : k * SIDE + place)] = 200 + random.integer(50);
  }
  const train = { height: SIDE, width: SIDE, channels: 1, pixels: inMemory(SIZE, bytes), labels };
  return { name: "bars", classes: spec.classes, mirror: false, warnings: [], train };
}

/** A model whose latent vectors are the pictures themselves. */
export const plain = {
  encode: head(["picture"], "latent", (_scope, { picture }) => g.flatten(picture)),
  decode: head(["latent"], "picture", (_scope, { latent, n }) => g.reshape(latent, [n, SIDE, SIDE, 1])),
};

/** A trained model of bars with these heads, which learnt from these streams. */
export function modelOf(heads: Heads, streams?: BuiltModel["streams"]): TrainedModel {
  const model = defineModel({
    ...{ name: "bars", title: "bars", cite: "2026", options: z.object({}) },
    build: () => ({ heads, streams, stages: [], latentSize: SIZE }),
  });
  return new TrainedModel(
    { model: "bars", options: {}, data: spec },
    { state: new Map(), fitted: new Map() },
    backend,
    model,
  );
}
