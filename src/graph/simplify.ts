// Rewrites a graph to a smaller one of equal value: equal nodes are shared, constants folded, rules applied.
// Nodes that nothing needs disappear by not being reached.
import { type NdArray, sameShape, sizeOf } from "../base/array.ts";
import { binaryOps as B } from "./ops/binary.ts";
import { add, mul, neg, sub } from "./ops/index.ts";
import { maxOp, sumOp } from "./ops/reduce.ts";
import { castOp, whereOp } from "./ops/select.ts";
import { broadcast, broadcastOp, reshape, reshapeOp, transpose, transposeOp } from "./ops/shape.ts";
import { unaryOps as U } from "./ops/unary.ts";
import { constant, isConstant, isInput, type OpDef, scalar, type Tensor, topological } from "./tensor.ts";

/** One algebraic rule: a cheaper equal of `node`, or undefined. Operands are already simplified. */
interface Rule {
  readonly text: string;
  readonly ops: readonly OpDef[];
  rewrite(node: Tensor): Tensor | undefined;
}

/** The value of a constant that is the same everywhere. */
function uniform(tensor: Tensor): number | undefined {
  if (tensor.op === broadcastOp) return uniform(tensor.inputs[0]!);
  if (!isConstant(tensor)) return undefined;
  const { data } = tensor.attrs.value;
  if (data.length > 1 && data.some((value) => value !== data[0])) return undefined;
  return data[0];
}

/** The operand that stays when the other is neutral, if it already has the shape of the result. */
function keeps(node: Tensor, index: 0 | 1, neutral: number): Tensor | undefined {
  const kept = node.inputs[index]!;
  return uniform(node.inputs[1 - index]!) === neutral && sameShape(kept.shape, node.shape) ? kept : undefined;
}

const BINARY: readonly OpDef[] = [B.add, B.sub, B.mul, B.div, B.maximum, B.minimum];

/** The algebraic rules, tried in this order. */
export const RULES: readonly Rule[] = [
  { text: "x + 0 = x", ops: [B.add], rewrite: (node) => keeps(node, 0, 0) ?? keeps(node, 1, 0) },
  { text: "x - 0 = x", ops: [B.sub], rewrite: (node) => keeps(node, 0, 0) },
  { text: "x · 1 = x", ops: [B.mul], rewrite: (node) => keeps(node, 0, 1) ?? keeps(node, 1, 1) },
  { text: "x / 1 = x", ops: [B.div], rewrite: (node) => keeps(node, 0, 1) },
  {
    text: "x · -1 = -x",
    ops: [B.mul],
    rewrite(node) {
      const kept = keeps(node, 0, -1) ?? keeps(node, 1, -1);
      return kept && neg(kept);
    },
  },
  {
    text: "--x = x",
    ops: [U.neg],
    rewrite: ({ inputs: [x] }) => (x!.op === U.neg ? x!.inputs[0] : undefined),
  },
  {
    text: "a + (-b) = a - b",
    ops: [B.add],
    rewrite({ inputs: [a, b] }) {
      if (b!.op === U.neg) return sub(a!, b!.inputs[0]!);
      return a!.op === U.neg ? sub(b!, a!.inputs[0]!) : undefined;
    },
  },
  {
    text: "a - (-b) = a + b",
    ops: [B.sub],
    rewrite: ({ inputs: [a, b] }) => (b!.op === U.neg ? add(a!, b!.inputs[0]!) : undefined),
  },
  {
    text: "(x · k) · m = x · (k m)",
    ops: [B.mul],
    rewrite(node) {
      const [x, k] = scaled(node);
      if (k === undefined || !x || x.op !== B.mul) return undefined;
      const [inner, m] = scaled(x);
      return inner && m !== undefined && sameShape(inner.shape, node.shape) ? mul(inner, k * m) : undefined;
    },
  },
  {
    text: "an operand that broadcasts need not be broadcast first",
    ops: BINARY,
    rewrite(node) {
      const [a, b] = node.inputs as [Tensor, Tensor];
      const bare = (x: Tensor, other: Tensor) =>
        x.op === broadcastOp && sameShape(other.shape, node.shape) ? x.inputs[0]! : x;
      const [a2, b2] = [bare(a, b), bare(b, a)];
      if (a2 !== a && b2 === b) return remake(node, [a2, b]);
      return b2 !== b ? remake(node, [a, b2]) : undefined;
    },
  },
  {
    text: "reshape of reshape is one reshape",
    ops: [reshapeOp],
    rewrite: (node) => (node.inputs[0]!.op === reshapeOp ? reshape(node.inputs[0]!.inputs[0]!, node.shape) : undefined),
  },
  {
    text: "reshape to the same shape is nothing",
    ops: [reshapeOp],
    rewrite: (node) => (sameShape(node.shape, node.inputs[0]!.shape) ? node.inputs[0] : undefined),
  },
  {
    text: "transpose of transpose is one transpose, or nothing",
    ops: [transposeOp],
    rewrite(node) {
      const perm = node.attrs.perm as readonly number[];
      const [x] = node.inputs as [Tensor];
      if (perm.every((axis, i) => axis === i)) return x;
      if (x.op !== transposeOp) return undefined;
      const inner = x.attrs.perm as readonly number[];
      return transpose(
        x.inputs[0]!,
        perm.map((axis) => inner[axis]!),
      );
    },
  },
  {
    text: "a reduction over axes of size 1 is a reshape",
    ops: [sumOp, maxOp],
    rewrite(node) {
      const [x] = node.inputs as [Tensor];
      return sizeOf(x.shape) === sizeOf(node.shape) ? reshape(x, node.shape) : undefined;
    },
  },
];

/** `x · k` with a uniform constant k, in either order. */
function scaled(node: Tensor): [Tensor | undefined, number | undefined] {
  const [a, b] = node.inputs as [Tensor, Tensor];
  const k = uniform(b);
  if (k !== undefined && sizeOf(b.shape) === 1) return [a, k];
  const m = uniform(a);
  return m !== undefined && sizeOf(a.shape) === 1 ? [b, m] : [undefined, undefined];
}

function remake(node: Tensor, inputs: readonly Tensor[]): Tensor {
  return { ...node, inputs };
}

/** Constants above this many elements are not folded: the file would grow by more than the work it saves. */
const FOLD_LIMIT = 1 << 16;

/** Graphs of equal values, in the order of `outputs`, with fewer nodes. */
export function simplify(outputs: readonly Tensor[]): Tensor[] {
  const done = new Map<Tensor, Tensor>();
  const shared = new Map<string, Tensor>();
  const numbers = new Map<Tensor, number>();
  const share = (node: Tensor): Tensor => {
    const key = keyOf(node, (x) => numbers.get(x)!);
    const known = shared.get(key);
    if (known) return known;
    shared.set(key, node);
    numbers.set(node, numbers.size);
    return node;
  };
  const reduce = (node: Tensor): Tensor => {
    let now = remade(fold(node));
    for (let again = true; again && !isConstant(now); ) {
      again = false;
      for (const rule of RULES) {
        if (!rule.ops.includes(now.op)) continue;
        const better = rule.rewrite(now);
        if (!better) continue;
        // A rule may make several nodes; those below the new one have operands that are shared already.
        now = fold(remade(better));
        again = true;
        break;
      }
    }
    return share(now);
  };
  /** Operands that are not shared yet, as `fold` and rules may make them, are simplified first. */
  const remade = (node: Tensor): Tensor =>
    numbers.has(node) || node.inputs.length === 0
      ? node
      : remake(
          node,
          node.inputs.map((x) => (numbers.has(x) ? x : reduce(remade(x)))),
        );
  // Equal nodes are reduced once: a large constant that is folded twice would be two constants, and so would be all that hangs on it.
  const reduced = new Map<string, Tensor>();
  for (const node of topological(outputs)) {
    const inputs = node.inputs.map((x) => done.get(x)!);
    const same = inputs.every((x, i) => x === node.inputs[i]);
    const key = keyOf({ ...node, inputs }, (x) => numbers.get(x)!);
    const result = reduced.get(key) ?? reduce(same ? node : remake(node, inputs));
    reduced.set(key, result);
    done.set(node, result);
  }
  return outputs.map((output) => done.get(output)!);
}

const ELEMENTWISE = new Set<OpDef>([...Object.values(U), ...Object.values(B), castOp, whereOp]);

function fold(node: Tensor): Tensor {
  if (node.inputs.length === 0 || isConstant(node)) return node;
  const values = node.inputs.map(uniform);
  // The same value everywhere: one number is computed, whatever the size.
  if (ELEMENTWISE.has(node.op) && values.every((value) => value !== undefined)) {
    const scalars = node.inputs.map((x, i) => scalar(values[i]!, x.dtype).attrs.value as NdArray);
    const data = node.op.evaluate(scalars, node.attrs, { shape: [], dtype: node.dtype });
    return broadcast(constant({ shape: [], dtype: node.dtype, data }), node.shape);
  }
  if (!node.inputs.every(isConstant) || sizeOf(node.shape) > FOLD_LIMIT || node.op === broadcastOp) return node;
  const arrays = node.inputs.map((x) => x.attrs.value as NdArray);
  return constant({ shape: node.shape, dtype: node.dtype, data: node.op.evaluate(arrays, node.attrs, node) });
}

function keyOf(node: Tensor, number: (x: Tensor) => number): string {
  if (isInput(node)) return `input ${node.attrs.name}`;
  if (!isConstant(node)) return `${node.op.name} ${JSON.stringify(node.attrs)} ${node.inputs.map(number).join(" ")}`;
  const { shape, dtype, data } = node.attrs.value;
  // Large constants are compared by identity: reading them all would cost more than a duplicate.
  return data.length <= 64
    ? `constant ${dtype} ${shape} ${Array.from(data, bits)}`
    : `constant ${dtype} ${shape} #${identityOf(data)}`;
}

const bits = (value: number) => (Object.is(value, -0) ? "-0" : String(value));

const identities = new WeakMap<object, number>();
let identityCount = 0;
function identityOf(value: object): number {
  let id = identities.get(value);
  if (id === undefined) {
    id = identityCount++;
    identities.set(value, id);
  }
  return id;
}
