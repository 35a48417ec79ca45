// Classifying by several views of a picture: the mean of what is said of each.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { DataSpec } from "./model.ts";

/**
 * Views by which a picture can be classified. `one`: as it is. `mirror`: also its mirror image, where data may be mirrored. `six`:
 * also moved by a pixel up and to the left, and down and to the right, each of which counts half as much.
 */
export const TEST_VIEWS = ["one", "mirror", "six"] as const;

/** The option of models that look at a picture and its mirror image, unless they are on a pretrained network. */
export const testViewsOption = z
  .enum(["auto", ...TEST_VIEWS])
  .default("auto")
  .describe(
    "views that a class is the mean over: one, mirror (where the data may be mirrored), six (also moved by a pixel); auto: mirror, and one on a --backbone network, which is computed anew for each",
  );

/** The views that a value of `testViewsOption` stands for. */
export const testViews = (
  views: z.infer<typeof testViewsOption>,
  { backbone }: DataSpec,
): (typeof TEST_VIEWS)[number] => (views !== "auto" ? views : backbone ? "one" : "mirror");

/**
 * The mean of logits `[n, k]` over views of pictures `[n, h, w, c]` (Jordan 2024, 94% on CIFAR-10 in 3.29 Seconds, section 3.5). What
 * comes in at an edge when a picture is moved is that edge again; the source reflects.
 * @param mirror whether a mirrored picture is of the same class; otherwise there are no mirror images among the views
 */
export function overViews(
  views: (typeof TEST_VIEWS)[number],
  mirror: boolean,
  x: Tensor,
  logits: (x: Tensor) => Tensor,
): Tensor {
  const both = (picture: Tensor) =>
    mirror && views !== "one" ? g.mul(g.add(logits(picture), logits(g.reverse(picture, 2))), 0.5) : logits(picture);
  if (views !== "six") return both(x);
  const moved = [1, -1].map((by) => both(moveAlong(moveAlong(x, 1, by), 2, by)));
  return g.add(g.mul(both(x), 0.5), g.mul(g.add(moved[0]!, moved[1]!), 0.25));
}

/** Pictures moved by a pixel along an axis, forwards or backwards, the edge that it comes from doubled. */
function moveAlong(x: Tensor, axis: 1 | 2, by: number): Tensor {
  const size = x.shape[axis]!;
  const [kept, edge] =
    by > 0
      ? [g.sliceAxis(x, axis, 0, size - 1), g.sliceAxis(x, axis, 0, 1)]
      : [g.sliceAxis(x, axis, 1, size), g.sliceAxis(x, axis, size - 1, size)];
  return g.concat(by > 0 ? [edge, kept] : [kept, edge], axis);
}
