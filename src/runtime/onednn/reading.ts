// How kernels read: from a tensor of the graph to memory, through views and values computed on the way, as loops with
// strides.
import { type Shape, sizeOf } from "../../base/array.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { isOfKind, type NodeOf } from "./kinds.ts";
import {
  DIRECT,
  follow,
  type Operand,
  type Reading,
  type Term,
  TermBuilder,
  type TermContext,
  through,
} from "./terms.ts";
import { commonDims, contiguous, isWhole, stridesOver, type Transform, type View, viewOf } from "./view.ts";
import type { Access } from "./wasm/access.ts";
import type { Expression, LoopKernel } from "./wasm/loop.ts";

/** What is stored, as fusion decided. */
export interface Storage {
  isStored(node: Tensor): boolean;
  /** A view that is stored nevertheless: a kernel copies what it shows. */
  isForced(node: Tensor): boolean;
  numberOf(node: Tensor): number;
}

/** Builds kernels from nodes of the graph: what each reads, through which views, in which loops. */
export class Reader {
  constructor(private readonly storage: Storage) {}

  /** The view that a node is; undefined when it computes, or is stored. */
  transformOf(node: Tensor): Transform | undefined {
    return this.storage.isForced(node) ? undefined : viewOf(node);
  }

  /** What a view, or a view of views, shows. */
  baseOf(node: Tensor): Tensor {
    let base = node;
    while (this.transformOf(base)) base = base.inputs[0]!;
    return base;
  }

  /** Follows a tensor to memory. */
  operand(x: Tensor): Reading<Operand> {
    let path = DIRECT;
    let base = x;
    for (let transform = this.transformOf(base); transform; transform = this.transformOf(base)) {
      path = through(base, this.storage.numberOf(base), transform, path);
      base = base.inputs[0]!;
    }
    const view = follow(base, path);
    return "found" in view ? { found: { base, view: view.found } } : view;
  }

  /** Follows a tensor to memory that must hold all of its values, in order. */
  plain(x: Tensor): Reading<Tensor> {
    const operand = this.operand(x);
    if ("mustStore" in operand) return operand;
    const { base, view } = operand.found;
    return isWhole(view, base.shape) && sizeOf(base.shape) === sizeOf(x.shape) ? { found: base } : { mustStore: x };
  }

  /** What oneDNN reads for an op: images and biases in order, weights and matrices in any order of their axes. */
  nativeOperands(node: NodeOf<"product">): Reading<Operand[]> {
    const operands: Operand[] = [];
    for (const [i, x] of node.inputs.entries()) {
      const operand = this.nativeOperand(node, x, i);
      if ("mustStore" in operand) return operand;
      operands.push(operand.found);
    }
    return { found: operands };
  }

  private nativeOperand({ op: { name } }: NodeOf<"product">, x: Tensor, i: number): Reading<Operand> {
    const matrices = name === "matmul";
    const strided = i < 2 && (matrices || (i === 1 && name !== "conv2dWeightGrad"));
    if (!strided) {
      const base = this.plain(x);
      return "found" in base ? { found: { base: base.found, view: contiguous(x.shape) } } : base;
    }
    const operand = this.operand(x);
    if ("mustStore" in operand) return operand;
    const { view } = operand.found;
    const fits = matrices ? isMatrix(view, x.shape) : stridesOver(view, x.shape)?.every((stride) => stride >= 0);
    return fits ? operand : { mustStore: x };
  }

  /** What pointwise roots read from memory. */
  operandsOf(roots: readonly Tensor[]): Reading<Operand[]> {
    const terms = this.termsOf(roots);
    if ("mustStore" in terms) return terms;
    return { found: terms.found.flatMap((term) => (term.kind === "load" ? [term.operand] : [])) };
  }

  /** What a kernel of pointwise roots loads and computes. */
  termsOf(roots: readonly Tensor[]): Reading<readonly Term[]> {
    const builder = new TermBuilder(this.termContext(roots));
    for (const root of roots) builder.value(root, DIRECT);
    return builder.mustStore ? { mustStore: builder.mustStore } : { found: builder.terms };
  }

  private termContext(roots: readonly Tensor[]): TermContext {
    return {
      isRoot: (node) => roots.includes(node),
      inlines: (node) => !this.storage.isStored(node) && isOfKind("pointwise", node),
      transformOf: (node) => (roots.includes(node) ? undefined : this.transformOf(node)),
      // A view that had to be stored is computed by its own kernel, as a copy of what it shows.
      shows: (node) => (roots.includes(node) && this.storage.isForced(node) ? viewOf(node) : undefined),
      numberOf: (node) => this.storage.numberOf(node),
    };
  }

  /** A pass that stores computed values: the kernel of pointwise roots, or one pass of copies. */
  loop(values: readonly LoopValue[], roots: readonly Tensor[], slot: (node: Tensor) => number): Reading<LoopKernel> {
    const builder = new TermBuilder(this.termContext(roots));
    const places = values.map(({ node, transform }) =>
      builder.value(node, transform ? { key: "copy", steps: [{ transform, blame: node }] } : DIRECT),
    );
    const size = values[0]!.size;
    const read = this.dims(
      builder,
      values.map((value) => value.target),
      size,
      [],
    );
    if ("mustStore" in read) return read;
    const dims = read.found;
    const kernel: LoopKernel = {
      dims,
      reduced: dims.map(() => false),
      reduction: undefined,
      expressions: builder.terms.map((term) => access(term, dims, slot)),
      stores: values.map(({ into, target, add }, i) => ({
        value: places[i]!,
        access: { slot: slot(into), dtype: into.dtype, offset: target.offset, strides: strideList(target, dims) },
        add,
      })),
    };
    return { found: kernel };
  }

  /** The kernel of a reduction over adjacent axes, whose operand is computed on the way. */
  reduction(node: NodeOf<"reduction">, slot: (node: Tensor) => number): Reading<LoopKernel> {
    const [x] = node.inputs as [Tensor];
    const axes = node.attrs.axes as readonly number[];
    const [first, last] = [axes[0]!, axes[axes.length - 1]!];
    const builder = new TermBuilder(this.termContext([]));
    const value = builder.value(x, DIRECT);
    const [kept, length, columns] = [
      sizeOf(x.shape.slice(0, first)),
      sizeOf(x.shape.slice(first, last + 1)),
      sizeOf(x.shape.slice(last + 1)),
    ];
    const read = this.dims(builder, [], kept * length * columns, [columns, columns * length]);
    if ("mustStore" in read) return read;
    const dims = read.found;
    let inner = sizeOf(dims);
    const reduced = dims.map((dim) => {
      const outer = inner;
      inner /= dim;
      return outer <= columns * length && inner >= columns;
    });
    // Strides of the result, which lacks the reduced dimensions.
    const target: number[] = [];
    let step = 1;
    for (let i = dims.length - 1; i >= 0; i--) {
      target.unshift(reduced[i] ? 0 : step);
      if (!reduced[i]) step *= dims[i]!;
    }
    const kernel: LoopKernel = {
      dims,
      reduced,
      reduction: node.op.name,
      expressions: builder.terms.map((term) => access(term, dims, slot)),
      stores: [{ value, access: { slot: slot(node), dtype: node.dtype, offset: 0, strides: target } }],
    };
    return { found: kernel };
  }

  /** Loops over which every operand and target has one stride each. */
  private dims(
    { terms, inlined, mustStore }: TermBuilder,
    targets: readonly View[],
    size: number,
    cuts: readonly number[],
  ): Reading<number[]> {
    if (mustStore) return { mustStore };
    const loads = terms.flatMap((term) => (term.kind === "load" ? [term] : []));
    const dims = commonDims([...loads.map((term) => term.operand.view), ...targets], size, cuts);
    if (dims) return { found: dims.length > 0 ? dims : [1] };
    // Some value is cut in another way than the rest: it is stored in the order in which it is read, a view if there is
    // one, or else the last value that was to be computed on the way.
    const odd =
      loads.find((term) => term.shown && !this.storage.isStored(term.shown))?.shown ?? inlined[inlined.length - 1];
    if (!odd) throw new Error("internal: the dimensions of a kernel do not fit");
    return { mustStore: odd };
  }
}

/** A value to store: `node` seen through `transform`, at the places `target` of `into`. */
export interface LoopValue {
  readonly node: Tensor;
  readonly transform?: Transform;
  readonly into: Tensor;
  readonly target: View;
  readonly size: number;
  readonly add?: boolean;
}

/** What a kernel stores for pointwise roots: each value where it belongs. */
export function pointwiseValues(roots: readonly Tensor[]): LoopValue[] {
  return roots.map((node) => ({ node, into: node, target: contiguous(node.shape), size: sizeOf(node.shape) }));
}

function access(term: Term, dims: readonly number[], slot: (node: Tensor) => number): Expression {
  if (term.kind !== "load") return term;
  const { base, view } = term.operand;
  const found: Access = { slot: slot(base), dtype: base.dtype, offset: view.offset, strides: strideList(view, dims) };
  return { kind: "load", access: found };
}

function strideList(view: View, dims: readonly number[]): number[] {
  const strides = stridesOver(view, dims);
  if (!strides) throw new Error(`internal: a view over [${view.dims}] does not fit loops [${dims}]`);
  return strides;
}

/** Whether one of the two last axes has neighbours side by side, and nothing repeats or runs backwards. */
function isMatrix(view: View, shape: Shape): boolean {
  const strides = stridesOver(view, shape);
  if (!strides) return false;
  const own = strides.map((stride, axis) => (shape[axis] === 1 ? 1 : stride));
  return own.every((stride) => stride > 0) && own.slice(-2).includes(1);
}
