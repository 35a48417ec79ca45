// The fast net as a classifier of pictures, for every model that can have it: its networks, how they are trained, and its options.
import { z } from "zod";
import type { Tensor } from "../graph/tensor.ts";
import { fastLogits, fastNet, largest } from "../nn/fast-net.ts";
import type { Scope } from "../nn/scope.ts";
import { FAST_OPTIMIZERS, fastTraining, fastWidths, WIDTHS_PATTERN } from "./fast-training.ts";
import type { DataSpec, PhaseRule } from "./model.ts";

/** A trunk, what is above it, and how both are trained. */
export interface Classifier {
  /** `[n, f]` of what `belowLayers` gives. */
  features(scope: Scope, seen: Tensor): Tensor;
  /** `[n, classes]` */
  logits(scope: Scope, features: Tensor): Tensor;
  readonly rule: PhaseRule;
}

/** Options of a model that can have it. @param where when the model has it, as options are described */
export const fastOptions = (where: string) => ({
  fastWidths: z
    .string()
    .regex(...WIDTHS_PATTERN)
    .default("auto")
    .describe(`${where}: channels of the fast net's groups, as in 64-256-256; auto: by the kind of picture`),
  fastOptimizer: z
    .enum(FAST_OPTIMIZERS)
    .default("muon")
    .describe(`${where}: muon: filters by Muon, the rest by Adam; sgd: Nesterov momentum; adam: AdamW`),
  fastRate: z.number().min(1e-3).max(100).default(1).describe(`${where}: factor on the optimizer's learning rates`),
});

/**
 * The net of Jordan 2024, with its last layer: the largest value of each map, and no bias.
 * @param batch pictures a step, by which rates go
 * @param how whether it is trained from few labels (see `fastWidths`)
 */
export function fastClassifier(
  o: z.infer<z.ZodObject<ReturnType<typeof fastOptions>>>,
  data: DataSpec,
  batch: number,
  how?: { readonly fewLabels: boolean },
): Classifier {
  const widths = fastWidths(o.fastWidths, data, how);
  return {
    features: (scope, x) => largest(fastNet(scope.child("trunk"), x, widths).at(-1)!),
    logits: (scope, features) => fastLogits(scope.child("out"), features, data.classes.length),
    rule: fastTraining(o.fastOptimizer, ["trunk/"], ["out/"], o.fastRate, batch),
  };
}
