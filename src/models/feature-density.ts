// Models of the features of a pretrained network in place of pictures: the density of features given a latent vector is a Gaussian,
// whose means dense layers give and whose variances, one for each feature, are trained.
import { z } from "zod";
import { fail } from "../base/errors.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { gaussian } from "../nn/distributions.ts";
import { glorotUniform, zerosInit } from "../nn/init.ts";
import { batchNorm, dense } from "../nn/layers.ts";
import { perExample } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import { type Head, head } from "./heads.ts";
import type { DataSpec } from "./model.ts";

/** The option of models that may be of pictures or of features. */
export const decodesOption = z
  .enum(["auto", "pictures", "features"])
  .default("auto")
  .describe(
    "what the decoder gives back: pictures, or features of the --backbone network; auto: features where that is frozen",
  );

/** A value of `decodesOption`. */
export type Decodes = z.infer<typeof decodesOption>;

/**
 * Whether a model is of features: of a network that is frozen as a whole, as features that are trained would become what is easily
 * given back.
 * @throws `E_OPTION` where there is no such network
 */
export function decodesFeatures(decodes: Decodes, { backbone }: DataSpec): boolean {
  const isFrozen = backbone?.frozen === "all";
  if (decodes === "features" && !isFrozen)
    fail(
      "E_OPTION",
      `--set decodes=features needs features that stay as they are; ${backbone ? "ask for --freeze all" : "name a network with --backbone"}`,
    );
  return decodes !== "pictures" && isFrozen;
}

/**
 * The view of pictures that a decoder learns to give back. Features that were computed before are of a mirror image half of the
 * time, of which a decoder of pictures would be shown the other one; a model of features sees both.
 */
export const decodedView = (decodes: Decodes, data: DataSpec): "augmented" | "plain" =>
  data.backbone?.frozen === "all" && !decodesFeatures(decodes, data) ? "plain" : "augmented";

/** Features `[n, d]` of one scale: each less its mean over the training pictures, over its standard deviation. */
export const scaledFeatures = (scope: Scope, features: Tensor): Tensor =>
  batchNorm(scope.child("scaled"), features, { scale: false });

/** Latent vectors `[n, latent]` to scaled features `[n, d]`. */
export function decodeFeatures(scope: Scope, latent: Tensor, hidden: number, d: number): Tensor {
  const y = g.relu(dense(scope.child("dense"), latent, hidden));
  return dense(scope.child("features"), y, d, { init: glorotUniform });
}

/** ln p(features | decoded), nats, `[n]`. */
export function featureLogProb(scope: Scope, features: Tensor, decoded: Tensor): Tensor {
  const logVariance = scope.child("likelihood").param("logVariance", [features.shape[1]!], zerosInit);
  // Never below a hundredth of what features vary by: one that is the same in all pictures would have any density.
  return perExample(gaussian.logProb(features, decoded, g.maximum(logVariance, 2 * Math.log(0.01))));
}

/** The head `featureError`: how far the features of a picture are from those that are given back, in standard deviations. */
export const featureErrorHead = (
  both: (scope: Scope, picture: Tensor) => { readonly features: Tensor; readonly decoded: Tensor },
): Head =>
  head(["picture"], "score", (scope, { picture }) => {
    const { features, decoded } = both(scope, picture);
    return g.sqrt(g.mean(g.square(g.sub(features, decoded)), 1));
  });
