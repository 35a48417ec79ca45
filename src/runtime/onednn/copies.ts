// Ops that copy values about in several passes: padding, joining, and putting windows back together (col2im).
import { type Shape, sizeOf } from "../../base/array.ts";
import type { Window } from "../../graph/ops/window.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { NameOf, NodeOf } from "./kinds.ts";
import { atPlace, contiguous, im2colView, part, strided, type Transform, type View } from "./view.ts";

/** One pass: a part of an operand, as `transform` shows it, goes to `target` of the array. */
export interface CopyPass {
  readonly operand: Tensor;
  readonly transform?: Transform;
  readonly target: View;
  readonly size: number;
  /** Whether it is added to what is there. */
  readonly add?: boolean;
}

/** How a value is written in passes. */
export interface Copies {
  /** What the array holds first, where the passes do not cover it. */
  readonly fill: number | undefined;
  /** The array that the passes write. */
  readonly shape: Shape;
  readonly passes: readonly CopyPass[];
  /** The part of the array that is the result; absent: all of it. */
  readonly inner?: View;
}

function pad(node: Tensor): Copies {
  const [x] = node.inputs as [Tensor];
  const target = part(node.shape, node.attrs.before as readonly number[], x.shape);
  const passes = [{ operand: x, target, size: sizeOf(x.shape) }];
  return { fill: node.attrs.value as number, shape: node.shape, passes };
}

function concat(node: Tensor): Copies {
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
function interleave(node: Tensor): Copies {
  const [, h, w, c] = node.shape as readonly number[] as [number, number, number, number];
  const [tall, wide] = node.attrs.stride as readonly [number, number];
  const passes = node.inputs.map((x, i): CopyPass => {
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
function col2im(node: Tensor): Copies {
  const [columns] = node.inputs as [Tensor];
  const window = node.attrs.window as Window;
  const [n, h, w, c] = node.shape as readonly number[] as [number, number, number, number];
  const [, oh, ow, taps] = columns.shape as readonly number[] as [number, number, number, number, number];
  const [top, left, bottom, right] = window.padding;
  const shape = [n, h + top + bottom, w + left + right, c] as const;
  const seen = im2colView(contiguous(shape), shape, { ...window, padding: [0, 0, 0, 0] })!;
  const places = [n, oh, ow, taps, c];
  const passes = Array.from({ length: taps }, (_, tap): CopyPass => {
    const transform: Transform = (view) => atPlace(view, places, 3, tap);
    return { operand: columns, transform, target: transform(seen)!, size: n * oh * ow * c, add: true };
  });
  const padded = window.padding.some((pixels) => pixels > 0);
  return { fill: 0, shape, passes, inner: padded ? part(shape, [0, top, left, 0], node.shape) : undefined };
}

const COPIES: Readonly<Record<NameOf<"copies">, (node: Tensor) => Copies>> = { pad, concat, col2im, interleave };

/** How a node is written. Its operands may be computed on the way. */
export const copiesOf = (node: NodeOf<"copies">): Copies => COPIES[node.op.name](node);
