// Plain n-dimensional arrays: the only values that cross run-time borders (data, state, results).
import { fail } from "./errors.ts";

/** The type of the elements of an array or tensor; bool is held as bytes of 0 and 1. */
export type DType = "float32" | "int32" | "uint8" | "bool";
/** The size of each axis, outermost first; empty for a scalar. */
export type Shape = readonly number[];
/** What holds the elements of an array: float64 in place of float32 in the interpreter alone, bytes for uint8 and bool. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Row-major values with a shape. Float data may be held as float64 by the interpreter; `dtype` is the type it stands for. */
export interface NdArray {
  /** Sizes of its axes. */
  readonly shape: Shape;
  /** Type of its elements. */
  readonly dtype: DType;
  /** Its elements, the last axis fastest. */
  readonly data: TypedArray;
}

/** Bytes of a value as backends hold it. */
export const BYTES_OF: Readonly<Record<DType, number>> = { float32: 4, int32: 4, uint8: 1, bool: 1 };

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** Zero-filled storage for `size` elements of a type. */
export function allocate(dtype: DType, size: number): Float32Array | Int32Array | Uint8Array {
  if (dtype === "float32") return new Float32Array(size);
  if (dtype === "int32") return new Int32Array(size);
  return new Uint8Array(size);
}

/** An array over existing values; throws `E_SHAPE` when their number does not fit the shape. */
export function ndarray(dtype: DType, shape: Shape, data: TypedArray | readonly number[]): NdArray {
  const values = Array.isArray(data) ? fill(allocate(dtype, data.length), data) : (data as TypedArray);
  if (values.length !== sizeOf(shape))
    fail("E_SHAPE", `array of shape [${shape}] needs ${sizeOf(shape)} values, got ${values.length}`);
  return { shape, dtype, data: values };
}

function fill<T extends TypedArray>(target: T, values: readonly number[]): T {
  target.set(values);
  return target;
}

/** An array of `shape` full of zeros. */
export function zeros(shape: Shape, dtype: DType = "float32"): NdArray {
  return { shape, dtype, data: allocate(dtype, sizeOf(shape)) };
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

/** Whether two shapes have the same sizes in the same order. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** The shape two operands broadcast to (NumPy rules), or undefined when they do not fit. */
export function broadcastShapes(a: Shape, b: Shape): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let k = 1; k <= rank; k++) {
    const x = a[a.length - k] ?? 1;
    const y = b[b.length - k] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    out[rank - k] = x === 1 ? y : x;
  }
  return out;
}

/** `-1` counts from the end; throws `E_AXIS` outside the rank. */
export function normalizeAxis(axis: number, rank: number, what: string): number {
  const index = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(index) || index < 0 || index >= rank)
    fail("E_AXIS", `${what}: axis ${axis} is outside a tensor of rank ${rank}; expected ${-rank}..${rank - 1}`);
  return index;
}

/** The place of the first value that is NaN or infinite; -1 when all are finite. */
export function firstNotFinite(values: TypedArray): number {
  let trace = 0;
  // 0 · NaN and 0 · ∞ are NaN: one sum asks all values at once, which is faster than asking each.
  for (let i = 0; i < values.length; i++) trace += 0 * values[i]!;
  return trace === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value));
}
