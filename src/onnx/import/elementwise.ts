// Ops that work value by value, of pictures and of what is known beforehand.
import { broadcastShapes } from "../../base/array.ts";
import { interpret } from "../../graph/interpret.ts";
import * as g from "../../graph/ops/index.ts";
import { broadcastIndex } from "../../graph/ops/values.ts";
import { constant, type Tensor } from "../../graph/tensor.ts";
import type { Call, Importer } from "./call.ts";
import { arrayOf, type Computed, computed, type Known, widened } from "./values.ts";

/** An op of one operand: on pictures, and where it also serves shape arithmetic on numbers. */
const unary =
  (onTensor: (x: Tensor, call: Call) => Tensor, onNumber?: (x: number) => number): Importer =>
  (call) => {
    const x = call.value(0);
    if (x.kind === "computed") return { ...x, tensor: onTensor(x.tensor, call) };
    if (onNumber) return call.result(x.type, x.shape, Array.from(x.data, onNumber));
    const made = call.computed(0);
    return { ...made, tensor: onTensor(made.tensor, call) };
  };

type Two<T> = (a: T, b: T) => T;

/** Two known values, broadcast. */
function fold(call: Call, a: Known, b: Known, f: Two<number>, type: Known["type"]): Known {
  const shape = broadcastShapes(a.shape, b.shape) ?? call.refuse(`[${a.shape}] and [${b.shape}] do not broadcast`);
  call.requireSize(shape);
  const [fromA, fromB] = [broadcastIndex(a.shape, shape), broadcastIndex(b.shape, shape)];
  const data = Float64Array.from(fromA, (at, i) => f(a.data[at]!, b.data[fromB[i]!]!));
  return call.result(type, shape, data);
}

/** Two operands of which one depends on pictures, as tensors of the axes of the larger. */
function pair(call: Call): [Tensor, Tensor, Computed] {
  const [a, b] = [call.value(0), call.value(1)];
  const rank = Math.max(a.shape.length, b.shape.length);
  if (!broadcastShapes(a.shape, b.shape)) call.refuse(`[${a.shape}] and [${b.shape}] do not broadcast`);
  const own = [a, b].filter(isComputed);
  // Of two, the one that has its axes by itself says how they lie.
  const main = own.find(({ shape }) => shape.length === rank) ?? own[0]!;
  const like = { ...widened(main, rank), learned: call.learned, level: call.level };
  return [call.beside(a, like), call.beside(b, like), like];
}

const isComputed = (value: { kind: string }): value is Computed => value.kind === "computed";

const binary =
  (onTensor: Two<Tensor>, onNumber: Two<number>): Importer =>
  (call) => {
    const [a, b] = [call.value(0), call.value(1)];
    if (a.kind === "known" && b.kind === "known") {
      const whole = a.type === "int" && b.type === "int";
      return fold(call, a, b, whole ? (x, y) => Math.trunc(onNumber(x, y)) : onNumber, a.type);
    }
    const [x, y, like] = pair(call);
    return computed(onTensor(x, y), like.order, like);
  };

const compare =
  (onNumber: (a: number, b: number) => boolean): Importer =>
  (call) =>
    fold(call, call.known(0), call.known(1), (a, b) => Number(onNumber(a, b)), "bool");

/** An op of any number of operands, two at a time. */
const many =
  (each: Importer, end?: (total: Tensor, count: number) => Tensor): Importer =>
  (call) => {
    let total = call.value(0);
    for (let i = 1; i < call.count; i++) total = each(call.with([total, call.value(i)])) as typeof total;
    if (!end) return total;
    if (total.kind === "computed") return { ...total, tensor: end(total.tensor, call.count) };
    const [ended] = interpret([end(constant(arrayOf(total)), call.count)], {});
    return call.result(total.type, total.shape, ended!.data);
  };

const hardSigmoid = (x: Tensor, alpha: number, beta: number) => g.clip(g.add(g.mul(x, alpha), beta), 0, 1);

const GELU = Math.sqrt(2 / Math.PI);
/** The approximation by tanh (Hendrycks & Gimpel 2016, section 2). */
const tanhGelu = (x: Tensor) =>
  g.mul(g.mul(x, 0.5), g.add(g.tanh(g.mul(g.add(x, g.mul(g.mul(g.square(x), x), 0.044715)), GELU)), 1));

const add = binary(g.add, (a, b) => a + b);

const clip: Importer = (call) => {
  const x = call.value(0);
  const low = call.opset < 11 ? call.float("min", Number.NEGATIVE_INFINITY) : call.number(1, Number.NEGATIVE_INFINITY);
  const high = call.opset < 11 ? call.float("max", Number.POSITIVE_INFINITY) : call.number(2, Number.POSITIVE_INFINITY);
  if (x.kind === "known")
    return call.result(
      x.type,
      x.shape,
      Array.from(x.data, (v) => Math.min(Math.max(v, low), high)),
    );
  // Open ends are as far away as a float32 goes.
  const [from, to] = [Math.max(low, -3.4e38), Math.min(high, 3.4e38)];
  const tensor = low === 0 && to === 3.4e38 ? g.relu(x.tensor) : g.clip(x.tensor, from, to);
  return { ...x, tensor };
};

const pow: Importer = (call) => {
  const [x, exponent] = [call.value(0), call.value(1)];
  if (exponent.kind === "known" && exponent.data.length === 1 && x.kind === "computed") {
    const by = exponent.data[0]!;
    const simple: Readonly<Record<number, (t: Tensor) => Tensor>> = {
      1: (t) => t,
      2: g.square,
      3: (t) => g.mul(g.square(t), t),
      0.5: g.sqrt,
      [-1]: g.reciprocal,
      [-0.5]: (t) => g.reciprocal(g.sqrt(t)),
    };
    return { ...x, tensor: (simple[by] ?? ((t: Tensor) => g.pow(t, by)))(x.tensor) };
  }
  return binary(g.pow, (a, b) => a ** b)(call);
};

const prelu: Importer = (call) => {
  const x = call.computed(0);
  const slope = call.beside(call.value(1), { ...x, learned: true });
  return { ...x, tensor: g.add(g.relu(x.tensor), g.mul(slope, g.neg(g.relu(g.neg(x.tensor))))) };
};

const where: Importer = (call) => {
  const condition = call.known(0);
  const [a, b] = [call.value(1), call.value(2)];
  if (a.kind === "known" && b.kind === "known") {
    const chosen = fold(call, condition, a, (c, x) => (c ? x : Number.NaN), a.type);
    return fold(call, chosen, b, (x, y) => (Number.isNaN(x) ? y : x), a.type);
  }
  const rank = Math.max(condition.shape.length, a.shape.length, b.shape.length);
  const first = [a, b].filter(isComputed)[0]!;
  const like = { ...widened(first, rank), level: call.level, learned: call.learned };
  const choice = constant(arrayOf(widened({ ...condition, type: "bool" }, rank), [...like.order]));
  return computed(g.where(choice, call.beside(a, like), call.beside(b, like)), like.order, like);
};

/** Float types are all our float32; whole numbers of shape arithmetic are exact. */
const cast: Importer = (call) => {
  const x = call.value(0);
  const to = call.int("to", 0);
  const type = [1, 10, 11, 16].includes(to) ? "float" : to === 9 ? "bool" : "int";
  if (x.kind === "computed") {
    if (type !== "float") call.refuse("it makes whole numbers of what depends on the picture");
    return { ...x, tensor: g.cast(x.tensor, "float32") };
  }
  const convert = type === "bool" ? (v: number) => Number(v !== 0) : type === "int" ? Math.trunc : (v: number) => v;
  return call.result(type, x.shape, Array.from(x.data, convert));
};

/** The same value under another name. */
const same: Importer = (call) => call.value(0);

export const ELEMENTWISE: Readonly<Record<string, Importer>> = {
  Add: add,
  Sub: binary(g.sub, (a, b) => a - b),
  Mul: binary(g.mul, (a, b) => a * b),
  Div: binary(g.div, (a, b) => a / b),
  Pow: pow,
  Min: many(binary(g.minimum, Math.min)),
  Max: many(binary(g.maximum, Math.max)),
  Sum: many(add),
  Mean: many(add, (total, count) => g.mul(total, 1 / count)),
  Equal: compare((a, b) => a === b),
  Greater: compare((a, b) => a > b),
  Less: compare((a, b) => a < b),
  Where: where,
  Cast: cast,
  Identity: same,
  Dropout: same,
  Relu: unary(g.relu, (x) => Math.max(x, 0)),
  Clip: clip,
  LeakyRelu: unary((x, call) => g.leakyRelu(x, call.float("alpha", 0.01))),
  PRelu: prelu,
  Elu: unary((x, call) => g.elu(x, call.float("alpha", 1))),
  Sigmoid: unary(g.sigmoid),
  HardSigmoid: unary((x, call) => hardSigmoid(x, call.float("alpha", 0.2), call.float("beta", 0.5))),
  HardSwish: unary((x) => g.mul(x, hardSigmoid(x, 1 / 6, 0.5))),
  Swish: unary((x, call) => g.mul(x, g.sigmoid(g.mul(x, call.float("alpha", 1))))),
  Gelu: unary((x, call) => (call.text("approximate", "none") === "tanh" ? tanhGelu(x) : g.gelu(x))),
  Mish: unary((x) => g.mul(x, g.tanh(g.softplus(x)))),
  Softplus: unary(g.softplus),
  Softsign: unary((x) => g.div(x, g.add(g.abs(x), 1))),
  Tanh: unary(g.tanh),
  Erf: unary(g.erf),
  Exp: unary(g.exp, Math.exp),
  Log: unary(g.log, Math.log),
  Sqrt: unary(g.sqrt, Math.sqrt),
  Reciprocal: unary(g.reciprocal, (x) => 1 / x),
  Neg: unary(g.neg, (x) => -x),
  Abs: unary(g.abs, Math.abs),
  Floor: unary(g.floor, Math.floor),
  Ceil: unary((x) => g.neg(g.floor(g.neg(x))), Math.ceil),
  Sin: unary(g.sin),
  Cos: unary(g.cos),
};
