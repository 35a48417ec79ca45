// Values in the interpreter: float64 storage and broadcasting, shared by the ops' `evaluate`.
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
import { type TensorType, typeText } from "../tensor.ts";

/** float64 for float results, the type's own storage otherwise. */
export function storage(dtype: DType, size: number): TypedArray {
  if (dtype === "float32") return new Float64Array(size);
  return dtype === "int32" ? new Int32Array(size) : new Uint8Array(size);
}

/** The shape that two operands of the op `name` broadcast to; throws `E_SHAPE` when they do not fit. */
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

/** The values of an array, repeated to `shape`, in new storage of the interpreter. */
export function broadcastTo(value: NdArray, shape: Shape): TypedArray {
  const index = broadcastIndex(value.shape, shape);
  const out = storage(value.dtype, index.length);
  for (let i = 0; i < index.length; i++) out[i] = value.data[index[i]!]!;
  return out;
}
