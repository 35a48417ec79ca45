// The pointwise ops as vector instructions. Values in registers: float32 as four floats, int32 and uint8 as four
// integers, bool as four masks (all bits or none).
import type { DType } from "../../../base/array.ts";
import type { Attrs } from "../../../graph/tensor.ts";
import type { FunctionBuilder } from "../../../wasm/assembler.ts";
import type { Instruction } from "../../../wasm/instructions.ts";
import { type MathName, writeMath } from "../../../wasm/vector-math.ts";
import type { NameOf } from "../kinds.ts";

/** The name of an op that is computed value by value. */
export type PointwiseName = NameOf<"pointwise">;

/** What an op is applied to: the locals of the operands, of which `get(i)` pushes one; `dtype` is that of operand 0. */
interface Operands {
  f: FunctionBuilder;
  locals: readonly number[];
  attrs: Attrs;
  dtype: DType;
  /** The result's type. */
  result: DType;
  get(i: number): FunctionBuilder;
}

type Write = (on: Operands) => unknown;

const isFloat = (dtype: DType) => dtype === "float32";
const both = ({ get }: Operands) => {
  get(0);
  return get(1);
};
const arithmetic =
  (name: "add" | "sub" | "mul"): Write =>
  (on) =>
    both(on).op(`${isFloat(on.dtype) ? "f32x4" : "i32x4"}.${name}`);
const extreme =
  (name: "max" | "min"): Write =>
  (on) =>
    both(on).op(isFloat(on.dtype) ? `f32x4.${name}` : `i32x4.${name}_s`);
const compare =
  (name: "gt" | "ge"): Write =>
  (on) =>
    both(on).op(isFloat(on.dtype) ? `f32x4.${name}` : `i32x4.${name}_s`);
const unary =
  (...names: Instruction[]): Write =>
  ({ get }) =>
    get(0).op(...names);
const polynomial =
  (name: MathName): Write =>
  ({ f, locals }) =>
    writeMath(name, f, locals[0]!, locals[1]);
/** `x > 0 ? a : b` */
const bySign = ({ f, get }: Operands, a: () => void, b: () => void) => {
  a();
  b();
  get(0);
  f.floats(0).op("f32x4.gt", "v128.bitselect");
};

const POINTWISE: Readonly<Record<PointwiseName, Write>> = {
  exp: polynomial("exp"),
  log: polynomial("log"),
  tanh: polynomial("tanh"),
  sigmoid: polynomial("sigmoid"),
  softplus: polynomial("softplus"),
  sin: polynomial("sin"),
  cos: polynomial("cos"),
  erf: polynomial("erf"),
  pow: polynomial("pow"),
  add: arithmetic("add"),
  sub: arithmetic("sub"),
  mul: arithmetic("mul"),
  div(on) {
    const { f, get, dtype } = on;
    if (isFloat(dtype)) return both(on).op("f32x4.div");
    // Whole numbers divide in float64, which holds them exactly, two at a time.
    const half = (swap: boolean) => {
      for (const i of [0, 1]) {
        get(i);
        if (swap) f.swapHalves();
        f.op("f64x2.convert_low_i32x4_s");
      }
      f.op("f64x2.div", "i32x4.trunc_sat_f64x2_s_zero");
    };
    half(false);
    half(true);
    return f.swapHalves().op("v128.or");
  },
  maximum: extreme("max"),
  minimum: extreme("min"),
  greater: compare("gt"),
  greaterEqual: compare("ge"),
  equal(on) {
    // Two masks are equal where their bits do not differ.
    if (on.dtype === "bool") return both(on).op("v128.xor", "v128.not");
    return both(on).op(isFloat(on.dtype) ? "f32x4.eq" : "i32x4.eq");
  },
  and: (on) => both(on).op("v128.and"),
  or: (on) => both(on).op("v128.or"),
  not: unary("v128.not"),
  neg: unary("f32x4.neg"),
  abs: unary("f32x4.abs"),
  floor: unary("f32x4.floor"),
  sqrt: unary("f32x4.sqrt"),
  square({ get }) {
    get(0);
    return get(0).op("f32x4.mul");
  },
  reciprocal({ f, get }) {
    f.floats(1);
    return get(0).op("f32x4.div");
  },
  sign({ get }) {
    get(0);
    get(0).floats(0).op("f32x4.gt").floats(1).op("v128.and");
    get(0).floats(0).op("f32x4.lt").floats(1).op("v128.and", "f32x4.sub");
    get(0);
    return get(0).op("f32x4.ne", "v128.bitselect");
  },
  relu: ({ get }) => get(0).floats(0).op("f32x4.pmax"),
  leakyRelu(on) {
    const { f, get, attrs } = on;
    return bySign(
      on,
      () => get(0),
      () => get(0) && f.floats(attrs.alpha as number).op("f32x4.mul"),
    );
  },
  step(on) {
    const { f, attrs } = on;
    return bySign(
      on,
      () => f.floats(1),
      () => f.floats(attrs.low as number),
    );
  },
  elu(on) {
    const { f, get, attrs, locals } = on;
    return bySign(
      on,
      () => get(0),
      () => {
        writeMath("exp", f, locals[0]!);
        f.floats(1).op("f32x4.sub");
        f.floats(attrs.alpha as number).op("f32x4.mul");
      },
    );
  },
  clip: ({ get, attrs }) =>
    get(0)
      .floats(attrs.high as number)
      .op("f32x4.pmin")
      .floats(attrs.low as number)
      .op("f32x4.pmax"),
  where({ f, get }) {
    get(1);
    get(2);
    return get(0) && f.op("v128.bitselect");
  },
  cast({ f, get, dtype, result }) {
    get(0);
    if (result === "bool") return isFloat(dtype) ? f.floats(0).op("f32x4.ne") : f.ints(0).op("i32x4.ne");
    if (dtype === "bool") return isFloat(result) ? f.floats(1).op("v128.and") : f.ints(1).op("v128.and");
    if (isFloat(result)) return f.op("f32x4.convert_i32x4_s");
    if (isFloat(dtype)) f.op("i32x4.trunc_sat_f32x4_s");
    return result === "uint8" ? f.ints(0xff).op("v128.and") : f;
  },
  copy: ({ get }) => get(0),
};

const POLYNOMIAL_COST = 20;
const DIVISION_COST = 5;

/** What costs more than one vector instruction or two. */
const COST: Readonly<Partial<Record<PointwiseName, number>>> = {
  exp: POLYNOMIAL_COST,
  log: POLYNOMIAL_COST,
  tanh: POLYNOMIAL_COST,
  sigmoid: POLYNOMIAL_COST,
  softplus: POLYNOMIAL_COST,
  sin: POLYNOMIAL_COST,
  cos: POLYNOMIAL_COST,
  erf: POLYNOMIAL_COST,
  pow: POLYNOMIAL_COST,
  elu: POLYNOMIAL_COST,
  div: DIVISION_COST,
  sqrt: DIVISION_COST,
  reciprocal: DIVISION_COST,
};

/** A rough number of vector instructions for four values. */
export const costOf = (name: PointwiseName): number => COST[name] ?? 1;

/** Pushes the value of an op. */
export function writePointwise(name: PointwiseName, operands: Omit<Operands, "get">): void {
  const { f, locals } = operands;
  POINTWISE[name]({ ...operands, get: (i) => f.get(locals[i]!) });
}
