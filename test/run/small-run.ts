// The smallest whole run: logistic regression on ten pictures, two epochs of two steps.
import { z } from "zod";
import * as g from "../../src/graph/ops/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { head } from "../../src/models/heads.ts";
import { defineModel } from "../../src/models/model.ts";
import { dense } from "../../src/nn/layers.ts";
import { classLoss } from "../../src/nn/losses.ts";
import type { Scope } from "../../src/nn/scope.ts";
import { resumeRun, startRun, type Training, type TrainOptions } from "../../src/run/train.ts";
import { nativeBackend } from "../../src/runtime/native.ts";
import type { RunEvent } from "../../src/train/events.ts";
import { phase, pictures, data as tiny } from "../train/tiny.ts";

/** Ten pictures for training, the fewest that a run takes: an epoch is two steps of five. */
export const data = { ...tiny, train: pictures([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]) };

export const backend = nativeBackend({ threads: 1 });

const logits = (scope: Scope, x: Tensor) => dense(scope.child("classes"), g.flatten(x), 2);

/** Its options: a share of the training from which on an update makes every weight infinite. */
export const model = defineModel({
  name: "small",
  title: "logistic regression",
  cite: "Written for the tests, 2026",
  options: z.object({
    breaksAt: z.number().default(2).describe("share of training from which on the learning rate is infinite"),
  }),
  build: ({ breaksAt }) => ({
    stages: [
      {
        phases: [
          phase("joint", {
            updates: [""],
            schedule: (progress) => (progress < breaksAt ? 1 : Number.POSITIVE_INFINITY),
            loss(scope, batch) {
              const loss = classLoss(logits(scope, batch.x), batch);
              return { loss, log: { loss } };
            },
          }),
        ],
      },
    ],
    best: ["nll"],
    heads: { classify: head(["picture"], "logits", (scope, { picture }) => logits(scope, picture)) },
  }),
});

/** A new run in a folder. */
export const start = (out: string, more: Partial<TrainOptions> = {}): Promise<Training> =>
  startRun(model, { data, backend, out, epochs: 2, batch: 5, ...more });

/** A run that goes on. */
export const resume = (out: string, more: Partial<TrainOptions> = {}): Promise<Training> =>
  resumeRun(out, { data, backend, model, ...more });

/** All that a run tells until it ends, or until `isEnough`: it is then left, as a killed one would be. */
export async function finish({ events }: Training, isEnough?: (event: RunEvent) => boolean): Promise<RunEvent[]> {
  const told: RunEvent[] = [];
  for await (const event of events) {
    told.push(event);
    if (isEnough?.(event)) break;
  }
  return told;
}
