// Ops that move values about in several passes: padding, joining, and putting patches back together.
import { type Shape, sizeOf } from "../../base/array.ts";
import type { Window } from "../../graph/ops/window.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { atPlace, contiguous, part, patchesView, strided, type Transform, type View } from "./view.ts";

/** The names of the ops. Their operands may be computed on the way. */
export const MOVES: readonly string[] = ["pad", "concat", "unpatches", "interleave"];

/** One pass: a part of an operand, as `transform` shows it, goes to `target` of the array. */
export interface MovePass {
  readonly operand: Tensor;
  readonly transform?: Transform;
  readonly target: View;
  readonly size: number;
  /** Whether it is added to what is there. */
  readonly add?: boolean;
}

export interface Move {
  /** What the array holds first, where the passes do not cover it. */
  readonly fill: number | undefined;
  /** The array that the passes write. */
  readonly shape: Shape;
  readonly passes: readonly MovePass[];
  /** The part of the array that is the result; absent: all of it. */
  readonly inner?: View;
}

export function moveOf(node: Tensor): Move {
  const { name } = node.op;
  if (name === "pad") {
    const [x] = node.inputs as [Tensor];
    const target = part(node.shape, node.attrs.before as readonly number[], x.shape);
    const passes = [{ operand: x, target, size: sizeOf(x.shape) }];
    return { fill: node.attrs.value as number, shape: node.shape, passes };
  }
  if (name === "unpatches") return unpatches(node);
  if (name === "interleave") return interleave(node);
  const axis = node.attrs.axis as number;
  let at = 0;
  const passes = node.inputs.map((x) => {
    const begin = node.shape.map((_, i) => (i === axis ? at : 0));
    at += x.shape[axis]!;
    return { operand: x, target: part(node.shape, begin, x.shape), size: sizeOf(x.shape) };
  });
  return { fill: undefined, shape: node.shape, passes };
}

/** Each picture `[n, c, h, w]` to its places of the result's tiles. */
function interleave(node: Tensor): Move {
  const [, h, w, c] = node.shape as readonly number[] as [number, number, number, number];
  const [tall, wide] = node.attrs.stride as readonly [number, number];
  const passes = node.inputs.map((x, i): MovePass => {
    const offset = (Math.floor(i / wide) * w + (i % wide)) * c;
    return {
      operand: x,
      target: strided(offset, x.shape, [h * w * c, 1, tall * w * c, wide * c]),
      size: sizeOf(x.shape),
    };
  });
  return { fill: undefined, shape: node.shape, passes };
}

/** Adds each tap's part of the columns to the pixels it came from, in an image that holds the padding. */
function unpatches(node: Tensor): Move {
  const [columns] = node.inputs as [Tensor];
  const window = node.attrs.window as Window;
  const [n, h, w, c] = node.shape as readonly number[] as [number, number, number, number];
  const [, oh, ow, taps] = columns.shape as readonly number[] as [number, number, number, number, number];
  const [top, left, bottom, right] = window.padding;
  const shape = [n, h + top + bottom, w + left + right, c] as const;
  const seen = patchesView(contiguous(shape), shape, { ...window, padding: [0, 0, 0, 0] })!;
  const places = [n, oh, ow, taps, c];
  const passes = Array.from({ length: taps }, (_, tap): MovePass => {
    const transform: Transform = (view) => atPlace(view, places, 3, tap);
    return { operand: columns, transform, target: transform(seen)!, size: n * oh * ow * c, add: true };
  });
  const padded = window.padding.some((pixels) => pixels > 0);
  return { fill: 0, shape, passes, inner: padded ? part(shape, [0, top, left, 0], node.shape) : undefined };
}
