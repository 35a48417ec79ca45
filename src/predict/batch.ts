// The batches of a step as tensors: what a loss sees of the streams that a model declares.
import { ndarray } from "../base/array.ts";
import { batchInputs, MAIN_STREAM, MAIN_VIEW, MIX_FIELDS, PARTNER_VIEW } from "../data/batches.ts";
import * as g from "../graph/ops/index.ts";
import { constant, input, type Tensor } from "../graph/tensor.ts";
import type { Batch, DataSpec, Mixed, TableSpec } from "../models/model.ts";

/** The name of the table that batches carry soft labels in, `[classes]` a picture. */
export const SOFT = "soft labels";

/** What of a batch depends on the run. */
export interface BatchUse {
  /** Weight of each class in the class loss; all 1 when absent. */
  readonly classWeights?: Float32Array;
  readonly tables?: Readonly<Record<string, TableSpec>>;
}

/** The part of a stream that its tensors depend on. */
export interface BatchShape {
  /** Of the stream. */
  readonly name: string;
  /** Pictures a step. */
  readonly size: number;
  /** By name; only the names matter here. */
  readonly views: Readonly<Record<string, unknown>>;
  /** Whether the first view is also there mixed with others. */
  readonly mixes: boolean;
}

/** The batch of a stream as inputs that are fed bytes, labels, weights and table rows. */
export function batchTensors({ name, size, views, mixes }: BatchShape, spec: DataSpec, use: BatchUse = {}): Batch {
  const inputs = batchInputs(name);
  const shape = [size, spec.height, spec.width, spec.channels];
  const pictures = Object.fromEntries(
    Object.keys(views).map((view) => [view, pixelsToUnit(input(inputs.view(view), shape, "uint8"))]),
  );
  const labels = input(inputs.labels, [size], "int32");
  const known = g.cast(g.greaterEqual(labels, 0), "float32");
  const tables = Object.fromEntries(
    Object.entries(use.tables ?? {}).map(([table, { shape }]) => [table, input(inputs.table(table), [size, ...shape])]),
  );
  const batch: Batch = {
    x: Object.values(pictures)[0]!,
    views: pictures,
    labels,
    weights: input(inputs.weights, [size]),
    labelled: use.classWeights ? g.mul(known, weightOf(labels, use.classWeights)) : known,
    tables,
    ...(tables[SOFT] ? { soft: tables[SOFT] } : {}),
  };
  return mixes ? { ...batch, mixed: mixed(name, batch) } : batch;
}

/** What of a set plain batches are made of. */
export interface PlainUse extends Pick<BatchUse, "tables"> {
  /** Whether the pictures have partners. Default: no. */
  readonly paired?: boolean;
}

/** A batch as it is, for outputs. */
export interface PlainBatch extends Batch {
  /** Number of classes of the data. */
  readonly classes: number;
}

/** The plain batch of the main stream: pictures, and where they are `paired` their partners; nothing mixed. */
export const plainBatch = (size: number, spec: DataSpec, { paired = false, tables }: PlainUse = {}): PlainBatch => {
  const views = { [MAIN_VIEW]: "plain", ...(paired ? { [PARTNER_VIEW]: "partner" } : {}) };
  const batch = batchTensors({ name: MAIN_STREAM, size, views, mixes: false }, spec, { tables });
  return { ...batch, classes: spec.classes.length };
};

/** The class weight of each label; unlabelled ones read the first, and count nothing. */
function weightOf(labels: Tensor, weights: Float32Array): Tensor {
  const table = constant(ndarray("float32", [weights.length], weights));
  return g.gather(table, g.maximum(labels, 0));
}

/** Pictures with a partner's mixed in: inside a box by one share, outside by another (see `MIX_FIELDS`). */
function mixed(stream: string, { x, labels, labelled, soft }: Batch): Mixed {
  const [n, height, width] = x.shape as [number, number, number, number];
  const inputs = batchInputs(stream);
  const partner = input(inputs.partner, [n], "int32");
  const mix = input(inputs.mix, [n, MIX_FIELDS]);
  const field = (i: number) => g.reshape(g.slice(mix, [0, i], [n, 1]), [n, 1, 1, 1]);
  const along = (length: number, shape: number[]) =>
    constant(
      ndarray(
        "float32",
        shape,
        Float32Array.from({ length }, (_, i) => i),
      ),
    );
  const within = (at: Tensor, from: Tensor, to: Tensor) =>
    g.mul(g.cast(g.greaterEqual(at, from), "float32"), g.cast(g.less(at, to), "float32"));
  const inside = g.mul(
    within(along(height, [1, height, 1, 1]), field(0), field(2)),
    within(along(width, [1, 1, width, 1]), field(1), field(3)),
  );
  const share = g.add(g.mul(inside, field(4)), g.mul(g.sub(1, inside), field(5)));
  const other = g.gather(x, partner);
  return {
    x: g.add(other, g.mul(g.sub(x, other), share)),
    labels: g.gather(labels, partner),
    ...(soft ? { soft: g.gather(soft, partner) } : {}),
    share: g.reshape(g.slice(mix, [0, 6], [n, 1]), [n]),
    labelled: g.mul(labelled, g.gather(labelled, partner)),
  };
}

/** Bytes 0..255 to 0..1. */
export const pixelsToUnit = (pixels: Tensor): Tensor => g.mul(g.cast(pixels, "float32"), 1 / 255);
