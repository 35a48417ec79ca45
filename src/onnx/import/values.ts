// Values while a file's graph is walked: what is known before any picture is there, and what is computed from pictures.
import { type DType, type NdArray, ndarray, type Shape, stridesOf } from "../../base/array.ts";
import * as g from "../../graph/ops/index.ts";
import type { Tensor } from "../../graph/tensor.ts";

/** What the file itself holds, or what follows from shapes alone. */
export interface Known {
  readonly kind: "known";
  readonly type: "float" | "int" | "bool";
  readonly shape: Shape;
  /** In the file's order. Whole numbers are numbers, exact to 2⁵³. */
  readonly data: ArrayLike<number>;
  /** What the file calls it. */
  readonly name: string;
}

/**
 * What depends on pictures. The axes of `tensor` are those of the file in another order, so that a file's `[n, c, h, w]` is our
 * `[n, h, w, c]` without anything being moved.
 */
export interface Computed {
  readonly kind: "computed";
  readonly tensor: Tensor;
  /** Axis i of `tensor` is the file's axis `order[i]`. */
  readonly order: readonly number[];
  /** In the file's order. */
  readonly shape: Shape;
  /** Whether weights have been applied to it. */
  readonly learned: boolean;
  /** How often the picture has been halved on the way. */
  readonly level: number;
}

/** A value of a file's graph. */
export type Value = Known | Computed;

/** The file's own order of `rank` axes. */
export const fileOrder = (rank: number): number[] => Array.from({ length: rank }, (_, i) => i);

/** Channels, the file's axis 1, last: our images. */
export const channelsLast = (rank: number): number[] =>
  rank < 3 ? fileOrder(rank) : [0, ...fileOrder(rank).slice(2), 1];

/** The file's shape of a tensor whose axes are in `order`. */
export function shapeInFile(tensor: Tensor, order: readonly number[]): number[] {
  const shape = new Array<number>(order.length);
  order.forEach((axis, i) => {
    shape[axis] = tensor.shape[i]!;
  });
  return shape;
}

/** A value like `like` in what led to it. */
export function computed(
  tensor: Tensor,
  order: readonly number[],
  like: Pick<Computed, "learned" | "level">,
): Computed {
  return {
    kind: "computed",
    tensor,
    order,
    shape: shapeInFile(tensor, order),
    learned: like.learned,
    level: like.level,
  };
}

/** The tensor of a value with its axes in `order`; moved only where axes of more than one element change places. */
export function inOrder(value: Computed, order: readonly number[]): Tensor {
  const { tensor, shape } = value;
  const matters = (axes: readonly number[]) => axes.filter((axis) => shape[axis] !== 1).join();
  if (matters(value.order) === matters(order))
    return g.reshape(
      tensor,
      order.map((axis) => shape[axis]!),
    );
  return g.transpose(
    tensor,
    order.map((axis) => value.order.indexOf(axis)),
  );
}

/** The tensor of a value as the file has it. */
export const asInFile = (value: Computed): Tensor => inOrder(value, fileOrder(value.shape.length));

/** A value with axes of size 1 before its own, to `rank` axes. */
export function widened<V extends Value>(value: V, rank: number): V {
  const more = rank - value.shape.length;
  if (more <= 0) return value;
  const shape = [...new Array<number>(more).fill(1), ...value.shape];
  if (value.kind === "known") return { ...value, shape };
  const order = [...fileOrder(more), ...value.order.map((axis) => axis + more)];
  const tensor = g.reshape(
    value.tensor,
    order.map((axis) => shape[axis]!),
  );
  return { ...value, shape, order, tensor };
}

/** The values of an array with its axes in another order. */
export function reordered(data: ArrayLike<number>, shape: Shape, order: readonly number[]): Float32Array {
  const out = new Float32Array(data.length);
  const strides = stridesOf(shape);
  const sizes = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const counter = new Array<number>(order.length).fill(0);
  let at = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = data[at]!;
    for (let axis = order.length - 1; axis >= 0; axis--) {
      counter[axis]!++;
      at += steps[axis]!;
      if (counter[axis]! < sizes[axis]!) break;
      at -= steps[axis]! * sizes[axis]!;
      counter[axis] = 0;
    }
  }
  return out;
}

const STORED: Readonly<Record<Known["type"], DType>> = { float: "float32", int: "int32", bool: "bool" };

/** A known value as an array of ours, its axes in `order`; whole numbers are those that float32 holds. */
export function arrayOf({ type, shape, data }: Known, order = fileOrder(shape.length)): NdArray {
  const values = reordered(data, shape, order);
  const sizes = order.map((axis) => shape[axis]!);
  return ndarray(STORED[type], sizes, type === "float" ? values : Array.from(values));
}
