// Learning from labels alone, for every model with a classifier that has a phase of its own for it.
import type { Tensor } from "../graph/tensor.ts";
import { classLoss } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import type { Phase, PhaseRule, StreamSpec } from "./model.ts";

/**
 * The phase `classifier`: the cross entropy of the labels of the stream `labelled`, of pictures that are mixed with others where the
 * run's augmentation mixes.
 * @param classify logits `[n, classes]` of pictures `[n, h, w, c]`
 * @param smoothing of the labels, 0..1
 * @returns the phase, and the stream that it reads
 */
export function supervised(
  rule: PhaseRule,
  classify: (scope: Scope, pictures: Tensor) => Tensor,
  smoothing = 0,
): { readonly phase: Phase; readonly streams: { readonly labelled: StreamSpec } } {
  const phase: Phase = {
    ...rule,
    name: "classifier",
    loss(scope, _, { labelled }) {
      const loss = classLoss(classify(scope, (labelled!.mixed ?? labelled!).x), labelled!, smoothing);
      return { loss, log: { loss } };
    },
  };
  return { phase, streams: { labelled: { from: "labelled" } } };
}
