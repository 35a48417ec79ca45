import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.ts";
import { inMemory } from "../../src/data/pixels.ts";
import * as g from "../../src/graph/ops/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { BuiltModel } from "../../src/models/model.ts";
import type { Initializer } from "../../src/nn/init.ts";
import { batchNorm, dense } from "../../src/nn/layers.ts";
import { classLoss, squaredError, weightedMean } from "../../src/nn/losses.ts";
import { adam } from "../../src/nn/optim.ts";
import { schedule } from "../../src/nn/schedule.ts";
import type { Scope } from "../../src/nn/scope.ts";
import type { State } from "../../src/runtime/program.ts";
import { fit } from "../../src/train/fit.ts";
import type { Snapshot } from "../../src/train/fit-options.ts";
import { BACKENDS, expectClose } from "../helpers.ts";
import { wave } from "../reference/wave.ts";

/** Written by test/reference/phases.py with PyTorch 2.6. */
const reference = JSON.parse(readFileSync(new URL("../reference/phases.json", import.meta.url), "utf8")) as {
  losses: Record<"classify" | "reconstruct", number[]>;
  state: Record<string, number[]>;
};
/** Both compute in float32; 18 steps of Adam spread single roundings (6e-8) to about 1e-6, and differently a backend. */
const TOLERANCE = 1e-4;

/** All pictures are one batch, so that their order changes nothing but roundings. */
const PICTURES = 12;
const data: Dataset = {
  name: "twelve",
  classes: ["a", "b", "c"],
  mirror: false,
  warnings: [],
  train: {
    ...{ height: 4, width: 4, channels: 1 },
    pixels: inMemory(
      16,
      Uint8Array.from({ length: PICTURES * 16 }, (_, i) => (37 * i * i + 11 * i + 5) % 256),
    ),
    labels: Int32Array.from({ length: PICTURES }, (_, i) => (i % 4 === 3 ? -1 : i % 4)),
  },
};

const waveInit =
  (phase: number, scale: number): Initializer =>
  (shape) =>
    wave(shape, phase, scale).data as Float32Array;

function encode(scope: Scope, x: Tensor): Tensor {
  const trunk = scope.child("trunk");
  return g.tanh(
    batchNorm(trunk.child("norm"), dense(trunk, g.flatten(x), 6, { bias: false, init: waveInit(0.1, 0.4) })),
  );
}
const classify = (scope: Scope, x: Tensor) =>
  dense(scope.child("classifier"), encode(scope, x), 3, { init: waveInit(0.2, 0.5) });
const decode = (scope: Scope, latent: Tensor) =>
  g.sigmoid(dense(scope.child("decoder"), latent, 16, { init: waveInit(0.3, 0.4) }));

const cosine = schedule("cosine");
const model: BuiltModel = {
  heads: {},
  stages: [
    {
      phases: [
        {
          name: "classify",
          updates: ["classifier/", { prefix: "trunk/", rateScale: 0.5, decayScale: 0 }],
          optimizer: adam({ decay: 0.5 }),
          learningRate: 0.02,
          schedule: cosine,
          clip: 0.25,
          emaDecay: 0.6,
          loss(scope, batch) {
            const lossOf = (x: Tensor) => classLoss(classify(scope, x), batch, 0.1);
            const loss = g.add(lossOf(batch.x), lossOf(g.square(batch.x)));
            return { loss, log: { loss } };
          },
        },
        {
          name: "reconstruct",
          updates: ["decoder/"],
          every: 2,
          optimizer: adam({ beta1: 0.5, beta2: 0.9 }),
          learningRate: 0.05,
          schedule: cosine,
          loss(scope, { x, weights }) {
            const loss = weightedMean(squaredError(decode(scope, encode(scope, x)), g.flatten(x)), weights);
            return { loss, log: { loss } };
          },
        },
      ],
    },
  ],
};

describe("training in two phases", () => {
  it.each(BACKENDS)(
    "equals PyTorch's for 18 steps on $name: groups of AdamW, every second step, clipping, schedule, averages, batch norm on two batches",
    async (backend) => {
      const losses: Record<string, number[]> = { classify: [], reconstruct: [] };
      let saved: Snapshot | undefined;
      const run = fit({
        ...{ name: "two phases", model, data, backend, seed: 1, batch: PICTURES, augmentation: {} },
        epochs: 18,
        emaDecay: 0.3,
        save: (_which, snapshot) => {
          saved = snapshot;
        },
      });
      for await (const event of run)
        if (event.type === "step")
          for (const [name, value] of Object.entries(event.losses)) losses[name.replace("/loss", "")]!.push(value);

      for (const phase of ["classify", "reconstruct"] as const)
        expectClose(
          Float64Array.from(losses[phase]!),
          Float64Array.from(reference.losses[phase]),
          TOLERANCE,
          `losses of ${phase}`,
        );
      const state = withoutSlots(saved!.state);
      expect([...state.keys()].sort()).toEqual(Object.keys(reference.state).sort());
      for (const [path, values] of Object.entries(reference.state))
        expectClose(state.get(path)!.data, Float64Array.from(values), TOLERANCE, path);
    },
  );
});

/** Parameters, averages and running statistics. */
const withoutSlots = (state: State): State => new Map([...state].filter(([path]) => !path.startsWith("optimizer/")));
