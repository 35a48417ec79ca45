// Reductions over axes, and the softmax family (always over the last axis).
import { type NdArray, normalizeAxis, type Shape, sameShape, sizeOf, stridesOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { apply, type OpDef, type Tensor, typeText } from "../tensor.ts";
import { div, equal, mul, sub } from "./binary.ts";
import { sumsByProduct } from "./choices.ts";
import { cast, ONNX_TYPE } from "./select.ts";
import { broadcast, reshape } from "./shape.ts";
import { exp, square } from "./unary.ts";
import { storage } from "./values.ts";

type Axes = { axes: readonly number[] };

/** `shape` with the reduced axes as 1. */
function keptShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
}

function droppedShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.filter((_, axis) => !axes.includes(axis));
}

/** For each output element, calls `visit(output index, input index)` for every input element it reduces. */
function forEachReduced(x: NdArray, axes: readonly number[], visit: (out: number, at: number) => void): void {
  const outStrides = stridesOf(keptShape(x.shape, axes));
  const strides = stridesOf(x.shape);
  for (let i = 0; i < x.data.length; i++) {
    let out = 0;
    for (let axis = 0; axis < x.shape.length; axis++)
      if (!axes.includes(axis)) out += (Math.floor(i / strides[axis]!) % x.shape[axis]!) * outStrides[axis]!;
    visit(out, i);
  }
}

const inferReduced =
  (name: string) =>
  ([x]: readonly Tensor[], { axes }: Axes) => {
    if (x!.dtype !== "float32") fail("E_DTYPE", `${name}: expected float32, got ${typeText(x!)}; cast() it first`);
    return { shape: droppedShape(x!.shape, axes), dtype: "float32" as const };
  };

/** dy at the shape of x: reduced axes back as 1, then broadcast. */
function spread(dy: Tensor, x: Tensor, axes: readonly number[]): Tensor {
  return broadcast(reshape(dy, keptShape(x.shape, axes)), x.shape);
}

/** Float32 `x` to its sum over `axes`, which the result lacks. */
export const sumOp: OpDef<Axes> = {
  name: "sum",
  infer: inferReduced("sum"),
  evaluate([x], { axes }, out) {
    const values = storage("float32", sizeOf(out.shape));
    forEachReduced(x!, axes, (o, i) => {
      values[o]! += x!.data[i]!;
    });
    return values;
  },
  // d(Σx) = Σdx
  grad: (node, dy) => [spread(dy, node.inputs[0]!, node.attrs.axes)],
  lower(emit, node, [x]) {
    const source = node.inputs[0]!;
    const { axes } = node.attrs;
    if (emit.mode === "train" && sumsByProduct(axes, source.shape.length)) {
      const rows = sizeOf(source.shape.slice(0, axes.length));
      const columns = sizeOf(node.shape);
      const flat = emit.reshape(x!, [rows, columns]);
      return emit.reshape(emit.node("MatMul", [emit.filled([1, rows], 1), flat]), node.shape);
    }
    return emit.node("ReduceSum", [x!, emit.ints(axes)], { keepdims: 0 });
  },
};

/** Float32 `x` to its maximum over `axes`, which the result lacks. */
export const maxOp: OpDef<Axes> = {
  name: "max",
  infer: inferReduced("max"),
  evaluate([x], { axes }, out) {
    const values = storage("float32", sizeOf(out.shape)).fill(Number.NEGATIVE_INFINITY);
    forEachReduced(x!, axes, (o, i) => {
      if (x!.data[i]! > values[o]!) values[o] = x!.data[i]!;
    });
    return values;
  },
  // Every place that holds the maximum takes an equal part of the adjoint.
  grad(node, dy) {
    const [x] = node.inputs as [Tensor];
    const mask = cast(equal(x, spread(node, x, node.attrs.axes)), "float32");
    return [mul(mask, spread(div(dy, sum(mask, node.attrs.axes)), x, node.attrs.axes))];
  },
  lower: (emit, node, [x]) => emit.node("ReduceMax", [x!], { axes: node.attrs.axes, keepdims: 0 }),
};

/** Float32 `x` to ln Σ eˣ over `axes`, which the result lacks. */
export const logSumExpOp: OpDef<Axes> = {
  name: "logSumExp",
  infer: inferReduced("logSumExp"),
  evaluate([x], { axes }, out) {
    const most = storage("float32", sizeOf(out.shape)).fill(Number.NEGATIVE_INFINITY);
    const values = storage("float32", most.length);
    forEachReduced(x!, axes, (o, i) => {
      if (x!.data[i]! > most[o]!) most[o] = x!.data[i]!;
    });
    forEachReduced(x!, axes, (o, i) => {
      values[o]! += Math.exp(x!.data[i]! - most[o]!);
    });
    return values.map((value, o) => most[o]! + Math.log(value));
  },
  // d ln Σeˣ = e^(x - y) dx
  grad(node, dy) {
    const [x] = node.inputs as [Tensor];
    const { axes } = node.attrs;
    return [mul(spread(dy, x, axes), exp(sub(x, spread(node, x, axes))))];
  },
  lower: (emit, node, [x]) => emit.node("ReduceLogSumExp", [x!], { axes: node.attrs.axes, keepdims: 0 }),
};

type Reduction = (x: Tensor, axes?: readonly number[] | number, keep?: boolean) => Tensor;

function reduction(op: OpDef<Axes>): Reduction {
  return (x, axes, keep = false) => {
    const list = axes === undefined ? x.shape.map((_, i) => i) : typeof axes === "number" ? [axes] : axes;
    const sorted = [...new Set(list.map((axis) => normalizeAxis(axis, x.shape.length, op.name)))].sort((a, b) => a - b);
    if (sorted.length === 0) return x;
    const y = apply(op, [x], { axes: sorted });
    return keep ? reshape(y, keptShape(x.shape, sorted)) : y;
  };
}

/**
 * The sum over `axes`: one or several, negative ones from the end, all when absent. The result lacks them, or has them as size 1
 * with `keep`. What is said here holds for every reduction.
 * @throws `E_AXIS` for an axis outside the rank, `E_DTYPE` for another type than float32
 */
export const sum = reduction(sumOp);
/** The largest value over `axes`; places that share it share its adjoint. */
export const max = reduction(maxOp);
/** ln Σ eˣ over `axes`, without overflow. */
export const logSumExp = reduction(logSumExpOp);

/** The mean over `axes`. */
export const mean: Reduction = (x, axes, keep) => {
  const total = sum(x, axes, keep);
  return mul(total, sizeOf(total.shape) / sizeOf(x.shape));
};

/** The population variance (the mean of squared differences from the mean) over `axes`. */
export const variance: Reduction = (x, axes, keep) => mean(square(sub(x, mean(x, axes, true))), axes, keep);

/** The adjoint of broadcasting: sums `x` down to `shape`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const offset = x.shape.length - shape.length;
  const axes = x.shape.map((_, i) => i).filter((i) => i < offset || (shape[i - offset] === 1 && x.shape[i] !== 1));
  return reshape(sum(x, axes), shape);
}

// ---------------------------------------------------------------------------------------------- softmax family

type None = Record<string, never>;

function softmaxRows(x: NdArray, logarithm: boolean): Float64Array {
  const width = x.shape[x.shape.length - 1]!;
  const out = new Float64Array(x.data.length);
  for (let row = 0; row < out.length; row += width) {
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < width; i++) most = Math.max(most, x.data[row + i]!);
    let total = 0;
    for (let i = 0; i < width; i++) total += Math.exp(x.data[row + i]! - most);
    for (let i = 0; i < width; i++) {
      const log = x.data[row + i]! - most - Math.log(total);
      out[row + i] = logarithm ? log : Math.exp(log);
    }
  }
  return out;
}

const inferSame =
  (name: string) =>
  ([x]: readonly Tensor[]) => {
    if (x!.dtype !== "float32" || x!.shape.length === 0)
      fail("E_SHAPE", `${name}: expected float32 with at least one axis, got ${typeText(x!)}`);
    return { shape: x!.shape, dtype: "float32" as const };
  };

/** Float32 `[…, k]` to eˣ / Σ eˣ over the last axis. */
export const softmaxOp: OpDef<None> = {
  name: "softmax",
  infer: inferSame("softmax"),
  evaluate: ([x]) => softmaxRows(x!, false),
  // dx = y (dy - Σ dy y)
  grad: (node, dy) => [mul(node, sub(dy, sum(mul(dy, node), -1, true)))],
  lower: (emit, _node, [x]) => emit.node("Softmax", [x!], { axis: -1 }),
};

/** Float32 `[…, k]` to x - ln Σ eˣ over the last axis. */
export const logSoftmaxOp: OpDef<None> = {
  name: "logSoftmax",
  infer: inferSame("logSoftmax"),
  evaluate: ([x]) => softmaxRows(x!, true),
  // dx = dy - eʸ Σ dy
  grad: (node, dy) => [sub(dy, mul(exp(node), sum(dy, -1, true)))],
  lower: (emit, _node, [x]) => emit.node("LogSoftmax", [x!], { axis: -1 }),
};

/**
 * eˣ / Σ eˣ over the last axis: probabilities that add up to 1. Throws `E_SHAPE` for a scalar or another type than
 * float32.
 */
export const softmax = (x: Tensor): Tensor => apply(softmaxOp, [x], {});
/** ln of `softmax`, without overflow. Throws `E_SHAPE` for a scalar or another type than float32. */
export const logSoftmax = (x: Tensor): Tensor => apply(logSoftmaxOp, [x], {});

/** `[…, k]` to the place of the first largest value of the last axis, int32 `[…]`. */
export const argmaxOp: OpDef<None> = {
  name: "argmax",
  infer: ([x]) => ({ shape: x!.shape.slice(0, -1), dtype: "int32" }),
  evaluate([x], _attrs, out) {
    const width = x!.shape[x!.shape.length - 1]!;
    return Int32Array.from({ length: sizeOf(out.shape) }, (_, row) => {
      let best = 0;
      for (let i = 1; i < width; i++) if (x!.data[row * width + i]! > x!.data[row * width + best]!) best = i;
      return best;
    });
  },
  grad: "zero",
  lower: (emit, _node, [x]) =>
    emit.node("Cast", [emit.node("ArgMax", [x!], { axis: -1, keepdims: 0 })], { to: ONNX_TYPE.int32 }),
};

/** Place of the first largest value of the last axis, int32. */
export const argmax = (x: Tensor): Tensor => apply(argmaxOp, [x], {});
