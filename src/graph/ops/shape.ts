// Ops that move values without computing: reshape, transpose, slice, pad, concat, broadcast.
import { normalizeAxis, type Shape, sameShape, sizeOf, stridesOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { apply, type OpDef, type Tensor, typeText } from "../tensor.ts";
import { sumTo } from "./reduce.ts";
import { broadcastTo, storage } from "./values.ts";

/** The same values, in the same order, in `shape`. */
export const reshapeOp: OpDef<{ shape: Shape }> = {
  name: "reshape",
  infer([x], { shape }) {
    if (sizeOf(shape) !== sizeOf(x!.shape))
      fail("E_SHAPE", `reshape: ${typeText(x!)} has ${sizeOf(x!.shape)} values, [${shape}] needs ${sizeOf(shape)}`);
    return { shape, dtype: x!.dtype };
  },
  evaluate: ([x]) => x!.data,
  grad: (node, dy) => [reshape(dy, node.inputs[0]!.shape)],
  lower: (emit, node, [x]) => emit.reshape(x!, node.shape),
};

/** The values of `x`, in their order, in another shape; one size may be -1, and is what the others leave. Throws `E_SHAPE`. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const free = shape.indexOf(-1);
  const known = -sizeOf(shape);
  const sizes = free < 0 ? shape : shape.map((dim, i) => (i === free ? sizeOf(x.shape) / known : dim));
  return sameShape(sizes, x.shape) ? x : apply(reshapeOp, [x], { shape: sizes });
}

/** All axes but the first as one: `[n, …] -> [n, product of the rest]`. */
export const flatten = (x: Tensor): Tensor => reshape(x, [x.shape[0]!, sizeOf(x.shape.slice(1))]);

/** Axis i of the result is axis `perm[i]` of the operand. */
export const transposeOp: OpDef<{ perm: readonly number[] }> = {
  name: "transpose",
  infer([x], { perm }) {
    if (perm.length !== x!.shape.length || new Set(perm).size !== perm.length || perm.some((p) => !(p in x!.shape)))
      fail("E_AXIS", `transpose: [${perm}] is not an order of the axes of ${typeText(x!)}`);
    return { shape: perm.map((axis) => x!.shape[axis]!), dtype: x!.dtype };
  },
  evaluate([x], { perm }, out) {
    const values = storage(x!.dtype, x!.data.length);
    const strides = stridesOf(x!.shape);
    const outStrides = stridesOf(out.shape);
    for (let i = 0; i < values.length; i++) {
      let at = 0;
      for (let axis = 0; axis < perm.length; axis++)
        at += (Math.floor(i / outStrides[axis]!) % out.shape[axis]!) * strides[perm[axis]!]!;
      values[i] = x!.data[at]!;
    }
    return values;
  },
  grad: (node, dy) => [
    transpose(
      dy,
      node.attrs.perm.map((_, axis) => node.attrs.perm.indexOf(axis)),
    ),
  ],
  lower: (emit, node, [x]) => emit.node("Transpose", [x!], { perm: node.attrs.perm }),
};

/** Axes in the order `perm`; reversed when absent. */
export function transpose(x: Tensor, perm: readonly number[] = x.shape.map((_, i) => x.shape.length - 1 - i)): Tensor {
  return apply(transposeOp, [x], { perm });
}

type Window = { begin: readonly number[]; size: readonly number[]; stride: readonly number[] };

/** The elements `begin + i * stride` for `i < size` along each axis; the result has the shape `size`. */
export const sliceOp: OpDef<Window> = {
  name: "slice",
  infer([x], { begin, size, stride }) {
    x!.shape.forEach((dim, axis) => {
      const last = begin[axis]! + (size[axis]! - 1) * stride[axis]!;
      if (begin[axis]! < 0 || size[axis]! < 1 || stride[axis]! < 1 || last >= dim)
        fail(
          "E_SHAPE",
          `slice: begin [${begin}], size [${size}], stride [${stride}] leave ${typeText(x!)} on axis ${axis}`,
        );
    });
    return { shape: size, dtype: x!.dtype };
  },
  evaluate([x], { begin, stride }, out) {
    const values = storage(x!.dtype, sizeOf(out.shape));
    const strides = stridesOf(x!.shape);
    const outStrides = stridesOf(out.shape);
    for (let i = 0; i < values.length; i++) {
      let at = 0;
      for (let axis = 0; axis < begin.length; axis++)
        at += (begin[axis]! + (Math.floor(i / outStrides[axis]!) % out.shape[axis]!) * stride[axis]!) * strides[axis]!;
      values[i] = x!.data[at]!;
    }
    return values;
  },
  // The adjoint of a slice is padding with zeros, of a strided one padding between the elements too.
  grad(node, dy) {
    const { begin, size, stride } = node.attrs;
    const whole = node.inputs[0]!.shape;
    const spread = dilate(dy, stride);
    const after = whole.map((dim, axis) => dim - begin[axis]! - ((size[axis]! - 1) * stride[axis]! + 1));
    return [pad(spread, begin, after)];
  },
  lower(emit, node, [x]) {
    const { begin, size, stride } = node.attrs;
    const axes = begin.map((_, axis) => axis).filter((axis) => size[axis] !== node.inputs[0]!.shape[axis]);
    if (axes.length === 0) return x!;
    const pick = (f: (axis: number) => number) => emit.ints(axes.map(f));
    return emit.node("Slice", [
      x!,
      pick((a) => begin[a]!),
      pick((a) => begin[a]! + (size[a]! - 1) * stride[a]! + 1),
      emit.ints(axes),
      pick((a) => stride[a]!),
    ]);
  },
};

/** Zeros between neighbours along every axis with stride above 1. */
function dilate(x: Tensor, stride: readonly number[]): Tensor {
  let y = x;
  stride.forEach((step, axis) => {
    const dim = y.shape[axis]!;
    if (step === 1 || dim === 1) return;
    const before = y.shape.slice(0, axis);
    const after = y.shape.slice(axis + 1);
    const cells = reshape(y, [sizeOf(before), dim, 1, sizeOf(after)]);
    const wide = reshape(pad(cells, [0, 0, 0, 0], [0, 0, step - 1, 0]), [...before, dim * step, ...after]);
    y = sliceAxis(wide, axis, 0, (dim - 1) * step + 1);
  });
  return y;
}

/** Elements `begin + i*stride` for `i < size` along each axis. */
export function slice(
  x: Tensor,
  begin: readonly number[],
  size: readonly number[],
  stride: readonly number[] = begin.map(() => 1),
): Tensor {
  if ([begin, size, stride].some((list) => list.length !== x.shape.length))
    fail("E_AXIS", `slice: begin, size and stride need ${x.shape.length} entries for ${typeText(x)}`);
  if (sameShape(size, x.shape)) return x;
  return apply(sliceOp, [x], { begin, size, stride });
}

/** `[begin, end)` of one axis. */
export function sliceAxis(x: Tensor, axis: number, begin: number, end: number, stride = 1): Tensor {
  const at = normalizeAxis(axis, x.shape.length, "slice");
  const replace = (values: readonly number[], value: number) => values.map((v, i) => (i === at ? value : v));
  const none = x.shape.map(() => 0);
  return slice(
    x,
    replace(none, begin),
    replace(x.shape, Math.ceil((end - begin) / stride)),
    replace(
      none.map(() => 1),
      stride,
    ),
  );
}

/** Equal parts along the last axis. */
export function split(x: Tensor, parts: number, axis = -1): Tensor[] {
  const at = normalizeAxis(axis, x.shape.length, "split");
  const width = x.shape[at]! / parts;
  if (!Number.isInteger(width)) fail("E_SHAPE", `split: axis ${axis} of ${typeText(x)} does not divide into ${parts}`);
  return Array.from({ length: parts }, (_, i) => sliceAxis(x, at, i * width, (i + 1) * width));
}

/** The elements of one axis in the other direction. */
export const reverseOp: OpDef<{ axis: number }> = {
  name: "reverse",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  evaluate([x], { axis }) {
    const values = storage(x!.dtype, x!.data.length);
    const step = stridesOf(x!.shape)[axis]!;
    const dim = x!.shape[axis]!;
    for (let i = 0; i < values.length; i++)
      values[i] = x!.data[i + step * (dim - 1 - 2 * (Math.floor(i / step) % dim))]!;
    return values;
  },
  grad: (node, dy) => [reverse(dy, node.attrs.axis)],
  lower(emit, node, [x]) {
    const { axis } = node.attrs;
    const end = -node.shape[axis]! - 1;
    return emit.node("Slice", [x!, emit.ints([-1]), emit.ints([end]), emit.ints([axis]), emit.ints([-1])]);
  },
};

/** The elements of one axis in the other direction; axis 2 of an image mirrors it. */
export function reverse(x: Tensor, axis: number): Tensor {
  return apply(reverseOp, [x], { axis: normalizeAxis(axis, x.shape.length, "reverse") });
}

/** `before` and `after` elements of `value` around each axis. */
export const padOp: OpDef<{ before: readonly number[]; after: readonly number[]; value: number }> = {
  name: "pad",
  infer([x], { before, after }) {
    if (
      before.length !== x!.shape.length ||
      after.length !== x!.shape.length ||
      [...before, ...after].some((n) => n < 0)
    )
      fail("E_SHAPE", `pad: [${before}] and [${after}] do not fit ${typeText(x!)}; expected one size >= 0 an axis`);
    return { shape: x!.shape.map((dim, axis) => dim + before[axis]! + after[axis]!), dtype: x!.dtype };
  },
  evaluate([x], { before, value }, out) {
    const values = storage(x!.dtype, sizeOf(out.shape)).fill(value);
    const strides = stridesOf(x!.shape);
    const outStrides = stridesOf(out.shape);
    for (let i = 0; i < x!.data.length; i++) {
      let at = 0;
      for (let axis = 0; axis < before.length; axis++)
        at += (before[axis]! + (Math.floor(i / strides[axis]!) % x!.shape[axis]!)) * outStrides[axis]!;
      values[at] = x!.data[i]!;
    }
    return values;
  },
  grad: (node, dy) => [slice(dy, node.attrs.before, node.inputs[0]!.shape)],
  lower(emit, node, [x]) {
    const { before, after, value } = node.attrs;
    return emit.node("Pad", [x!, emit.ints([...before, ...after]), emit.scalar(value, node.dtype)]);
  },
};

/**
 * `before` and `after` elements of `value` at the two ends of each axis; one number an axis, none negative, else
 * `E_SHAPE`.
 */
export function pad(x: Tensor, before: readonly number[], after: readonly number[], value = 0): Tensor {
  if (before.every((n) => n === 0) && after.every((n) => n === 0)) return x;
  return apply(padOp, [x], { before, after, value });
}

/** Tensors that differ along `axis` alone, one after another. */
export const concatOp: OpDef<{ axis: number }> = {
  name: "concat",
  infer(inputs, { axis }) {
    const [first] = inputs as [Tensor];
    for (const x of inputs)
      if (
        x.dtype !== first.dtype ||
        x.shape.length !== first.shape.length ||
        x.shape.some((d, i) => i !== axis && d !== first.shape[i])
      )
        fail("E_SHAPE", `concat: ${inputs.map(typeText).join(", ")} differ outside axis ${axis}`);
    const total = inputs.reduce((n, x) => n + x.shape[axis]!, 0);
    return { shape: first.shape.map((dim, i) => (i === axis ? total : dim)), dtype: first.dtype };
  },
  evaluate(inputs, { axis }, out) {
    const values = storage(out.dtype, sizeOf(out.shape));
    const inner = sizeOf(out.shape.slice(axis + 1));
    const rows = sizeOf(out.shape.slice(0, axis));
    let offset = 0;
    for (const x of inputs) {
      const width = x.shape[axis]! * inner;
      for (let row = 0; row < rows; row++)
        for (let i = 0; i < width; i++) values[row * out.shape[axis]! * inner + offset + i] = x.data[row * width + i]!;
      offset += width;
    }
    return values;
  },
  grad(node, dy) {
    let at = 0;
    return node.inputs.map((x) => {
      const begin = at;
      at += x.shape[node.attrs.axis]!;
      return sliceAxis(dy, node.attrs.axis, begin, at);
    });
  },
  lower: (emit, node, inputs) => emit.node("Concat", inputs, { axis: node.attrs.axis }),
};

/**
 * Tensors of one type one after another along `axis`. Throws `E_SHAPE` when they differ elsewhere, or when there is none.
 */
export function concat(inputs: readonly Tensor[], axis = -1): Tensor {
  if (inputs.length === 0) fail("E_SHAPE", "concat: expected at least one tensor, got none");
  if (inputs.length === 1) return inputs[0]!;
  return apply(concatOp, inputs, { axis: normalizeAxis(axis, inputs[0]!.shape.length, "concat") });
}

/** Tensors of one shape along a new axis. */
export function stack(inputs: readonly Tensor[], axis = 0): Tensor {
  const at = normalizeAxis(axis, (inputs[0]?.shape.length ?? 0) + 1, "stack");
  return concat(
    inputs.map((x) => reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)])),
    at,
  );
}

/** Axes of size 1, and missing leading ones, repeated to `shape`. */
export const broadcastOp: OpDef<{ shape: Shape }> = {
  name: "broadcast",
  infer([x], { shape }) {
    const offset = shape.length - x!.shape.length;
    if (offset < 0 || x!.shape.some((dim, i) => dim !== 1 && dim !== shape[offset + i]))
      fail("E_SHAPE", `broadcast: ${typeText(x!)} does not broadcast to [${shape}]`);
    return { shape, dtype: x!.dtype };
  },
  evaluate: ([x], { shape }) => broadcastTo(x!, shape),
  grad: (node, dy) => [sumTo(dy, node.inputs[0]!.shape)],
  lower(emit, node, [x]) {
    // A size of 1 means "as it is" to Expand, which keeps a free batch free.
    const source = node.inputs[0]!.shape;
    const offset = node.shape.length - source.length;
    return emit.node("Expand", [x!, emit.ints(node.shape.map((dim, i) => (dim === source[i - offset] ? 1 : dim)))]);
  },
};

/**
 * `x` with axes of size 1, and missing leading ones, repeated to `shape` (NumPy rules); throws `E_SHAPE` when it does not
 * fit.
 */
export function broadcast(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : apply(broadcastOp, [x], { shape });
}
