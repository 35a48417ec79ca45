// How vectors get from memory to registers and back: four values at a time, whatever their type and distance.

import { BYTES_OF, type DType } from "../../../base/array.ts";
import type { FunctionBuilder } from "../../../wasm/assembler.ts";

/** Values of 32 bits in a vector. */
export const LANES = 4;

/** Where a value lies: a buffer by its place in the address table, and how far apart neighbours are, in elements. */
export interface Access {
  readonly slot: number;
  readonly dtype: DType;
  readonly offset: number;
  /** One a loop, outermost first; 0 repeats the value. */
  readonly strides: readonly number[];
}

/** A variable that walks through an access. */
export interface Pointer {
  readonly access: Access;
  readonly local: number;
}

/** A pointer to the first value of an access; `table` is the address of the address table. */
export function pointerTo(f: FunctionBuilder, access: Access, table: number): Pointer {
  const local = f.local("i32");
  f.i32(table + 4 * access.slot).memory("i32.load");
  if (access.offset !== 0) f.i32(access.offset * BYTES_OF[access.dtype]).op("i32.add");
  f.set(local);
  return { access, local };
}

function address(f: FunctionBuilder, { local }: Pointer, bytes: number): FunctionBuilder {
  f.get(local);
  return bytes === 0 ? f : f.i32(bytes).op("i32.add");
}

/** The distance of neighbours in the innermost loop. */
const strideOf = ({ access: { strides } }: Pointer): number => strides[strides.length - 1]!;

/** Four times the value `skip` bytes from a pointer. */
export function loadRepeated(f: FunctionBuilder, pointer: Pointer, skip = 0): void {
  const { dtype } = pointer.access;
  address(f, pointer, skip);
  if (BYTES_OF[dtype] === 4) f.memory("v128.load32_splat");
  else f.memory("i32.load8_u").op("i32x4.splat");
  if (dtype === "bool") f.op("i32x4.neg");
}

/** Four neighbours, `at` elements and `skip` bytes from a pointer; not `vector`: the one there, in the first lane at least. */
export function load(
  f: FunctionBuilder,
  pointer: Pointer,
  { at, skip, vector }: { at: number; skip: number; vector: boolean },
): void {
  const { access, local } = pointer;
  const stride = strideOf(pointer);
  const bytes = BYTES_OF[access.dtype];
  if (stride === 0 || !vector) {
    // Without a stride `at` does not matter; a single value is always the one under the pointer.
    loadRepeated(f, pointer, skip);
    return;
  }
  if (stride === 1) {
    const name = bytes === 4 ? "v128.load" : "v128.load32_zero";
    if (skip >= 0) f.get(local).memory(name, at * bytes + skip);
    else address(f, pointer, skip).memory(name, at * bytes);
  } else {
    const vectorSoFar = f.local("v128");
    f.ints(0).set(vectorSoFar);
    for (let lane = 0; lane < LANES; lane++) {
      address(f, pointer, (at + lane) * stride * bytes + skip);
      f.get(vectorSoFar)
        .lane(bytes === 4 ? "v128.load32_lane" : "v128.load8_lane", lane)
        .set(vectorSoFar);
    }
    f.get(vectorSoFar);
  }
  if (bytes === 1) f.op("i16x8.extend_low_i8x16_u", "i32x4.extend_low_i16x8_u");
  if (access.dtype === "bool") f.op("i32x4.neg");
}

/** The first `lanes` of the vector in local `value` to `at` elements from a pointer, or added to what is there. */
export function store(
  f: FunctionBuilder,
  pointer: Pointer,
  { value, at, lanes, add }: { value: number; at: number; lanes: number; add?: boolean },
): void {
  const { access, local } = pointer;
  const bytes = BYTES_OF[access.dtype];
  const stride = strideOf(pointer);
  const packed = f.local("v128");
  f.get(value);
  if (add) {
    load(f, pointer, { at, skip: 0, vector: lanes === LANES });
    f.op("f32x4.add");
  }
  if (access.dtype === "bool") f.ints(1).op("v128.and");
  if (access.dtype === "uint8") f.ints(0xff).op("v128.and");
  if (bytes === 1) {
    f.set(packed).get(packed).get(packed).op("i16x8.narrow_i32x4_u").tee(packed).get(packed);
    f.op("i8x16.narrow_i16x8_u");
  }
  f.set(packed);
  if (lanes === LANES && stride === 1) {
    f.get(local).get(packed);
    if (bytes === 4) f.memory("v128.store", at * bytes);
    else f.lane("v128.store32_lane", 0, at * bytes);
    return;
  }
  for (let lane = 0; lane < lanes; lane++) {
    address(f, pointer, (at + lane) * stride * bytes);
    f.get(packed).lane(bytes === 4 ? "v128.store32_lane" : "v128.store8_lane", lane);
  }
}
