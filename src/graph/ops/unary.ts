// Elementwise ops of one input. Each derivative has its formula above it; dy is the adjoint of the result y.
import { fail } from "../../base/errors.ts";
import type { Emitter, OnnxAttributes } from "../emitter.ts";
import { type Attrs, apply, type OpDef, type Tensor, typeText } from "../tensor.ts";
import { add, div, greater, mul, sub } from "./binary.ts";
import { where } from "./select.ts";

type None = Record<string, never>;
const NONE: None = {};

interface UnaryRule<A extends Attrs> {
  name: string;
  f: (x: number, attrs: A) => number;
  /** The adjoint of x, or "zero" where the op is piecewise constant. */
  grad: ((dy: Tensor, y: Tensor, x: Tensor, attrs: A) => Tensor) | "zero";
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
    grad: grad === "zero" ? grad : (node, dy) => [grad(dy, node, node.inputs[0]!, node.attrs)],
    lower(emit, node, [x]) {
      if (typeof onnx === "function") return onnx(emit, x!, node.attrs);
      return emit.node(onnx, [x!], rule.attributes?.(node.attrs) ?? {});
    },
  };
}

/** The error function: Taylor series below 3, continued fraction above; absolute error under 1e-12. */
function erfValue(x: number): number {
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

/** ln(1 + eˣ) of a number, without overflow. */
export const softplusValue = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/**
 * relu(x) - ln σ(|x|): a third of the time of onnxruntime's Softplus. Never overflows; the absolute error is one rounding
 * of a number in ½..1, 6e-8, so that values below that (x < -16) become 0.
 */
function emitSoftplus(emit: Emitter, x: string): string {
  const tail = emit.node("Log", [emit.node("Sigmoid", [emit.node("Abs", [x])])]);
  return emit.node("Sub", [emit.node("Relu", [x]), tail]);
}

/** The elementwise ops of one float32 input by name. */
export const unaryOps = {
  // d(-x) = -dx
  neg: unary({ name: "neg", f: (x) => -x, grad: (dy) => neg(dy), onnx: "Neg" }),
  // d|x| = sign(x) dx
  abs: unary({ name: "abs", f: Math.abs, grad: (dy, _y, x) => mul(dy, sign(x)), onnx: "Abs" }),
  sign: unary({ name: "sign", f: Math.sign, grad: "zero", onnx: "Sign" }),
  floor: unary({ name: "floor", f: Math.floor, grad: "zero", onnx: "Floor" }),
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
  softplus: unary({ name: "softplus", f: softplusValue, grad: (dy, _y, x) => mul(dy, sigmoid(x)), onnx: emitSoftplus }),
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
    grad: "zero",
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

/** -x. Like all of these functions elementwise, of float32; another type throws `E_DTYPE`. */
export const neg = one(unaryOps.neg);
/** |x|; its derivative at 0 is 0. */
export const abs = one(unaryOps.abs);
/** -1, 0 or 1; its derivative is zero. */
export const sign = one(unaryOps.sign);
/** The largest whole number that is not above x; its derivative is zero. */
export const floor = one(unaryOps.floor);
/** eˣ. */
export const exp = one(unaryOps.exp);
/** ln x, for x > 0; -∞ at 0, NaN below. */
export const log = one(unaryOps.log);
/** √x, for x >= 0; the derivative needs x > 0. */
export const sqrt = one(unaryOps.sqrt);
/** x². */
export const square = one(unaryOps.square);
/** 1 / x. */
export const reciprocal = one(unaryOps.reciprocal);
/** sin x, in radians; on oneDNN's backend good to |x| of some thousands, as is `cos`. */
export const sin = one(unaryOps.sin);
/** cos x, in radians. */
export const cos = one(unaryOps.cos);
/** tanh x. */
export const tanh = one(unaryOps.tanh);
/** σ(x) = 1 / (1 + e^-x). */
export const sigmoid = one(unaryOps.sigmoid);
/** ln(1 + eˣ), without overflow. */
export const softplus = one(unaryOps.softplus);
/** The error function 2/√π ∫₀ˣ e^(-t²) dt. */
export const erf = one(unaryOps.erf);
/** max(x, 0); its derivative at 0 is 0. */
export const relu = one(unaryOps.relu);
/** x where x > 0, else alpha · x (Maas et al. 2013). */
export const leakyRelu = (x: Tensor, alpha = 0.2): Tensor => apply(unaryOps.leakyRelu, [x], { alpha });
/** x where x > 0, else alpha · (eˣ - 1) (Clevert et al. 2016). */
export const elu = (x: Tensor, alpha = 1): Tensor => apply(unaryOps.elu, [x], { alpha });
/** x cut to low..high; its derivative is 0 at the bounds and outside. */
export const clip = (x: Tensor, low: number, high: number): Tensor => apply(unaryOps.clip, [x], { low, high });
/** 1 where x > 0, else `low`; its derivative is zero. */
export const step = (x: Tensor, low = 0): Tensor => apply(unaryOps.step, [x], { low });
/** x Φ(x) (Hendrycks & Gimpel 2016), with the exact normal distribution function. */
export const gelu = (x: Tensor): Tensor => mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
