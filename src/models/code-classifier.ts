// A classifier on the codes of an encoder that learns without labels: what those codes know of the classes.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform } from "../nn/init.ts";
import { dense, dropout } from "../nn/layers.ts";
import { classLoss } from "../nn/losses.ts";
import { adam } from "../nn/optim.ts";
import type { Scope } from "../nn/scope.ts";
import { mostlyUnlabelled } from "./labelled-half.ts";
import type { DataSpec, Phase, Streams } from "./model.ts";

/** Units of its hidden layer, and what of them is dropped while it learns. */
const [HIDDEN, DROPPED] = [256, 0.5];

/** Logits `[n, k]` of codes `[n, d]`, by one hidden layer. */
export function classifyCodes(root: Scope, codes: Tensor, k: number): Tensor {
  const scope = root.child("classifier");
  const hidden = dropout(scope.child("drop"), g.relu(dense(scope.child("dense"), codes, HIDDEN)), DROPPED);
  return dense(scope.child("out"), hidden, k, { init: glorotUniform });
}

/**
 * The phase that trains it, and it alone: it sees the averaged encoder, which is what codes come from after training.
 * @param encode codes `[n, d]` of pictures
 */
export const codeClassifier = (
  encode: (scope: Scope, x: Tensor) => Tensor,
  k: number,
  rule: Pick<Phase, "learningRate" | "schedule">,
): Phase => ({
  ...rule,
  name: "classifier",
  updates: ["classifier/"],
  optimizer: adam(),
  loss(scope, all, { labelled }) {
    const taught = labelled ?? all;
    const cross = classLoss(classifyCodes(scope, encode(scope.averaged, taught.x), k), taught);
    return { loss: cross, log: { class: cross } };
  },
});

/** Pictures as they are, and, where most have no label, a stream of those that have one for the classifier. */
export const plainStreams = (examples: DataSpec["examples"]): Streams => ({
  all: { views: { x: "plain" } },
  ...(mostlyUnlabelled(examples) ? { labelled: { from: "labelled", views: { x: "plain" } } } : {}),
});
