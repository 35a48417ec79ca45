// How kernels read: from a tensor of the graph to memory, through views and values computed on the way, as loops with
// strides.
import { type NdArray, type Shape, sizeOf } from "../../base/array.ts";
import { isConstant, isInput, type Tensor } from "../../graph/tensor.ts";
import { isOfKind, type NodeOf } from "./kinds.ts";
import {
  broadcastTransform,
  commonDims,
  contiguous,
  isContiguous,
  stridesOver,
  type Transform,
  type View,
  viewOf,
} from "./view.ts";
import type { Access } from "./wasm/access.ts";
import type { Expression, LoopKernel } from "./wasm/loop.ts";

/** A value read, and how its buffer is seen. */
export interface Operand {
  readonly base: Tensor;
  readonly view: View;
}

export const isLeaf = (node: Tensor): boolean => isInput(node) || isConstant(node);

function uniformValue(node: Tensor): number | undefined {
  if (!isConstant(node)) return undefined;
  const { data } = node.attrs.value as NdArray;
  return data.length === 1 ? data[0] : undefined;
}

/** What reading gives; or else the tensor that must be stored first, as its values cannot be read through a view. */
export type Reading<T> = { readonly found: T } | { readonly mustStore: Tensor };

/** What was found, of a reading that fusion has tried before. */
export function found<T>(reading: Reading<T>): T {
  if ("found" in reading) return reading.found;
  const { op, shape } = reading.mustStore;
  throw new Error(`internal: ${op.name} [${shape}] cannot be read through a view`);
}

interface Step {
  readonly transform: Transform;
  /** What has to be stored when the transform cannot follow the ones before. */
  readonly blame: Tensor;
  /** The view that the step shows; none where an operand is only repeated. */
  readonly shown?: Tensor;
}

/** Steps from a value in memory to a value in a kernel, nearest to memory first. */
interface Path {
  readonly key: string;
  readonly steps: readonly Step[];
}
const DIRECT: Path = { key: "", steps: [] };

/** What is stored, as fusion decided. */
export interface Storage {
  isStored(node: Tensor): boolean;
  /** A view that is stored nevertheless: a kernel copies what it shows. */
  isForced(node: Tensor): boolean;
  numberOf(node: Tensor): number;
}

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
      path = this.through(base, transform, path);
      base = base.inputs[0]!;
    }
    const view = this.follow(base, path);
    return "found" in view ? { found: { base, view: view.found } } : view;
  }

  /** The same, where memory must hold the values in order. */
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

  private through(node: Tensor, transform: Transform, path: Path): Path {
    // The values of a reshape are those of its operand, in the same order.
    if (node.op.name === "reshape") return path;
    return {
      key: `${this.storage.numberOf(node)}/${path.key}`,
      steps: [{ transform, blame: node.inputs[0]!, shown: node }, ...path.steps],
    };
  }

  private follow(base: Tensor, { steps }: Path): Reading<View> {
    let view = contiguous(base.shape);
    for (const { transform, blame } of steps) {
      const next = transform(view);
      if (!next) return { mustStore: blame };
      view = next;
    }
    return { found: view };
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
      // A view that had to be stored is computed by its own kernel, as a copy of what it shows.
      inline: (node, path) =>
        (roots.includes(node) && path.steps.length === 0) ||
        (!this.storage.isStored(node) && isOfKind("pointwise", node)),
      transformOf: (node) => (roots.includes(node) ? undefined : this.transformOf(node)),
      shows: (node) => (roots.includes(node) && this.storage.isForced(node) ? viewOf(node) : undefined),
      through: (node, transform, path) => this.through(node, transform, path),
      spread: (x, node, transform, path) => ({
        key: `${x.shape}>${node.shape}/${path.key}`,
        steps: [{ transform, blame: x }, ...path.steps],
      }),
      follow: (base, path) => this.follow(base, path),
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

export function pointwiseValues(roots: readonly Tensor[]): LoopValue[] {
  return roots.map((node) => ({ node, into: node, target: contiguous(node.shape), size: sizeOf(node.shape) }));
}

// ------------------------------------------------------------------------------------------- expressions

type Term =
  | { readonly kind: "load"; readonly operand: Operand; readonly shown: Tensor | undefined }
  | Exclude<Expression, { kind: "load" }>;

interface TermContext {
  /** Whether the kernel stores the value: memory does not have it yet. */
  isRoot(node: Tensor): boolean;
  inline(node: Tensor, path: Path): boolean;
  transformOf(node: Tensor): Transform | undefined;
  shows(node: Tensor): Transform | undefined;
  through(node: Tensor, transform: Transform, path: Path): Path;
  spread(x: Tensor, node: Tensor, transform: Transform, path: Path): Path;
  follow(base: Tensor, path: Path): Reading<View>;
}

/** In place of a value that cannot be read. */
const NOWHERE = -1;

/** The list of expressions of a kernel, each value once. */
class TermBuilder {
  readonly terms: Term[] = [];
  /** What is computed on the way. */
  readonly inlined: Tensor[] = [];
  /** The first tensor on the way that must be stored; the terms are then of no use. */
  mustStore: Tensor | undefined;
  private readonly known = new Map<Tensor, Map<string, number>>();

  constructor(private readonly context: TermContext) {}

  /** Place of the value of `node` seen through `path`. */
  value(node: Tensor, path: Path): number {
    if (this.mustStore) return NOWHERE;
    const known = this.known.get(node)?.get(path.key);
    if (known !== undefined) return known;
    const place = this.make(node, path);
    const places = this.known.get(node) ?? new Map<string, number>();
    places.set(path.key, place);
    this.known.set(node, places);
    return place;
  }

  private make(node: Tensor, path: Path): number {
    const { context } = this;
    const transform = context.transformOf(node) ?? (path.steps.length === 0 ? context.shows(node) : undefined);
    if (transform) return this.value(node.inputs[0]!, context.through(node, transform, path));
    const constant = uniformValue(node);
    if (constant !== undefined) return this.terms.push({ kind: "constant", dtype: node.dtype, value: constant }) - 1;
    if (path.steps.length > 0 && context.isRoot(node)) {
      const view = context.follow(node, path);
      if ("mustStore" in view) return this.refuse(view.mustStore);
      if (!isWhole(view.found, node.shape))
        throw new Error(`internal: a kernel reads its own ${node.op.name} in another order`);
      return this.value(node, DIRECT);
    }
    if (!isOfKind("pointwise", node) || !context.inline(node, path)) {
      const view = context.follow(node, path);
      if ("mustStore" in view) return this.refuse(view.mustStore);
      const shown = path.steps[path.steps.length - 1]?.shown;
      return this.terms.push({ kind: "load", operand: { base: node, view: view.found }, shown }) - 1;
    }
    if (!context.isRoot(node)) this.inlined.push(node);
    const inputs = node.inputs.map((x) => {
      const spread = broadcastTransform(x.shape, node.shape);
      return this.value(x, spread ? context.spread(x, node, spread, path) : path);
    });
    return this.terms.push({ kind: "op", name: node.op.name, attrs: node.attrs, dtype: node.dtype, inputs }) - 1;
  }

  private refuse(node: Tensor): number {
    this.mustStore = node;
    return NOWHERE;
  }
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

/** Whether a view shows all of an array, in its order. */
export function isWhole(view: View, shape: Shape): boolean {
  return isContiguous(view) && view.offset === 0 && (view.dims[0] ?? 1) === sizeOf(shape);
}

/** Whether one of the two last axes has neighbours side by side, and nothing repeats or runs backwards. */
function isMatrix(view: View, shape: Shape): boolean {
  const strides = stridesOver(view, shape);
  if (!strides) return false;
  const own = strides.map((stride, axis) => (shape[axis] === 1 ? 1 : stride));
  return own.every((stride) => stride > 0) && own.slice(-2).includes(1);
}
