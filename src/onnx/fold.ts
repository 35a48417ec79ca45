// Constants in the order in which ops read them: what only moves the values of a constant is done here, so that files hold the weights
// of a Conv as tools for ONNX files expect them, as its own initializer.
import { sizeOf, stridesOf } from "../base/array.ts";
import type { OnnxAttributes } from "../graph/emitter.ts";
import type { OnnxConstant } from "./schema.ts";

const WORD = 4;

/**
 * What a node makes of a constant, without its name; undefined where it does not only move values of four bytes.
 * @param sizes the second operand of a Reshape, when it is a constant
 */
export function folded(
  op: string,
  constant: OnnxConstant,
  attributes: OnnxAttributes,
  sizes: OnnxConstant | undefined,
): Omit<OnnxConstant, "name"> | undefined {
  const { type, dims, data } = constant;
  if (type !== "float32" && type !== "int32") return undefined;
  if (op === "Reshape" && sizes) {
    const to = Array.from(new BigInt64Array(sizes.data.slice().buffer), Number);
    return to.every((size) => size > 0) && sizeOf(to) === sizeOf(dims) ? { type, dims: to, data } : undefined;
  }
  if (op !== "Transpose") return undefined;
  const perm = attributes.perm as readonly number[];
  return { type, dims: perm.map((axis) => dims[axis]!), data: transposed(data, dims, perm) };
}

/** Words of four bytes of an array of `dims` with its axes in another order. */
function transposed(bytes: Uint8Array, dims: readonly number[], perm: readonly number[]): Uint8Array {
  // A copy begins at a multiple of four bytes.
  const from = new Uint32Array(bytes.slice().buffer);
  const to = new Uint32Array(bytes.length / WORD);
  const strides = stridesOf(dims);
  const sizes = perm.map((axis) => dims[axis]!);
  const steps = perm.map((axis) => strides[axis]!);
  const place = new Array<number>(sizes.length).fill(0);
  for (let i = 0, at = 0; i < to.length; i++) {
    to[i] = from[at]!;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      at += steps[axis]!;
      if (++place[axis]! < sizes[axis]!) break;
      at -= place[axis]! * steps[axis]!;
      place[axis] = 0;
    }
  }
  return new Uint8Array(to.buffer);
}
