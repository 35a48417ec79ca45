// Transcendental functions of four floats at once, written where they are used. Polynomials are those of the Cephes library
// (Moshier 1989: single precision expf, logf, tanhf, sinf), erf is Abramowitz & Stegun 7.1.26. `pmax(x, c)` is one instruction
// where `max` is eight, and keeps a NaN in its first operand.
import type { FunctionBuilder } from "./assembler.ts";

/** The functions that can be written. */
export type MathName = keyof typeof WRITE;

/** Pushes the function of the vector in the local `x` (of `x` and `y` for `pow`). */
export function writeMath(name: MathName, f: FunctionBuilder, x: number, y = x): void {
  WRITE[name](f, x, y);
}

/** Pushes the function of the vector on the stack. */
function applied(name: MathName, f: FunctionBuilder): FunctionBuilder {
  const x = f.local("v128");
  f.set(x);
  writeMath(name, f, x);
  return f;
}

/** p(x) by Horner's rule, highest coefficient first; leaves the value on the stack. */
function polynomial(f: FunctionBuilder, x: number, coefficients: readonly number[]): void {
  f.floats(coefficients[0]!);
  for (const c of coefficients.slice(1)) f.get(x).op("f32x4.mul").floats(c).op("f32x4.add");
}

/** `mask ? a : b`, where writing leaves each on the stack. */
function choose(f: FunctionBuilder, a: () => void, b: () => void, mask: () => void): void {
  a();
  b();
  mask();
  f.op("v128.bitselect");
}

const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444e-4;

/** 1.5 · 2^23: a number added to it is rounded, and stands in the low bits of the sum. */
const ROUNDER = 12582912;
const ROUNDER_BITS = 0x4b400000;

/** Pushes e^r of x = n ln 2 + r, |r| <= ½ ln 2, for x cut to `low`..`high`; leaves `ROUNDER` + n in a local. */
function naturalPower(f: FunctionBuilder, x: number, low: number, high: number, rounded: number): FunctionBuilder {
  const [r, n] = [f.local("v128"), f.local("v128")];
  f.get(x).floats(low).op("f32x4.pmax").floats(high).op("f32x4.pmin").set(r);
  f.get(r).floats(Math.LOG2E).op("f32x4.mul").floats(ROUNDER).op("f32x4.add").tee(rounded);
  f.floats(ROUNDER).op("f32x4.sub").set(n);
  f.get(r).get(n).floats(LN2_HIGH).op("f32x4.mul", "f32x4.sub");
  f.get(n).floats(LN2_LOW).op("f32x4.mul", "f32x4.sub").set(r);
  polynomial(f, r, [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5]);
  return f.get(r).get(r).op("f32x4.mul", "f32x4.mul").get(r).op("f32x4.add").floats(1).op("f32x4.add");
}

/** 2^n of the integers on the stack, -126..127; only their low nine bits count. */
function powerOfTwo(f: FunctionBuilder): FunctionBuilder {
  return f.i32(23).op("i32x4.shl").floats(1).op("i32x4.add");
}

/** e^x of the stack, cut to where it is neither infinite nor subnormal: for use where that makes no difference. */
function boundedExp(f: FunctionBuilder): FunctionBuilder {
  const [x, rounded] = [f.local("v128"), f.local("v128")];
  naturalPower(f.set(x), x, -87, 88, rounded);
  return powerOfTwo(f.get(rounded)).op("f32x4.mul");
}

/**
 * Pushes ln x = ln m + e ln 2 of the normal positive numbers in the local `x`, with m in [√½, √2).
 * @param corrected changes e, which is on the stack
 */
function naturalLog(f: FunctionBuilder, x: number, corrected = () => {}): void {
  const [e, m, z] = [f.local("v128"), f.local("v128"), f.local("v128")];
  f.get(x).i32(23).op("i32x4.shr_u").ints(126).op("i32x4.sub", "f32x4.convert_i32x4_s");
  corrected();
  f.set(e);
  f.get(x).ints(0x007fffff).op("v128.and").ints(0x3f000000).op("v128.or").set(m);
  const low = () => f.get(m).floats(Math.SQRT1_2).op("f32x4.lt");
  f.get(e);
  low();
  f.floats(1).op("v128.and", "f32x4.sub").set(e);
  f.get(m).floats(1).op("f32x4.sub").get(m);
  low();
  f.op("v128.and", "f32x4.add").set(m);
  f.get(m).get(m).op("f32x4.mul").set(z);
  polynomial(
    f,
    m,
    [
      7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
      2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ],
  );
  f.get(m).get(z).op("f32x4.mul", "f32x4.mul");
  f.get(e).floats(LN2_LOW).op("f32x4.mul", "f32x4.add");
  f.get(z).floats(0.5).op("f32x4.mul", "f32x4.sub");
  f.get(m).op("f32x4.add").get(e).floats(LN2_HIGH).op("f32x4.mul", "f32x4.add");
}

/** Pushes √(-2 ln x) of the normal numbers up to 1 in the local `x`: the radius of a pair of normal numbers (Box & Muller 1958). */
export function writeNormalRadius(f: FunctionBuilder, x: number): void {
  naturalLog(f, x);
  // ln 1 may be rounded to above 0.
  f.floats(-2).op("f32x4.mul").floats(0).op("f32x4.pmax", "f32x4.sqrt");
}

type Write = (f: FunctionBuilder, x: number, y: number) => void;

const WRITE = {
  // e^x = 2^n e^r with n = round(x / ln 2); 2^n in two factors, so that n = 128 and subnormal results work.
  exp(f, x) {
    const [n, half] = [f.local("v128"), f.local("v128")];
    naturalPower(f, x, -104, 89, n);
    f.get(n).ints(ROUNDER_BITS).op("i32x4.sub").set(n);
    f.get(n).i32(1).op("i32x4.shr_s").set(half);
    powerOfTwo(f.get(half)).op("f32x4.mul");
    powerOfTwo(f.get(n).get(half).op("i32x4.sub")).op("f32x4.mul");
  },
  log(f, x) {
    const [scaled, m] = [f.local("v128"), f.local("v128")];
    const tiny = () => f.get(x).floats(1.1754943508e-38).op("f32x4.lt");
    // Subnormal numbers are scaled by 2^23 first.
    choose(
      f,
      () =>
        f
          .get(x)
          .floats(2 ** 23)
          .op("f32x4.mul"),
      () => f.get(x),
      tiny,
    );
    f.set(scaled);
    naturalLog(f, scaled, () => {
      tiny();
      f.floats(23).op("v128.and", "f32x4.sub");
    });
    f.set(m);
    // 0 gives -∞, ∞ stays, a negative number and NaN give NaN.
    choose(
      f,
      () => f.floats(Number.NEGATIVE_INFINITY),
      () =>
        choose(
          f,
          () => f.get(m),
          () => f.get(x).floats(Number.NaN).op("f32x4.add"),
          () => f.get(x).floats(0).op("f32x4.gt"),
        ),
      () => f.get(x).floats(0).op("f32x4.eq"),
    );
    f.set(m);
    choose(
      f,
      () => f.get(x),
      () => f.get(m),
      () => f.get(x).floats(Number.POSITIVE_INFINITY).op("f32x4.eq"),
    );
  },
  // Odd polynomial below 0.625, 1 - 2/(e^2x + 1) above.
  tanh(f, x) {
    const z = f.local("v128");
    f.get(x).get(x).op("f32x4.mul").set(z);
    polynomial(f, z, [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1]);
    f.get(z).op("f32x4.mul").get(x).op("f32x4.mul").get(x).op("f32x4.add");
    f.floats(1).floats(2);
    boundedExp(f.get(x).get(x).op("f32x4.add")).floats(1).op("f32x4.add", "f32x4.div", "f32x4.sub");
    f.get(x).op("f32x4.abs").floats(0.625).op("f32x4.lt", "v128.bitselect");
  },
  sigmoid(f, x) {
    f.floats(1);
    boundedExp(f.get(x).op("f32x4.neg")).floats(1).op("f32x4.add", "f32x4.div");
  },
  // max(x, 0) + ln(1 + u) with u = e^-|x|, and ln(1 + u) = u p(u): p interpolates at the Chebyshev points of [0, 1], with a
  // relative error of 1.6e-7.
  softplus(f, x) {
    const u = f.local("v128");
    f.get(x).floats(0).op("f32x4.pmax");
    boundedExp(f.get(x).op("f32x4.abs", "f32x4.neg")).set(u);
    polynomial(
      f,
      u,
      [
        -0.00317605702, 0.0195425273, -0.0563736128, 0.105436238, -0.152696671, 0.196632743, -0.249516163, 0.333297105,
        -0.499998926, 0.999999995,
      ],
    );
    f.get(u).op("f32x4.mul", "f32x4.add");
  },
  sin: (f, x) => circular(f, x, 0),
  cos: (f, x) => circular(f, x, 1),
  erf(f, x) {
    const [a, t] = [f.local("v128"), f.local("v128")];
    f.get(x).op("f32x4.abs").set(a);
    f.floats(1).get(a).floats(0.3275911).op("f32x4.mul").floats(1).op("f32x4.add", "f32x4.div").set(t);
    f.floats(1);
    polynomial(f, t, [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592]);
    f.get(t).op("f32x4.mul");
    boundedExp(f.get(a).get(a).op("f32x4.mul", "f32x4.neg"))
      .op("f32x4.mul", "f32x4.sub")
      .get(x)
      .ints(-0x80000000)
      .op("v128.and", "v128.or");
  },
  // |a|^b = e^(b ln|a|); a negative base keeps the sign of an odd power and has no fractional one; a^0 = 1.
  pow(f, x, y) {
    const value = f.local("v128");
    applied("exp", applied("log", f.get(x).op("f32x4.abs")).get(y).op("f32x4.mul")).set(value);
    const whole = () => f.get(y).get(y).op("f32x4.floor", "f32x4.eq");
    const withSign = () => {
      f.get(value).get(y).op("i32x4.trunc_sat_f32x4_s").i32(31).op("i32x4.shl", "v128.or");
    };
    const negative = () => choose(f, withSign, () => f.floats(Number.NaN), whole);
    choose(
      f,
      negative,
      () => f.get(value),
      () => f.get(x).floats(0).op("f32x4.lt"),
    );
    f.set(value);
    choose(
      f,
      () => f.floats(1),
      () => f.get(value),
      () => f.get(y).floats(0).op("f32x4.eq"),
    );
  },
} satisfies Record<string, Write>;

/** sin (shift 0) or cos (shift 1) by quadrants: x = q π/2 + r, |r| <= π/4. Good to |x| of some thousands. */
function circular(f: FunctionBuilder, x: number, shift: 0 | 1): void {
  const [q, r, sine, cosine] = [f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128")];
  f.get(x)
    .floats(2 / Math.PI)
    .op("f32x4.mul", "f32x4.nearest")
    .set(q);
  f.get(x);
  // π/2 in three parts, so that q times each but the last is exact.
  for (const part of [1.5703125, 4.8375129699707e-4, 7.549789954891882e-8])
    f.get(q).floats(part).op("f32x4.mul", "f32x4.sub");
  f.set(r);
  f.get(q).op("i32x4.trunc_sat_f32x4_s").set(q);
  withinQuadrant(f, r, sine, cosine);
  ofQuadrant(f, q, shift, sine, cosine);
}

/** Sets `sine` and `cosine` to those of the local `r`, |r| <= π/4. */
function withinQuadrant(f: FunctionBuilder, r: number, sine: number, cosine: number): void {
  const z = f.local("v128");
  f.get(r).get(r).op("f32x4.mul").set(z);
  polynomial(f, z, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]);
  f.get(z).op("f32x4.mul").get(r).op("f32x4.mul").get(r).op("f32x4.add").set(sine);
  polynomial(f, z, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]);
  f.get(z)
    .get(z)
    .op("f32x4.mul", "f32x4.mul")
    .get(z)
    .floats(0.5)
    .op("f32x4.mul", "f32x4.sub")
    .floats(1)
    .op("f32x4.add")
    .set(cosine);
}

/** Pushes sin (shift 0) or cos (shift 1) of q π/2 + r, by those of r and the whole number q. */
function ofQuadrant(f: FunctionBuilder, q: number, shift: 0 | 1, sine: number, cosine: number): void {
  const shifted = () => (shift === 0 ? f.get(q) : f.get(q).ints(shift).op("i32x4.add"));
  f.get(cosine).get(sine);
  shifted().ints(1).op("v128.and").ints(1).op("i32x4.eq", "v128.bitselect");
  shifted().ints(2).op("v128.and").i32(30).op("i32x4.shl", "v128.xor");
}

/** Pushes cos, then sin, of the whole numbers in the local `word`, of which 2^32 are a turn: the angle of Box & Muller 1958. */
export function writeOfTurn(f: FunctionBuilder, word: number): void {
  const [q, r, sine, cosine] = [f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128")];
  // The nearest quarter, and what is beyond it as a signed number.
  f.get(word)
    .ints(2 ** 29)
    .op("i32x4.add")
    .i32(30)
    .op("i32x4.shr_u")
    .set(q);
  f.get(word).get(q).i32(30).op("i32x4.shl", "i32x4.sub", "f32x4.convert_i32x4_s");
  f.floats(Math.PI * 2 ** -31)
    .op("f32x4.mul")
    .set(r);
  withinQuadrant(f, r, sine, cosine);
  ofQuadrant(f, q, 1, sine, cosine);
  ofQuadrant(f, q, 0, sine, cosine);
}
