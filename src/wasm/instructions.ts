// The instructions that kernels use, as bytes, by their text names (WebAssembly core specification 2.0, section 5.4).
import { unsigned } from "./encoding.ts";

/** Instructions without immediates, by their text names. */
const PLAIN = {
  unreachable: [0x00],
  "i32.eqz": [0x45],
  "i32.ge_s": [0x4e],
  "i32.ge_u": [0x4f],
  "f32.gt": [0x5e],
  "i32.add": [0x6a],
  "i32.sub": [0x6b],
  "i32.mul": [0x6c],
  "i32.div_u": [0x6e],
  "f32.add": [0x92],
  "f32.max": [0x97],
  "memory.copy": [0xfc, 0x0a, 0x00, 0x00],
} as const;

/** Vector instructions without immediates: their number after the prefix. */
const VECTOR = {
  "i8x16.narrow_i16x8_u": 0x66,
  "f32x4.floor": 0x68,
  "f32x4.nearest": 0x6a,
  "i16x8.narrow_i32x4_u": 0x86,
  "i16x8.extend_low_i8x16_u": 0x89,
  "i32x4.extend_low_i16x8_u": 0xa9,
  "i32x4.splat": 0x11,
  "i32x4.eq": 0x37,
  "i32x4.ne": 0x38,
  "i32x4.gt_s": 0x3b,
  "i32x4.ge_s": 0x3f,
  "f32x4.eq": 0x41,
  "f32x4.ne": 0x42,
  "f32x4.lt": 0x43,
  "f32x4.gt": 0x44,
  "f32x4.ge": 0x46,
  "v128.not": 0x4d,
  "v128.and": 0x4e,
  "v128.or": 0x50,
  "v128.xor": 0x51,
  "v128.bitselect": 0x52,
  "v128.any_true": 0x53,
  "i32x4.neg": 0xa1,
  "i32x4.shl": 0xab,
  "i32x4.shr_s": 0xac,
  "i32x4.shr_u": 0xad,
  "i32x4.add": 0xae,
  "i32x4.sub": 0xb1,
  "i32x4.mul": 0xb5,
  "i32x4.min_s": 0xb6,
  "i32x4.max_s": 0xb8,
  "f32x4.abs": 0xe0,
  "f32x4.neg": 0xe1,
  "f32x4.sqrt": 0xe3,
  "f32x4.add": 0xe4,
  "f32x4.sub": 0xe5,
  "f32x4.mul": 0xe6,
  "f32x4.div": 0xe7,
  "f32x4.min": 0xe8,
  "f32x4.max": 0xe9,
  "f32x4.pmin": 0xea,
  "f32x4.pmax": 0xeb,
  "f64x2.div": 0xf3,
  "i32x4.trunc_sat_f32x4_s": 0xf8,
  "f32x4.convert_i32x4_s": 0xfa,
  "f32x4.convert_i32x4_u": 0xfb,
  "i32x4.trunc_sat_f64x2_s_zero": 0xfc,
  "f64x2.convert_low_i32x4_s": 0xfe,
} as const;

/** The text name of an instruction without immediates. */
export type Instruction = keyof typeof PLAIN | keyof typeof VECTOR;

const isPlain = (name: Instruction): name is keyof typeof PLAIN => name in PLAIN;

/** The bytes of an instruction without immediates. */
export const codeOf = (name: Instruction): readonly number[] => (isPlain(name) ? PLAIN[name] : simd(VECTOR[name]));

/** Loads and stores: bytes of the opcode, and the power of two the address is aligned to at least. */
export const MEMORY = {
  "i32.load": [0x28],
  "i32.load8_u": [0x2d],
  "f32.load": [0x2a],
  "i32.store": [0x36],
  "f32.store": [0x38],
  "v128.load": simd(0x00),
  "v128.load32_splat": simd(0x09),
  "v128.store": simd(0x0b),
  "v128.load32_zero": simd(0x5c),
  "v128.load64_zero": simd(0x5d),
} as const;

/** Loads and stores of one lane of a vector on the stack. */
export const LANES = {
  "v128.load8_lane": simd(0x54),
  "v128.load32_lane": simd(0x56),
  "v128.store8_lane": simd(0x58),
  "v128.store32_lane": simd(0x5a),
} as const;

/** One lane of the vector on the stack. */
export const EXTRACT = { "i32x4.extract_lane": simd(0x1b), "f32x4.extract_lane": simd(0x1f) } as const;

/** The bytes of a vector instruction. */
export function simd(code: number): number[] {
  return [0xfd, ...unsigned(code)];
}
