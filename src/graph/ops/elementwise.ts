// Elementwise ops. Each derivative has its formula above it; dy is the adjoint of the result y.
import {
  broadcastShapes,
  type DType,
  type NdArray,
  type Shape,
  sizeOf,
  stridesOf,
  type TypedArray,
} from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import type { OnnxAttributes } from "../emitter.ts";
import { type Attrs, apply, type OpDef, scalar, type Tensor, type TensorType, typeText } from "../tensor.ts";
import { sumTo } from "./reduce.ts";

type Operand = Tensor | number;
type None = Record<string, never>;
const NONE: None = {};

/** float64 for float results, the type's own storage otherwise. */
export function storage(dtype: DType, size: number): TypedArray {
  if (dtype === "float32") return new Float64Array(size);
  return dtype === "int32" ? new Int32Array(size) : new Uint8Array(size);
}

export function asTensor(value: Operand, dtype: DType = "float32"): Tensor {
  return typeof value === "number" ? scalar(value, dtype) : value;
}

// ---------------------------------------------------------------------------------------------- one input

interface UnaryRule<A extends Attrs> {
  name: string;
  f: (x: number, attrs: A) => number;
  /** The adjoint of x; absent where the derivative is zero almost everywhere. */
  grad?: (dy: Tensor, y: Tensor, x: Tensor, attrs: A) => Tensor;
  onnx: string | ((emit: Parameters<OpDef["lower"]>[0], x: string, attrs: A) => string);
  attributes?: (attrs: A) => OnnxAttributes;
}

function unary<A extends Attrs = None>(rule: UnaryRule<A>): OpDef<A> {
  const { name, f, grad, onnx } = rule;
  return {
    name,
    infer([x]) {
      if (x!.dtype !== "float32") fail("E_DTYPE", `${name}: expected float32, got ${typeText(x!)}; cast() it first`);
      return { shape: x!.shape, dtype: "float32" };
    },
    evaluate([x], attrs) {
      return Float64Array.from(x!.data as Float64Array, (value) => f(value, attrs));
    },
    grad: (node, dy) => [grad ? grad(dy, node, node.inputs[0]!, node.attrs) : undefined],
    lower(emit, node, [x]) {
      if (typeof onnx === "function") return onnx(emit, x!, node.attrs);
      return emit.node(onnx, [x!], rule.attributes?.(node.attrs) ?? {});
    },
  };
}

/** The error function: Taylor series below 3, continued fraction above; absolute error under 1e-12. */
export function erfValue(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 200 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 60; k >= 1; k--) fraction = k / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + fraction) * Math.sqrt(Math.PI)));
}

export const softplusValue = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export const ops = {
  // d(-x) = -dx
  neg: unary({ name: "neg", f: (x) => -x, grad: (dy) => neg(dy), onnx: "Neg" }),
  // d|x| = sign(x) dx
  abs: unary({ name: "abs", f: Math.abs, grad: (dy, _y, x) => mul(dy, sign(x)), onnx: "Abs" }),
  sign: unary({ name: "sign", f: Math.sign, onnx: "Sign" }),
  floor: unary({ name: "floor", f: Math.floor, onnx: "Floor" }),
  // d(eˣ) = eˣ dx
  exp: unary({ name: "exp", f: Math.exp, grad: (dy, y) => mul(dy, y), onnx: "Exp" }),
  // d(ln x) = dx / x
  log: unary({ name: "log", f: Math.log, grad: (dy, _y, x) => div(dy, x), onnx: "Log" }),
  // d(√x) = dx / 2√x
  sqrt: unary({ name: "sqrt", f: Math.sqrt, grad: (dy, y) => div(mul(dy, 0.5), y), onnx: "Sqrt" }),
  // d(x²) = 2x dx
  square: unary({
    name: "square",
    f: (x) => x * x,
    grad: (dy, _y, x) => mul(mul(dy, 2), x),
    onnx: (emit, x) => emit.node("Mul", [x, x]),
  }),
  // d(1/x) = -y² dx
  reciprocal: unary({
    name: "reciprocal",
    f: (x) => 1 / x,
    grad: (dy, y) => neg(mul(dy, square(y))),
    onnx: "Reciprocal",
  }),
  sin: unary({ name: "sin", f: Math.sin, grad: (dy, _y, x) => mul(dy, cos(x)), onnx: "Sin" }),
  cos: unary({ name: "cos", f: Math.cos, grad: (dy, _y, x) => neg(mul(dy, sin(x))), onnx: "Cos" }),
  // d(tanh x) = (1 - y²) dx
  tanh: unary({ name: "tanh", f: Math.tanh, grad: (dy, y) => sub(dy, mul(dy, square(y))), onnx: "Tanh" }),
  // d(σ(x)) = y(1 - y) dx
  sigmoid: unary({
    name: "sigmoid",
    f: (x) => 1 / (1 + Math.exp(-x)),
    grad: (dy, y) => mul(dy, sub(y, square(y))),
    onnx: "Sigmoid",
  }),
  // d ln(1 + eˣ) = σ(x) dx
  softplus: unary({ name: "softplus", f: softplusValue, grad: (dy, _y, x) => mul(dy, sigmoid(x)), onnx: "Softplus" }),
  // d(erf x) = 2/√π e^(-x²) dx
  erf: unary({
    name: "erf",
    f: erfValue,
    grad: (dy, _y, x) => mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))),
    onnx: "Erf",
  }),
  // The mask comes from the result, so that x need not be kept. Subgradient 0 at 0.
  relu: unary({ name: "relu", f: (x) => Math.max(x, 0), grad: (dy, y) => mul(dy, step(y)), onnx: "Relu" }),
  leakyRelu: unary<{ alpha: number }>({
    name: "leakyRelu",
    f: (x, { alpha }) => (x > 0 ? x : alpha * x),
    grad: (dy, y, _x, { alpha }) => mul(dy, step(y, alpha)),
    onnx: "LeakyRelu",
    attributes: ({ alpha }) => ({ alpha: { float: alpha } }),
  }),
  // 1 where x > 0, else `low`. HardSigmoid with a huge slope is one pass; Greater and Where are three times slower.
  step: unary<{ low: number }>({
    name: "step",
    f: (x, { low }) => (x > 0 ? 1 : low),
    onnx(emit, x, { low }) {
      const unit = emit.node("HardSigmoid", [x], { alpha: { float: 1e38 }, beta: { float: 0 } });
      return low === 0 ? unit : emit.node("Clip", [unit, emit.scalar(low)]);
    },
  }),
  // d(elu x) = dx for x > 0, else (y + α) dx
  elu: unary<{ alpha: number }>({
    name: "elu",
    f: (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
    grad: (dy, y, x, { alpha }) => where(greater(x, 0), dy, mul(dy, add(y, alpha))),
    onnx: "Elu",
    attributes: ({ alpha }) => ({ alpha: { float: alpha } }),
  }),
  // d clip(x) = dx inside the bounds, 0 outside
  clip: unary<{ low: number; high: number }>({
    name: "clip",
    f: (x, { low, high }) => Math.min(Math.max(x, low), high),
    grad: (dy, _y, x, { low, high }) => mul(dy, mul(step(sub(x, low)), step(sub(high, x)))),
    onnx: (emit, x, { low, high }) => emit.node("Clip", [x, emit.scalar(low), emit.scalar(high)]),
  }),
} as const;

const one =
  (op: OpDef<None>) =>
  (x: Tensor): Tensor =>
    apply(op, [x], NONE);

export const neg = one(ops.neg);
export const abs = one(ops.abs);
export const sign = one(ops.sign);
export const floor = one(ops.floor);
export const exp = one(ops.exp);
export const log = one(ops.log);
export const sqrt = one(ops.sqrt);
export const square = one(ops.square);
export const reciprocal = one(ops.reciprocal);
export const sin = one(ops.sin);
export const cos = one(ops.cos);
export const tanh = one(ops.tanh);
export const sigmoid = one(ops.sigmoid);
export const softplus = one(ops.softplus);
export const erf = one(ops.erf);
export const relu = one(ops.relu);
export const leakyRelu = (x: Tensor, alpha = 0.2): Tensor => apply(ops.leakyRelu, [x], { alpha });
export const elu = (x: Tensor, alpha = 1): Tensor => apply(ops.elu, [x], { alpha });
export const clip = (x: Tensor, low: number, high: number): Tensor => apply(ops.clip, [x], { low, high });
/** 1 where x > 0, else `low`; its derivative is zero. */
export const step = (x: Tensor, low = 0): Tensor => apply(ops.step, [x], { low });
/** x Φ(x) (Hendrycks & Gimpel 2016), with the exact normal distribution function. */
export const gelu = (x: Tensor): Tensor => mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));

// ---------------------------------------------------------------------------------------------- two inputs

interface BinaryRule {
  name: string;
  f: (a: number, b: number) => number;
  grad?: (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => [() => Tensor, () => Tensor];
  onnx: string;
  result?: DType;
  accepts?: readonly DType[];
}

export function inferBroadcast(name: string, a: TensorType, b: TensorType): Shape {
  const shape = broadcastShapes(a.shape, b.shape);
  if (!shape)
    fail(
      "E_SHAPE",
      `${name}: ${typeText(a)} and ${typeText(b)} do not broadcast; sizes must be equal or 1, counted from the last axis`,
    );
  return shape;
}

/** Index into `source` for each element of `target`, in order. */
export function broadcastIndex(source: Shape, target: Shape): Int32Array {
  const index = new Int32Array(sizeOf(target));
  const strides = stridesOf(source);
  const offset = target.length - source.length;
  const counter = new Array<number>(target.length).fill(0);
  let at = 0;
  for (let i = 0; i < index.length; i++) {
    index[i] = at;
    for (let axis = target.length - 1; axis >= 0; axis--) {
      const own = axis >= offset && source[axis - offset]! > 1 ? strides[axis - offset]! : 0;
      counter[axis]!++;
      at += own;
      if (counter[axis]! < target[axis]!) break;
      at -= own * target[axis]!;
      counter[axis] = 0;
    }
  }
  return index;
}

export function broadcastTo(value: NdArray, shape: Shape): TypedArray {
  const index = broadcastIndex(value.shape, shape);
  const out = storage(value.dtype, index.length);
  for (let i = 0; i < index.length; i++) out[i] = value.data[index[i]!]!;
  return out;
}

function binary({ name, f, grad, onnx, result, accepts = ["float32", "int32"] }: BinaryRule): OpDef<None> {
  return {
    name,
    infer([a, b]) {
      if (a!.dtype !== b!.dtype || !accepts.includes(a!.dtype))
        fail(
          "E_DTYPE",
          `${name}: expected two of one type (${accepts.join(" or ")}), got ${typeText(a!)} and ${typeText(b!)}; cast() one`,
        );
      return { shape: inferBroadcast(name, a!, b!), dtype: result ?? a!.dtype };
    },
    evaluate([a, b], _attrs, out) {
      const x = broadcastTo(a!, out.shape);
      const y = broadcastTo(b!, out.shape);
      const values = storage(out.dtype, x.length);
      for (let i = 0; i < x.length; i++) values[i] = f(x[i]!, y[i]!);
      return values;
    },
    grad(node, dy, needs) {
      const [a, b] = node.inputs as [Tensor, Tensor];
      if (!grad) return [undefined, undefined];
      const [da, db] = grad(dy, a, b, node);
      return [needs[0] ? sumTo(da(), a.shape) : undefined, needs[1] ? sumTo(db(), b.shape) : undefined];
    },
    lower: (emit, _node, inputs) => emit.node(onnx, inputs),
  };
}

const compare = (name: string, f: (a: number, b: number) => boolean, onnx: string): OpDef<None> =>
  binary({ name, f: (a, b) => (f(a, b) ? 1 : 0), onnx, result: "bool" });

export const binaryOps = {
  // d(a + b) = da + db
  add: binary({ name: "add", f: (a, b) => a + b, grad: (dy) => [() => dy, () => dy], onnx: "Add" }),
  // d(a - b) = da - db
  sub: binary({ name: "sub", f: (a, b) => a - b, grad: (dy) => [() => dy, () => neg(dy)], onnx: "Sub" }),
  // d(ab) = b da + a db
  mul: binary({
    name: "mul",
    f: (a, b) => a * b,
    grad: (dy, a, b) => [() => mul(dy, b), () => mul(dy, a)],
    onnx: "Mul",
  }),
  // d(a/b) = da / b - (y / b) db
  div: binary({
    name: "div",
    f: (a, b) => a / b,
    grad: (dy, _a, b, y) => [() => div(dy, b), () => neg(div(mul(dy, y), b))],
    onnx: "Div",
  }),
  // The larger operand takes the whole adjoint; a tie gives it to the first.
  maximum: binary({
    name: "maximum",
    f: Math.max,
    grad: (dy, a, b) => [
      () => mul(dy, cast(greaterEqual(a, b), "float32")),
      () => mul(dy, cast(greater(b, a), "float32")),
    ],
    onnx: "Max",
  }),
  minimum: binary({
    name: "minimum",
    f: Math.min,
    grad: (dy, a, b) => [
      () => mul(dy, cast(greaterEqual(b, a), "float32")),
      () => mul(dy, cast(greater(a, b), "float32")),
    ],
    onnx: "Min",
  }),
  // d(a^b) = b a^(b-1) da + y ln(a) db, for a > 0
  pow: binary({
    name: "pow",
    f: (a, b) => a ** b,
    grad: (dy, a, b, y) => [() => mul(dy, mul(b, pow(a, sub(b, 1)))), () => mul(dy, mul(y, log(a)))],
    onnx: "Pow",
    accepts: ["float32"],
  }),
  greater: compare("greater", (a, b) => a > b, "Greater"),
  greaterEqual: compare("greaterEqual", (a, b) => a >= b, "GreaterOrEqual"),
  equal: compare("equal", (a, b) => a === b, "Equal"),
  and: binary({ name: "and", f: (a, b) => a & b, onnx: "And", accepts: ["bool"] }),
  or: binary({ name: "or", f: (a, b) => a | b, onnx: "Or", accepts: ["bool"] }),
} as const;

function two(op: OpDef<None>) {
  return (a: Operand, b: Operand): Tensor => {
    const dtype = typeof a !== "number" ? a.dtype : typeof b !== "number" ? b.dtype : "float32";
    return apply(op, [asTensor(a, dtype), asTensor(b, dtype)], NONE);
  };
}

export const add = two(binaryOps.add);
export const sub = two(binaryOps.sub);
export const mul = two(binaryOps.mul);
export const div = two(binaryOps.div);
export const maximum = two(binaryOps.maximum);
export const minimum = two(binaryOps.minimum);
export const pow = two(binaryOps.pow);
export const greater = two(binaryOps.greater);
export const greaterEqual = two(binaryOps.greaterEqual);
export const less = (a: Operand, b: Operand): Tensor => greater(b, a);
export const lessEqual = (a: Operand, b: Operand): Tensor => greaterEqual(b, a);
export const equal = two(binaryOps.equal);
export const and = two(binaryOps.and);
export const or = two(binaryOps.or);

// ---------------------------------------------------------------------------------------------- select, convert

export const notOp: OpDef<None> = {
  name: "not",
  infer([x]) {
    if (x!.dtype !== "bool") fail("E_DTYPE", `not: expected bool, got ${typeText(x!)}`);
    return { shape: x!.shape, dtype: "bool" };
  },
  evaluate: ([x]) => Uint8Array.from(x!.data as Uint8Array, (value) => 1 - value),
  lower: (emit, _node, [x]) => emit.node("Not", [x!]),
};
export const not = one(notOp);

export const whereOp: OpDef<None> = {
  name: "where",
  infer([condition, a, b]) {
    if (condition!.dtype !== "bool" || a!.dtype !== b!.dtype)
      fail(
        "E_DTYPE",
        `where: expected bool and two of one type, got ${[condition, a, b].map((x) => typeText(x!)).join(", ")}`,
      );
    const both = { shape: inferBroadcast("where", a!, b!), dtype: a!.dtype };
    return { shape: inferBroadcast("where", condition!, both), dtype: a!.dtype };
  },
  evaluate([condition, a, b], _attrs, out) {
    const choice = broadcastTo(condition!, out.shape);
    const x = broadcastTo(a!, out.shape);
    const y = broadcastTo(b!, out.shape);
    for (let i = 0; i < x.length; i++) if (!choice[i]) x[i] = y[i]!;
    return x;
  },
  // d where(c, a, b) = where(c, da, db)
  grad(node, dy, needs) {
    const [condition, a, b] = node.inputs as [Tensor, Tensor, Tensor];
    return [
      undefined,
      needs[1] ? sumTo(where(condition, dy, 0), a.shape) : undefined,
      needs[2] ? sumTo(where(condition, 0, dy), b.shape) : undefined,
    ];
  },
  lower: (emit, _node, inputs) => emit.node("Where", inputs),
};

/** a where the condition holds, else b. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return apply(whereOp, [condition, asTensor(a), asTensor(b)], NONE);
}

export const ONNX_TYPE: Record<DType, number> = { float32: 1, uint8: 2, int32: 6, bool: 9 };

export const castOp: OpDef<{ to: DType }> = {
  name: "cast",
  infer: ([x], { to }) => ({ shape: x!.shape, dtype: to }),
  evaluate([x], { to }) {
    const out = storage(to, x!.data.length);
    for (let i = 0; i < out.length; i++) out[i] = to === "bool" ? Number(x!.data[i] !== 0) : x!.data[i]!;
    return out;
  },
  lower: (emit, node, [x]) => emit.node("Cast", [x!], { to: ONNX_TYPE[node.attrs.to] }),
};

/** Converts the element type (floats to int32 truncate); the derivative is zero. */
export function cast(x: Tensor, to: DType): Tensor {
  return x.dtype === to ? x : apply(castOp, [x], { to });
}
