// Novelty as a head: the score of metrics/novelty.ts as a graph, so that a run and its exported file say the same.
import { ndarray } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import { hasResidual, LEAST_RESIDUAL, SHORTEST } from "../metrics/feature-distance.ts";
import type { Fitted } from "../metrics/metric.ts";
import {
  type ClassFeatures,
  isOfAnotherVersion,
  NOVELTY_PICTURES,
  type NoveltyTables,
  noveltyTables,
} from "../metrics/novelty.ts";
import type { TailTable } from "../metrics/tail-table.ts";
import { type Head, type Heads, head } from "../models/heads.ts";
import { type Asked, askedOf, hasStatistics, statistics, statisticsCount } from "./statistics.ts";

/** Whether and how novelty is told of a trained model. */
export type NoveltyBasis =
  /** It is told: the head, and the largest share of pictures like those of validation that are beyond 1, 0..1. */
  | { readonly head: Head; readonly falseAlarms: number }
  /** It is not, and why. */
  | { readonly lacking: string };

/** The novelty of a model with these heads, by what was fitted on its validation pictures. */
export function noveltyOf(heads: Heads, fitted: Fitted): NoveltyBasis {
  if (!hasStatistics(heads)) return { lacking: "the model neither classifies nor encodes nor reconstructs" };
  if (isOfAnotherVersion(fitted))
    return {
      lacking: "what was fitted for it is of another version of genclass; train again, or read it with that one",
    };
  const known = noveltyTables(fitted);
  if (!known)
    return {
      lacking: `nothing was fitted for it; training does that when it ends, with at least ${NOVELTY_PICTURES} validation pictures`,
    };
  if (known.tables.length !== statisticsCount(heads) + featureTables(known.features))
    return { lacking: "what was fitted for it is of another version of the model; train again" };
  const score = head(["picture"], "score", (scope, { picture }) =>
    noveltyScore(known, heads, askedOf(heads, scope, picture)),
  );
  return { head: score, falseAlarms: known.falseAlarms };
}

/** How many tables are of features: those of `featureStatistics`. */
const featureTables = (features: ClassFeatures | undefined): number =>
  features === undefined ? 0 : hasResidual(features.projection) ? 2 : 1;

/** Novelty `[n]`: 0 for a picture as novel as the median of validation, 1 at the threshold. */
function noveltyScore({ tables, features, median, threshold }: NoveltyTables, heads: Heads, asked: Asked): Tensor {
  const own = statistics(heads, asked);
  const values = features ? g.concat([own, g.stack(featureStatistics(features, asked), 1)], 1) : own;
  const score = g.sqrt(g.sum(g.square(rarities(tables, values)), 1)); // scoreOf
  return g.mul(g.sub(score, median), 1 / Math.max(threshold - median, 1e-6));
}

const matrix = (shape: readonly number[], values: ArrayLike<number>): Tensor =>
  constant(ndarray("float32", shape, Float32Array.from(values)));

/** `rarity` of each of the values `[n, s]` by the table of its column. */
function rarities(tables: readonly TailTable[], values: Tensor): Tensor {
  const s = tables.length;
  const { heights } = tables[0]!;
  const gaps = heights.length - 1;
  const column = (of: (table: TailTable) => number) => matrix([1, s], tables.map(of));
  const rows = (of: (table: TailTable, j: number) => number) =>
    matrix(
      [1, s, gaps],
      tables.flatMap((table) => Array.from({ length: gaps }, (_, j) => of(table, j))),
    );
  // The height of the first knot, and of each gap between knots as much as lies below the value.
  const below = g.sub(
    g.reshape(values, [values.shape[0]!, s, 1]),
    rows(({ knots }, j) => knots[j]!),
  );
  const share = g.clip(
    g.mul(
      below,
      rows(({ knots }, j) => 1 / (knots[j + 1]! - knots[j]!)),
    ),
    0,
    1,
  );
  const inside = g.sum(
    g.mul(
      share,
      rows((_, j) => heights[j + 1]! - heights[j]!),
    ),
    2,
  );
  const before = g.relu(
    g.sub(
      column(({ knots }) => knots[0]!),
      values,
    ),
  );
  const beyond = g.relu(
    g.sub(
      values,
      column(({ knots }) => knots[gaps]!),
    ),
  );
  const tails = g.add(
    g.mul(
      before,
      column(({ slopes }) => slopes[0]),
    ),
    g.mul(
      beyond,
      column(({ slopes }) => slopes[1]),
    ),
  );
  return g.add(g.add(inside, heights[0]!), tails);
}

/** `unitRows` of features `[n, d]`. */
const unit = (rows: Tensor): Tensor => g.div(rows, g.maximum(g.sqrt(g.sum(g.square(rows), 1, true)), SHORTEST));

/** `relativeDistance` of the features of the pictures and, where they have one, `residual`: `[n]` each. */
function featureStatistics({ of, projection, gaussians }: ClassFeatures, { ask }: Asked): Tensor[] {
  const { axes, centre, basis } = projection;
  const { within, means, overall, mean } = gaussians;
  const classes = means.length / axes;
  const given = g.flatten(ask(of));
  const centred = g.sub(of === "pretrained" ? unit(given) : given, matrix([1, centre.length], centre));
  const directions = matrix([centre.length, axes], basis);
  const rows = g.matmul(centred, directions);
  const own = g.reshape(g.matmul(rows, matrix([axes, axes], within)), [rows.shape[0]!, 1, axes]);
  const distances = g.sum(g.square(g.sub(own, matrix([1, classes, axes], means))), 2);
  const nearest = g.neg(g.max(g.neg(distances), 1));
  const all = g.matmul(rows, matrix([axes, axes], overall));
  const distance = g.sub(nearest, g.sum(g.square(g.sub(all, matrix([1, axes], mean))), 1));
  if (!hasResidual(projection)) return [distance];
  const squared = (x: Tensor) => g.sum(g.square(x), 1);
  const left = squared(g.sub(centred, g.matmul(rows, directions, false, true)));
  return [distance, g.maximum(left, g.mul(squared(centred), LEAST_RESIDUAL))];
}
