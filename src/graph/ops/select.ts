// Choosing between values and converting their type.
import type { DType } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { apply, type OpDef, type Tensor, typeText } from "../tensor.ts";
import { asTensor, type Operand } from "./binary.ts";
import { sumTo } from "./reduce.ts";
import { broadcastTo, inferBroadcast, storage } from "./values.ts";

type None = Record<string, never>;
const NONE: None = {};

/** Bool to bool of the same shape. */
export const notOp: OpDef<None> = {
  name: "not",
  infer([x]) {
    if (x!.dtype !== "bool") fail("E_DTYPE", `not: expected bool, got ${typeText(x!)}`);
    return { shape: x!.shape, dtype: "bool" };
  },
  evaluate: ([x]) => Uint8Array.from(x!.data as Uint8Array, (value) => 1 - value),
  grad: "zero",
  lower: (emit, _node, [x]) => emit.node("Not", [x!]),
};
/** Where a bool tensor does not hold. */
export const not = (x: Tensor): Tensor => apply(notOp, [x], NONE);

/** A bool condition and two tensors of one type, which all broadcast, to one of the two in each place. */
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

/** `TensorProto.DataType` of onnx.proto. */
export const ONNX_TYPE: Record<DType, number> = { float32: 1, uint8: 2, int32: 6, bool: 9 };

/** Any type to the type `to`; the shape stays. */
export const castOp: OpDef<{ to: DType }> = {
  name: "cast",
  infer: ([x], { to }) => ({ shape: x!.shape, dtype: to }),
  evaluate([x], { to }) {
    const out = storage(to, x!.data.length);
    for (let i = 0; i < out.length; i++) out[i] = to === "bool" ? Number(x!.data[i] !== 0) : x!.data[i]!;
    return out;
  },
  // There is one float type: whichever way a cast goes, one side of it is whole numbers or truth values.
  grad: "zero",
  lower: (emit, node, [x]) => emit.node("Cast", [x!], { to: ONNX_TYPE[node.attrs.to] }),
};

/** Converts the element type (floats to int32 truncate); the derivative is zero. */
export function cast(x: Tensor, to: DType): Tensor {
  return x.dtype === to ? x : apply(castOp, [x], { to });
}
