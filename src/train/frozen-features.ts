// Features of a frozen part, computed before training: a step is fed them in place of computing that part.
import { sizeOf } from "../base/array.ts";
import type { Table } from "../data/batches.ts";
import * as g from "../graph/ops/index.ts";
import type { Batch, TableSpec } from "../models/model.ts";
import type { BuildOptions } from "../nn/scope.ts";

/** What a frozen part gives for each picture; rows are `[views, …]`, the first view of the picture as it is. */
export interface FrozenFeatures {
  /** Path of the part, as of `Scope.path`. */
  readonly path: string;
  /** Of the training part. */
  readonly train: Table;
  /** Of the validation part, where there is one: rows `[1, …]`. */
  readonly validation: Table | undefined;
}

/** The part, and the shape `[views, …]` of what there is for a picture. */
export interface FeaturePart extends Pick<FrozenFeatures, "path"> {
  readonly shape: readonly number[];
}

/** The name of the table that batches carry the features in. */
export const FEATURES = "frozen features";

/** That table as batches declare it. */
export const featureSpec = (shape: readonly number[]): Record<string, TableSpec> => ({
  [FEATURES]: { shape, fill: 0 },
});

/** The features as a table of batches, none where there are none. */
export const featureTable = (table: Table | undefined): Record<string, Table> => (table ? { [FEATURES]: table } : {});

/** The features of pictures as they are. */
export function firstViews(table: Table | undefined): Table | undefined {
  if (!table) return undefined;
  const { shape, rows } = table;
  const [all, width] = [sizeOf(shape), sizeOf(shape.slice(1))];
  const first = new Float32Array((rows.length / all) * width);
  for (let i = 0; i * all < rows.length; i++) first.set(rows.subarray(i * all, i * all + width), i * width);
  return { shape: [1, ...shape.slice(1)], rows: first };
}

/** Batches whose features a walk reads. */
export interface FeatureBatches {
  /** Those of pictures as they are: features of the first view. */
  readonly plain: readonly Batch[];
  /** Those of changed pictures: features of a view that is drawn for each picture. */
  readonly changed: readonly Batch[];
}

/** Lets a walk read the features of its batches. */
export function precomputed(
  path: string,
  { plain, changed }: FeatureBatches,
): NonNullable<BuildOptions["precomputed"]> {
  return (part, x) => {
    if (part.path !== path) return undefined;
    // Of other pictures (partners, mixed or generated ones, those of another source) they are computed in the step.
    const rows = [...plain, ...changed].find((batch) => batch.x === x)?.tables[FEATURES];
    if (!rows) return undefined;
    const [n, views, ...shape] = rows.shape as readonly number[] as [number, number, ...number[]];
    if (views === 1 || plain.some((batch) => batch.x === x))
      return g.reshape(g.sliceAxis(rows, 1, 0, 1), [n, ...shape]);
    const chosen = g.cast(g.floor(g.mul(part.noise("view", [n], "uniform"), views)), "int32");
    const mask = g.reshape(g.oneHot(chosen, views), [n, views, ...shape.map(() => 1)]);
    return g.sum(g.mul(rows, mask), 1);
  };
}
