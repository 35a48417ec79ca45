// Elementwise ops of two inputs, which broadcast (NumPy rules). Each derivative has its formula above it.
import { type DType, sizeOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { apply, type OpDef, scalar, type Tensor, typeText } from "../tensor.ts";
import { broadcastsSlowly } from "./choices.ts";
import { sumTo } from "./reduce.ts";
import { cast } from "./select.ts";
import { log, neg } from "./unary.ts";
import { broadcastTo, inferBroadcast, storage } from "./values.ts";

/** A tensor, or a number that becomes a scalar constant of the other operand's type. */
export type Operand = Tensor | number;
type None = Record<string, never>;
const NONE: None = {};

/** The operand as a tensor; a number becomes a scalar constant of type `dtype`. */
export function asTensor(value: Operand, dtype: DType = "float32"): Tensor {
  return typeof value === "number" ? scalar(value, dtype) : value;
}

interface BinaryRule {
  name: string;
  f: (a: number, b: number) => number;
  /** The adjoints of a and b before they are summed to the operands' shapes, or "zero" where the op is piecewise constant. */
  grad: ((dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => [() => Tensor, () => Tensor]) | "zero";
  onnx: string;
  result?: DType;
  accepts?: readonly DType[];
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
    grad:
      grad === "zero"
        ? grad
        : (node, dy, needs) => {
            const [a, b] = node.inputs as [Tensor, Tensor];
            const [da, db] = grad(dy, a, b, node);
            return [needs[0] ? sumTo(da(), a.shape) : undefined, needs[1] ? sumTo(db(), b.shape) : undefined];
          },
    lower(emit, node, inputs) {
      if (!broadcastsSlowly(node.inputs, node.shape)) return emit.node(onnx, inputs);
      const flat = inputs.map((name, i) => emit.reshape(name, [sizeOf(node.inputs[i]!.shape)]));
      return emit.reshape(emit.node(onnx, flat), node.shape);
    },
  };
}

const compare = (name: string, f: (a: number, b: number) => boolean, onnx: string): OpDef<None> =>
  binary({ name, f: (a, b) => (f(a, b) ? 1 : 0), grad: "zero", onnx, result: "bool" });

/** The elementwise ops of two inputs by name. */
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
  and: binary({ name: "and", f: (a, b) => a & b, grad: "zero", onnx: "And", accepts: ["bool"] }),
  or: binary({ name: "or", f: (a, b) => a | b, grad: "zero", onnx: "Or", accepts: ["bool"] }),
} as const;

function two(op: OpDef<None>) {
  return (a: Operand, b: Operand): Tensor => {
    const dtype = typeof a !== "number" ? a.dtype : typeof b !== "number" ? b.dtype : "float32";
    return apply(op, [asTensor(a, dtype), asTensor(b, dtype)], NONE);
  };
}

/** a + b, elementwise; shapes broadcast (NumPy rules). float32 or int32, as for the ops below unless they say otherwise. */
export const add = two(binaryOps.add);
/** a - b, elementwise. */
export const sub = two(binaryOps.sub);
/** a · b, elementwise. */
export const mul = two(binaryOps.mul);
/** a / b, elementwise; of int32, rounded towards zero. */
export const div = two(binaryOps.div);
/** The larger of a and b, elementwise; where they are equal the adjoint goes to a. */
export const maximum = two(binaryOps.maximum);
/** The smaller of a and b, elementwise; where they are equal the adjoint goes to a. */
export const minimum = two(binaryOps.minimum);
/** a to the power of b, elementwise, float32. The derivative with respect to b needs a > 0. */
export const pow = two(binaryOps.pow);
/** Whether a > b, elementwise: a bool tensor. */
export const greater = two(binaryOps.greater);
/** Whether a >= b, elementwise: a bool tensor. */
export const greaterEqual = two(binaryOps.greaterEqual);
/** Whether a < b, elementwise: a bool tensor. */
export const less = (a: Operand, b: Operand): Tensor => greater(b, a);
/** Whether a <= b, elementwise: a bool tensor. */
export const lessEqual = (a: Operand, b: Operand): Tensor => greaterEqual(b, a);
/** Whether a = b, elementwise: a bool tensor. */
export const equal = two(binaryOps.equal);
/** Whether both hold, elementwise, of bool tensors. */
export const and = two(binaryOps.and);
/** Whether one or both hold, elementwise, of bool tensors. */
export const or = two(binaryOps.or);
