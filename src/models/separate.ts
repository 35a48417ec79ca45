// Training of a classifier beside a generative model, with which it shares nothing: first what the model learns of all pictures, then the
// classifier, of labels.
import type { Tensor } from "../graph/tensor.ts";
import type { Scope } from "../nn/scope.ts";
import { fastBatch } from "./fast-training.ts";
import { type BuiltModel, type DataSpec, type Phase, type PhaseRule, USUAL_BATCH } from "./model.ts";
import { supervised } from "./supervised.ts";

/** What the training is told of a model. */
export interface SeparateOptions {
  readonly data: DataSpec;
  /** Logits `[n, classes]` of pictures `[n, h, w, c]`. */
  readonly classify: (scope: Scope, pictures: Tensor) => Tensor;
  /** How the classifier's parameters are trained. */
  readonly rule: PhaseRule;
  /** Smoothing of the labels, 0..1. */
  readonly smoothing: number;
  /** Phases of the first stage; they read the stream `all`, whose view is the plain picture. */
  readonly generative: readonly Phase[];
  /** The first stage's share of training, 0..1. */
  readonly share: number;
}

/** Pictures a step of the classifier at the usual `--batch`: those of the fast net; on a pretrained network the usual batch. */
export const separateBatch = (data: DataSpec): number => (data.backbone ? USUAL_BATCH : fastBatch(data));

/** Stages and streams of training the classifier apart. */
export function separate(o: SeparateOptions): Pick<BuiltModel, "stages" | "streams"> {
  const { phase, streams } = supervised(o.rule, o.classify, o.smoothing);
  return {
    stages: [
      { name: "generative", share: o.share, phases: o.generative },
      { name: "classifier", share: 1 - o.share, phases: [phase] },
    ],
    streams: {
      all: { views: { x: "plain" } },
      labelled: { ...streams.labelled, share: separateBatch(o.data) / USUAL_BATCH },
    },
  };
}
