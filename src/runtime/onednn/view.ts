// Views: where the values of a tensor lie in a buffer, in row-major order of the values. Ops that only move values become
// views, and a kernel reads its operands through them instead of a copy.
import { type Shape, sizeOf } from "../../base/array.ts";
import { col2imOp } from "../../graph/ops/im2col.ts";
import { outputSize, type Window } from "../../graph/ops/window.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { isOfKind, type NameOf } from "./kinds.ts";

/** Dimensions outermost first, none of size 1; `offset` and `strides` in elements. */
export interface View {
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
}

/** One view of a buffer from another; undefined where the result would not be a view. */
export type Transform = (view: View) => View | undefined;

type Dim = readonly [size: number, stride: number];

/** The view of a whole array of `shape`, in its order. */
export function contiguous(shape: Shape): View {
  return { offset: 0, dims: sizeOf(shape) === 1 ? [] : [sizeOf(shape)], strides: sizeOf(shape) === 1 ? [] : [1] };
}

function fromDims(offset: number, dims: readonly Dim[]): View {
  const merged: Dim[] = [];
  for (const [size, stride] of dims) {
    if (size === 1) continue;
    const last = merged[merged.length - 1];
    if (last && last[1] === stride * size) merged[merged.length - 1] = [last[0] * size, stride];
    else merged.push([size, stride]);
  }
  return { offset, dims: merged.map(([size]) => size), strides: merged.map(([, stride]) => stride) };
}

/** Dimensions with a stride each. */
export const strided = (offset: number, dims: readonly number[], strides: readonly number[]): View =>
  fromDims(
    offset,
    dims.map((size, i): Dim => [size, strides[i]!]),
  );

const dimsOf = ({ dims, strides }: View): Dim[] => dims.map((size, i) => [size, strides[i]!]);

/** Whether neighbours in the view are neighbours in memory, from its first value to its last. */
export const isContiguous = (view: View): boolean =>
  view.dims.length === 0 || (view.dims.length === 1 && view.strides[0] === 1);

/** Whether a view shows all of an array, in its order. */
export function isWhole(view: View, shape: Shape): boolean {
  return isContiguous(view) && view.offset === 0 && (view.dims[0] ?? 1) === sizeOf(shape);
}

/** The view's dimensions cut so that each group covers one axis of `shape`; undefined where one would straddle two. */
function alignTo(view: View, shape: Shape): Dim[][] | undefined {
  const rest = dimsOf(view);
  const groups: Dim[][] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    let needed = shape[axis]!;
    const group: Dim[] = [];
    while (needed > 1) {
      const last = rest.pop();
      if (!last) return undefined;
      const [size, stride] = last;
      if (needed % size === 0) {
        group.unshift(last);
        needed /= size;
      } else if (size % needed === 0) {
        group.unshift([needed, stride]);
        rest.push([size / needed, stride * needed]);
        needed = 1;
      } else return undefined;
    }
    groups.unshift(group);
  }
  return groups;
}

/** A group as one dimension; `[1, 0]` for an axis of size 1. */
export function single(group: readonly Dim[]): Dim | undefined {
  const { dims, strides } = fromDims(0, group);
  if (dims.length === 0) return [1, 0];
  return dims.length === 1 ? [dims[0]!, strides[0]!] : undefined;
}

/** The strides of a view over the dimensions `dims`, which multiply to its size. */
export function stridesOver(view: View, dims: readonly number[]): number[] | undefined {
  const groups = alignTo(view, dims);
  if (!groups) return undefined;
  const strides: number[] = [];
  for (const group of groups) {
    const dim = single(group);
    if (!dim) return undefined;
    strides.push(dim[1]);
  }
  return strides;
}

/**
 * The coarsest dimensions over which every view has one stride each; undefined when they cut the values in ways that do
 * not fit into each other. `cuts`: products of trailing sizes where a dimension must end.
 */
export function commonDims(views: readonly View[], size: number, cuts: readonly number[] = []): number[] | undefined {
  const ends = new Set<number>([1, size, ...cuts]);
  for (const { dims } of views) {
    let product = 1;
    for (let i = dims.length - 1; i >= 0; i--) {
      product *= dims[i]!;
      ends.add(product);
    }
  }
  const sorted = [...ends].sort((a, b) => a - b);
  const dims: number[] = [];
  for (let i = 1; i < sorted.length; i++) {
    const ratio = sorted[i]! / sorted[i - 1]!;
    if (!Number.isInteger(ratio)) return undefined;
    dims.unshift(ratio);
  }
  return dims;
}

/** The part of a contiguous array `[shape]` that begins at `begin`. */
export function part(
  shape: Shape,
  begin: readonly number[],
  size: Shape,
  stride: readonly number[] = size.map(() => 1),
): View {
  const groups = alignTo(contiguous(shape), shape)!;
  let offset = 0;
  const dims: number[] = [];
  const strides: number[] = [];
  groups.forEach((group, axis) => {
    const [, step] = group[0] ?? [1, 0];
    offset += begin[axis]! * step;
    if (size[axis] === 1) return;
    dims.push(size[axis]!);
    strides.push(step * stride[axis]!);
  });
  return { offset, dims, strides };
}

/** The values of a view of `shape` at one place of an axis. */
export function atPlace(view: View, shape: Shape, axis: number, place: number): View | undefined {
  const groups = alignTo(view, shape);
  if (!groups) return undefined;
  let { offset } = view;
  let rest = place;
  for (const [size, stride] of [...groups[axis]!].reverse()) {
    offset += (rest % size) * stride;
    rest = Math.floor(rest / size);
  }
  return fromDims(offset, groups.filter((_, i) => i !== axis).flat());
}

// ------------------------------------------------------------------------------------- the ops that are views

/** The operand of a pointwise op, spread over the result. */
export function broadcastTransform(from: Shape, to: Shape): Transform | undefined {
  if (sizeOf(from) === sizeOf(to)) return undefined;
  return (view) => {
    const groups = alignTo(view, from);
    if (!groups) return undefined;
    const offset = to.length - from.length;
    const dims = to.flatMap((size, axis): Dim[] =>
      axis < offset || (from[axis - offset] === 1 && size > 1) ? [[size, 0]] : groups[axis - offset]!,
    );
    return fromDims(view.offset, dims);
  };
}

type Four = readonly [number, number, number, number];

/** Whether each pixel of the image is read by one tap, once. */
function isTiled({ kernel, stride, padding, dilation }: Window, [h, w]: readonly [number, number]): boolean {
  return (
    stride[0] === kernel[0] &&
    stride[1] === kernel[1] &&
    h % kernel[0] === 0 &&
    w % kernel[1] === 0 &&
    padding.every((n) => n === 0) &&
    dilation.every((n) => n === 1)
  );
}

/** The windows of an image without padding `[n, oh, ow, taps, c]`, as strides. */
export function im2colView(view: View, image: Four, window: Window): View | undefined {
  const groups = alignTo(view, image);
  if (!groups) return undefined;
  const [n, h, w, c] = groups as [Dim[], Dim[], Dim[], Dim[]];
  const [tall, wide] = [single(h), single(w)];
  if (!tall || !wide) return undefined;
  const [oh, ow] = outputSize(window, [image[1], image[2]], "im2col");
  const { kernel, stride, dilation } = window;
  return fromDims(view.offset, [
    ...n,
    [oh, tall[1] * stride[0]],
    [ow, wide[1] * stride[1]],
    [kernel[0], tall[1] * dilation[0]],
    [kernel[1], wide[1] * dilation[1]],
    ...c,
  ]);
}

type Maker = (node: Tensor) => Transform | undefined;

/** Ops that show the values of their operand; putting disjoint windows back together is one too. */
const VIEWS: Readonly<Record<NameOf<"view"> | "col2im", Maker>> = {
  reshape: () => (view) => view,
  broadcast: (node) => broadcastTransform(node.inputs[0]!.shape, node.shape) ?? ((view) => view),
  transpose: (node) => (view) => {
    const groups = alignTo(view, node.inputs[0]!.shape);
    return (
      groups &&
      fromDims(
        view.offset,
        (node.attrs.perm as readonly number[]).flatMap((axis) => groups[axis]!),
      )
    );
  },
  slice: (node) => (view) => {
    const shape = node.inputs[0]!.shape;
    const groups = alignTo(view, shape);
    if (!groups) return undefined;
    const { begin, size, stride } = node.attrs as Record<string, readonly number[]>;
    let { offset } = view;
    const dims: Dim[] = [];
    for (const [axis, group] of groups.entries()) {
      if (size![axis] === shape[axis]) dims.push(...group);
      else {
        const dim = single(group);
        if (!dim) return undefined;
        offset += begin![axis]! * dim[1];
        dims.push([size![axis]!, dim[1] * stride![axis]!]);
      }
    }
    return fromDims(offset, dims);
  },
  reverse: (node) => (view) => {
    const groups = alignTo(view, node.shape);
    if (!groups) return undefined;
    let { offset } = view;
    const dims = groups.flatMap((group, axis) => {
      if (axis !== node.attrs.axis) return group;
      for (const [size, stride] of group) offset += (size - 1) * stride;
      return group.map(([size, stride]): Dim => [size, -stride]);
    });
    return fromDims(offset, dims);
  },
  im2col(node) {
    const window = node.attrs.window as Window;
    if (window.padding.some((n) => n > 0)) return undefined;
    return (view) => im2colView(view, node.inputs[0]!.shape as Four, window);
  },
  col2im(node) {
    const window = node.attrs.window as Window;
    if (!isTiled(window, node.attrs.size as readonly [number, number])) return undefined;
    const [n, oh, ow, , c] = node.inputs[0]!.shape;
    return (view) => {
      const groups = alignTo(view, [n!, oh!, ow!, window.kernel[0], window.kernel[1], c!]);
      return (
        groups &&
        fromDims(
          view.offset,
          [0, 1, 3, 2, 4, 5].flatMap((axis) => groups[axis]!),
        )
      );
    };
  },
};

/** How a node shows the values of its only input; undefined when it computes, or needs a copy. */
export function viewOf(node: Tensor): Transform | undefined {
  if (node.op === col2imOp) return VIEWS.col2im(node);
  return isOfKind("view", node) ? VIEWS[node.op.name](node) : undefined;
}
