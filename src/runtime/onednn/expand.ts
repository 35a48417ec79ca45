// Rewrites a graph to the ops that have kernels of their own: softmax and pooling to reductions, long reductions to two
// stages (which threads can share, and which round less), padding to explicit steps.
import { type Shape, sizeOf } from "../../base/array.ts";
import { add, div, sub } from "../../graph/ops/binary.ts";
import { conv2dTransposeOp } from "../../graph/ops/conv.ts";
import { flatPlaces, gather } from "../../graph/ops/gather.ts";
import { im2col, im2colOp } from "../../graph/ops/im2col.ts";
import { max, sum } from "../../graph/ops/reduce.ts";
import { broadcast, pad, reshape, reshapeOp } from "../../graph/ops/shape.ts";
import { exp, log } from "../../graph/ops/unary.ts";
import type { Window } from "../../graph/ops/window.ts";
import { apply, type Tensor, topological } from "../../graph/tensor.ts";
import { copy } from "./internal-ops.ts";
import { isOfKind, type NameOf } from "./kinds.ts";
import { smallChannelDeconvolution } from "./small-channel-deconvolution.ts";

/** Graphs of equal values, in the order of `outputs`, made of ops that have kernels. */
export function expand(outputs: readonly Tensor[]): Tensor[] {
  const done = new Map<Tensor, Tensor>();
  for (const node of topological(outputs)) {
    const inputs = node.inputs.map((x) => done.get(x)!);
    const same = inputs.every((x, i) => x === node.inputs[i]);
    done.set(node, rewrite(same ? node : { ...node, inputs }));
  }
  return outputs.map((output) => done.get(output)!);
}

/** Below every activation, yet finite; the padding of max pooling. */
const LOWEST = -3e38;
const last = (x: Tensor) => [x.shape.length - 1];

type Rewrite = (node: Tensor) => Tensor;

const COMPOSED: Readonly<Record<NameOf<"composed">, Rewrite>> = {
  softmax({ inputs: [x] }) {
    const e = exp(sub(x!, stable(max(x!, last(x!), true))));
    return div(e, reduced(sum(e, last(x!), true)));
  },
  logSoftmax({ inputs: [x] }) {
    const shifted = sub(x!, stable(max(x!, last(x!), true)));
    return sub(shifted, log(reduced(sum(exp(shifted), last(x!), true))));
  },
  logSumExp(node) {
    const [x] = node.inputs as [Tensor];
    const axes = node.attrs.axes as readonly number[];
    const most = stable(max(x, axes, true));
    const total = log(reduced(sum(exp(sub(x, most)), axes, true)));
    return reshape(add(total, most), node.shape);
  },
  maxPool: ({ inputs: [x], attrs }) => max(unpadded(x!, attrs.window as Window, LOWEST), 3),
  takeAlong: ({ inputs: [x, index], shape }) =>
    reshape(gather(reshape(x!, [sizeOf(x!.shape)]), flatPlaces(x!, index!)), shape),
};

function rewrite(node: Tensor): Tensor {
  if (isOfKind("composed", node)) return COMPOSED[node.op.name](node);
  if (isOfKind("reduction", node)) return reduced(node);
  if (isOfKind("pointwise", node)) return widened(node);
  if (node.op === conv2dTransposeOp) return smallChannelDeconvolution(node);
  if (node.op === im2colOp) return unpadded(node.inputs[0]!, node.attrs.window as Window, node.attrs.fill as number);
  return node;
}

/** The windows of an image that holds its padding. */
function unpadded(x: Tensor, window: Window, fill: number): Tensor {
  const [top, left, bottom, right] = window.padding;
  const whole = pad(x, [0, top, left, 0], [0, bottom, right, 0], fill);
  return im2col(whole, { ...window, padding: [0, 0, 0, 0] });
}

const stable = (x: Tensor): Tensor => (x.op === reshapeOp ? reshape(reduced(x.inputs[0]!), x.shape) : reduced(x));

/** Under this many outermost kept values threads have too little to share. */
const FEW = 16;
const LANES = 4;

const REDUCTIONS: Readonly<Record<NameOf<"reduction">, typeof sum>> = { sum, max };

/** A reduction over adjacent axes, in stages where it is long; `x` may be a reshape of one. */
function reduced(node: Tensor): Tensor {
  if (node.op === reshapeOp) return reshape(reduced(node.inputs[0]!), node.shape);
  if (!isOfKind("reduction", node)) return node;
  const [x] = node.inputs as [Tensor];
  const of = REDUCTIONS[node.op.name];
  // Axes of size 1 neither separate nor matter.
  const axes = (node.attrs.axes as readonly number[]).filter((axis) => x.shape[axis]! > 1);
  const lastAxis = axes[axes.length - 1];
  if (lastAxis === undefined) return reshape(x, node.shape);
  let first = lastAxis;
  while (first > 0 && (axes.includes(first - 1) || x.shape[first - 1] === 1)) first--;
  const others = axes.filter((axis) => axis < first);
  if (others.length > 0) {
    const inner = reduced(
      of(
        x,
        axes.filter((axis) => axis >= first),
        true,
      ),
    );
    return reshape(reduced(of(inner, others)), node.shape);
  }
  const [kept, length, columns] = [
    sizeOf(x.shape.slice(0, first)),
    sizeOf(x.shape.slice(first, lastAxis + 1)),
    sizeOf(x.shape.slice(lastAxis + 1)),
  ];
  const cells = (shape: Shape) => reshape(x, shape);
  const staged = kept < FEW ? stages(length, columns) : undefined;
  if (!staged) return reshape(apply(node.op, [cells([kept, length, columns])], { axes: [1] }), node.shape);
  const [parts, together] = staged;
  const partial = of(cells([kept, parts, length / parts / together, together * columns]), 2);
  return reshape(of(reshape(partial, [kept, parts * together, columns]), 1), node.shape);
}

/** How a reduction of `length` rows of `columns` is cut: into so many parts, with so many rows side by side. */
function stages(length: number, columns: number): [parts: number, together: number] | undefined {
  if (length * columns < 8192) return undefined;
  const together = columns % LANES === 0 || columns === 1 ? 1 : length % LANES === 0 ? LANES : 1;
  const shortest = columns === 1 ? 256 : 32;
  let parts = 1;
  while (parts < 64 && (length / together) % (2 * parts) === 0 && length / together / (2 * parts) >= shortest)
    parts *= 2;
  return parts > 1 ? [parts, together] : undefined;
}

/**
 * A pointwise op whose operand repeats a few values along the last axis ([n, h, w, 3] + [3]) would go three by three; the
 * operand is repeated for one picture first.
 */
function widened(node: Tensor): Tensor {
  const columns = node.shape[node.shape.length - 1] ?? 1;
  if (columns === 1 || columns >= 16 || columns % LANES === 0 || sizeOf(node.shape) < 1024) return node;
  const picture = node.shape.slice(1);
  const inputs = node.inputs.map((x) =>
    sizeOf(x.shape) === columns && x.shape[x.shape.length - 1] === columns && sizeOf(picture) > columns
      ? copy(broadcast(reshape(x, [columns]), picture))
      : x,
  );
  return inputs.every((x, i) => x === node.inputs[i]) ? node : { ...node, inputs };
}
