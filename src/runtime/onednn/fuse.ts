// Which values are stored, and which kernel computes which: chains of pointwise ops become one pass, ops that only move
// values become views of what they read, and an activation joins the product before it.
import { type NdArray, type Shape, sizeOf } from "../../base/array.ts";
import { isConstant, isInput, type Tensor, topological } from "../../graph/tensor.ts";
import { copyOp } from "./expand.ts";
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
import type { Access, Expression, LoopKernel } from "./wasm/loop.ts";
import { costOf, isPointwiseName } from "./wasm/pointwise.ts";

/** Ops that oneDNN computes, and ops that go row by row: their operands and results lie in memory. */
export const NATIVE: readonly string[] = ["matmul", "conv2d", "conv2dTranspose", "conv2dFilter"];
const ROWS: readonly string[] = ["gather", "scatterAdd", "argmax"];
/** Ops of several passes that move values: operands may be computed on the way. */
const MOVES: readonly string[] = ["pad", "concat", "unpatches"];
/** Activations that oneDNN applies to a product on its way to memory. */
const ACTIVATIONS: readonly string[] = ["relu", "leakyRelu", "tanh", "sigmoid"];

export type Kernel =
  | { readonly kind: "pointwise"; readonly roots: readonly Tensor[] }
  | { readonly kind: "reduce"; readonly node: Tensor }
  | { readonly kind: "rows"; readonly node: Tensor }
  | { readonly kind: "move"; readonly node: Tensor }
  | { readonly kind: "native"; readonly node: Tensor; readonly activation: Tensor | undefined };

export const resultsOf = (kernel: Kernel): readonly Tensor[] =>
  kernel.kind === "pointwise"
    ? kernel.roots
    : [kernel.kind === "native" ? (kernel.activation ?? kernel.node) : kernel.node];

/** A value read, and how its buffer is seen. */
export interface Operand {
  readonly base: Tensor;
  readonly view: View;
}

export const isLeaf = (node: Tensor): boolean => isInput(node) || isConstant(node);
const isPointwise = (node: Tensor) => isPointwiseName(node.op.name);

function uniformValue(node: Tensor): number | undefined {
  if (!isConstant(node)) return undefined;
  const { data } = node.attrs.value as NdArray;
  return data.length === 1 ? data[0] : undefined;
}

/** Pointwise values that one kernel stores. */
interface Group {
  roots: Tensor[];
}

/** Thrown while kernels are built: `node` must be stored for its user to be a kernel. The build starts again with it. */
class MustStore extends Error {
  constructor(readonly node: Tensor) {
    super(`internal: ${node.op.name} [${node.shape}] cannot be read through a view`);
  }
}

/** Steps from a value in memory to a value in a kernel, nearest to memory first. */
interface Path {
  readonly key: string;
  readonly steps: readonly { readonly transform: Transform; readonly blame: Tensor }[];
}
const DIRECT: Path = { key: "", steps: [] };

/** More expressions than this in a kernel would not fit the registers anyway. */
const LARGEST_KERNEL = 80;

export class Fusion {
  readonly order: readonly Tensor[];
  readonly kernels: Kernel[] = [];
  /** What must lie in memory although it is a view or could be computed again. */
  private readonly forced = new Set<Tensor>();
  private stored = new Set<Tensor>();
  private activationOf = new Map<Tensor, Tensor>();
  private readonly numbers = new Map<Tensor, number>();
  private readonly users = new Map<Tensor, Tensor[]>();
  private readonly readers = new Map<Tensor, Set<Tensor>>();

  constructor(readonly outputs: readonly Tensor[]) {
    this.order = topological(outputs);
    this.order.forEach((node, i) => {
      this.numbers.set(node, i);
      for (const x of new Set(node.inputs)) this.users.set(x, [...(this.users.get(x) ?? []), node]);
    });
    for (;;) {
      try {
        this.build();
        return;
      } catch (cause) {
        if (!(cause instanceof MustStore) || this.forced.has(cause.node)) throw cause;
        this.forced.add(cause.node);
      }
    }
  }

  /** A view node that is not stored: it is looked through. */
  private transformOf(node: Tensor): Transform | undefined {
    return this.forced.has(node) ? undefined : viewOf(node);
  }

  private baseOf(node: Tensor): Tensor {
    let base = node;
    while (this.transformOf(base)) base = base.inputs[0]!;
    return base;
  }

  private build(): void {
    this.kernels.length = 0;
    this.readers.clear();
    this.decide();
    const groups = new Map<Tensor, Group>();
    for (const node of this.order) {
      if (!this.stored.has(node) || isLeaf(node)) continue;
      const { name } = node.op;
      if (NATIVE.includes(name)) continue;
      if (name === "sum" || name === "max") this.kernels.push({ kind: "reduce", node });
      else if (ROWS.includes(name)) this.kernels.push({ kind: "rows", node });
      else if (MOVES.includes(name) && !this.forcedView(node)) this.kernels.push({ kind: "move", node });
      else if (!this.isActivation(node)) groups.set(node, { roots: [node] });
    }
    for (const node of this.order)
      if (NATIVE.includes(node.op.name))
        this.kernels.push({ kind: "native", node, activation: this.activationOf.get(node) });
    this.merge(groups);
    for (const { roots } of new Set(groups.values())) this.kernels.push({ kind: "pointwise", roots });
    // Views that no kernel can read are found now, by building every kernel once.
    for (const kernel of this.kernels) this.reads(kernel);
  }

  /** A view that has to be stored is a pointwise copy. */
  private forcedView(node: Tensor): boolean {
    return this.forced.has(node) && viewOf(node) !== undefined;
  }

  private isActivation(node: Tensor): boolean {
    return node.inputs.length === 1 && this.activationOf.get(node.inputs[0]!) === node;
  }

  /** Fills `stored` and `activationOf`. */
  private decide(): void {
    const users = new Map<Tensor, { node: Tensor; spreads: boolean; direct: boolean }[]>();
    for (const node of this.order) {
      if (this.transformOf(node)) continue;
      for (const x of node.inputs) {
        const base = this.baseOf(x);
        const list = users.get(base) ?? [];
        list.push({ node, spreads: sizeOf(base.shape) < this.workSize(node, x), direct: base === x });
        users.set(base, list);
      }
    }
    this.stored = new Set(this.forced);
    this.activationOf = new Map();
    const kept = new Set(this.outputs);
    const cheap = new Map<Tensor, number>();
    for (const node of this.order) {
      if (this.transformOf(node) && !kept.has(node)) continue;
      const uses = users.get(node) ?? [];
      const [only] = uses;
      if (
        (node.op.name === "matmul" || node.op.name === "conv2d") &&
        uses.length === 1 &&
        only!.direct &&
        ACTIVATIONS.includes(only!.node.op.name) &&
        !kept.has(node)
      ) {
        this.activationOf.set(node, only!.node);
        continue;
      }
      const again = isPointwise(node) && this.isCheap(node, cheap);
      const inline =
        isPointwise(node) &&
        node.op !== copyOp &&
        !kept.has(node) &&
        !this.isActivation(node) &&
        uses.every(({ node: user, spreads }) => !spreads && this.computesOperands(user)) &&
        (uses.length === 1 || again);
      if (!inline) this.stored.add(node);
    }
  }

  /** Whether a user's kernel can compute an operand on the way. */
  private computesOperands(user: Tensor): boolean {
    const { name } = user.op;
    if (this.isActivation(user)) return false;
    return isPointwise(user) || name === "sum" || name === "max" || MOVES.includes(name) || this.forcedView(user);
  }

  /** Values that a user reads of one operand. */
  private workSize(user: Tensor, x: Tensor): number {
    return isPointwise(user) ? sizeOf(user.shape) : sizeOf(x.shape);
  }

  /** Whether computing again costs less than storing and loading: one instruction on one array in memory, or a comparison. */
  private isCheap(node: Tensor, arrays: Map<Tensor, number>): boolean {
    let read = 0;
    for (const x of node.inputs) {
      const base = this.baseOf(x);
      if (sizeOf(base.shape) === 1) continue;
      read += isLeaf(base) || this.stored.has(base) ? 1 : (arrays.get(base) ?? Number.POSITIVE_INFINITY);
    }
    arrays.set(node, read);
    const mask = node.dtype === "bool" || (node.op.name === "cast" && node.inputs[0]!.dtype === "bool");
    return costOf(node.op.name) === 1 && read <= (mask ? 2 : 1);
  }

  // -------------------------------------------------------------------------------------------- merging

  /** Joins pointwise kernels where one reads what the other stores, place by place. */
  private merge(groups: Map<Tensor, Group>): void {
    for (const node of this.order) {
      if (!groups.has(node)) continue;
      for (const { base, view } of this.operandsOf([node])) {
        const theirs = groups.get(base);
        const ours = groups.get(node)!;
        if (!theirs || theirs === ours || !isContiguous(view) || sizeOf(base.shape) !== sizeOf(node.shape)) continue;
        if (view.offset !== 0 || base.op === copyOp || this.readsApart(ours.roots, theirs.roots)) continue;
        if (this.detour(theirs, ours, groups)) continue;
        const roots = [...theirs.roots, ...ours.roots].sort((a, b) => this.numbers.get(a)! - this.numbers.get(b)!);
        if (this.expressionsOf(roots).length > LARGEST_KERNEL) continue;
        const joined = { roots };
        for (const root of roots) groups.set(root, joined);
      }
    }
    // What only its own kernel reads need not be stored.
    const outputs = new Set(this.outputs);
    for (const group of new Set(groups.values())) {
      const needed = group.roots.filter(
        (root) =>
          outputs.has(root) ||
          this.forced.has(root) ||
          [...this.readersOf(root)].some((reader) => groups.get(reader) !== group),
      );
      for (const root of group.roots)
        if (!needed.includes(root)) {
          this.stored.delete(root);
          groups.delete(root);
        }
      for (const root of needed) groups.set(root, group);
      group.roots = needed;
    }
  }

  /** Whether some root of `ours` reads one of `theirs` in another order of its values. */
  private readsApart(ours: readonly Tensor[], theirs: readonly Tensor[]): boolean {
    return this.operandsOf(ours).some(
      ({ base, view }) => theirs.includes(base) && !(isContiguous(view) && view.offset === 0),
    );
  }

  /** The stored values computed from `node`, which may be read through views and values computed on the way. */
  private readersOf(node: Tensor): Set<Tensor> {
    const known = this.readers.get(node);
    if (known) return known;
    const found = new Set<Tensor>();
    this.readers.set(node, found);
    for (const user of this.users.get(node) ?? []) {
      const result = this.activationOf.get(user) ?? user;
      if (this.stored.has(result)) found.add(result);
      else for (const reader of this.readersOf(user)) found.add(reader);
    }
    return found;
  }

  /** Whether a value of `from` reaches `to` through the kernel of something else. */
  private detour(from: Group, to: Group, groups: ReadonlyMap<Tensor, Group>): boolean {
    const seen = new Set<Tensor | Group>();
    const stack: Tensor[] = [];
    const push = (group: Tensor | Group) => {
      if (seen.has(group)) return;
      seen.add(group);
      stack.push(...("roots" in group ? group.roots : [group]));
    };
    const groupsReading = (node: Tensor) => [...this.readersOf(node)].map((reader) => groups.get(reader) ?? reader);
    for (const root of from.roots)
      for (const group of groupsReading(root)) if (group !== from && group !== to) push(group);
    while (stack.length > 0)
      for (const group of groupsReading(stack.pop()!)) {
        if (group === to || group === from) return true;
        push(group);
      }
    return false;
  }

  // -------------------------------------------------------------------------------------------- reading

  /** Follows a tensor to memory. @throws MustStore when the way there is not a view */
  operand(x: Tensor): Operand {
    let path = DIRECT;
    let base = x;
    for (let transform = this.transformOf(base); transform; transform = this.transformOf(base)) {
      path = this.through(base, transform, path);
      base = base.inputs[0]!;
    }
    return { base, view: this.follow(base, path) };
  }

  /** The same, where memory must hold the values in order. */
  plain(x: Tensor): Tensor {
    const { base, view } = this.operand(x);
    if (!isContiguous(view) || view.offset !== 0 || sizeOf(base.shape) !== sizeOf(x.shape)) throw new MustStore(x);
    return base;
  }

  /**
   * What oneDNN reads for an op: images and biases in order, weights and matrices in any order of their axes.
   * @throws MustStore for an operand that lies in another way
   */
  nativeOperands(node: Tensor): Operand[] {
    const matrices = node.op.name === "matmul";
    return node.inputs.map((x, i) => {
      const strided = i < 2 && (matrices || (i === 1 && node.op.name !== "conv2dFilter"));
      if (!strided) return { base: this.plain(x), view: contiguous(x.shape) };
      const found = this.operand(x);
      if (!(matrices ? isMatrix(found.view, x.shape) : stridesOver(found.view, x.shape)?.every((s) => s >= 0)))
        throw new MustStore(x);
      return found;
    });
  }

  private through(node: Tensor, transform: Transform, path: Path): Path {
    return {
      key: `${this.numbers.get(node)}/${path.key}`,
      steps: [{ transform, blame: node.inputs[0]! }, ...path.steps],
    };
  }

  private follow(base: Tensor, { steps }: Path): View {
    let view: View | undefined = contiguous(base.shape);
    for (const { transform, blame } of steps) {
      view = transform(view);
      if (!view) throw new MustStore(blame);
    }
    return view;
  }

  /** Whether a kernel that reads `input` does so place by place, so that its result may be written there. */
  readsInPlace(kernel: Kernel, input: Tensor): boolean {
    return (
      kernel.kind === "pointwise" &&
      this.operandsOf(kernel.roots).every(
        ({ base, view }) =>
          base !== input || (isContiguous(view) && view.offset === 0 && sameSize(base, kernel.roots[0]!)),
      )
    );
  }

  /** What pointwise roots read from memory. */
  private operandsOf(roots: readonly Tensor[]): Operand[] {
    return this.expressionsOf(roots).flatMap((e) => (e.kind === "load" ? [e.operand] : []));
  }

  private expressionsOf(roots: readonly Tensor[]): readonly Term[] {
    const builder = new TermBuilder(this.termContext(roots));
    for (const root of roots) builder.value(root, DIRECT);
    return builder.terms;
  }

  private termContext(roots: readonly Tensor[]): TermContext {
    return {
      // A view that had to be stored is computed by its own kernel, as a copy of what it shows.
      inline: (node, path) =>
        (roots.includes(node) && path.steps.length === 0) ||
        (!isLeaf(node) && !this.stored.has(node) && isPointwise(node)),
      transformOf: (node) => (roots.includes(node) ? undefined : this.transformOf(node)),
      shows: (node) => (roots.includes(node) && this.forcedView(node) ? viewOf(node) : undefined),
      through: (node, transform, path) => this.through(node, transform, path),
      spread: (x, node, transform, path) => ({
        key: `${x.shape}>${node.shape}/${path.key}`,
        steps: [{ transform, blame: x }, ...path.steps],
      }),
      follow: (base, path) => this.follow(base, path),
    };
  }

  /** A pass that stores computed values: the kernel of pointwise roots, or one pass of a move. */
  loop(values: readonly LoopValue[], roots: readonly Tensor[], slot: (node: Tensor) => number): LoopKernel {
    const builder = new TermBuilder(this.termContext(roots));
    const places = values.map(({ node, transform }) =>
      builder.value(node, transform ? { key: "move", steps: [{ transform, blame: node }] } : DIRECT),
    );
    const size = values[0]!.size;
    const dims = this.dims(
      builder.terms,
      values.map((value) => value.target),
      size,
      [],
    );
    return {
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
  }

  reduction(node: Tensor, slot: (node: Tensor) => number): LoopKernel {
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
    const dims = this.dims(builder.terms, [], kept * length * columns, [columns, columns * length]);
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
    return {
      dims,
      reduced,
      reduction: node.op.name as "sum" | "max",
      expressions: builder.terms.map((term) => access(term, dims, slot)),
      stores: [{ value, access: { slot: slot(node), dtype: node.dtype, offset: 0, strides: target } }],
    };
  }

  private dims(terms: readonly Term[], targets: readonly View[], size: number, cuts: readonly number[]): number[] {
    const loads = terms.flatMap((term) => (term.kind === "load" ? [term] : []));
    const dims = commonDims([...loads.map((term) => term.operand.view), ...targets], size, cuts);
    if (dims) return dims.length > 0 ? dims : [1];
    // Some operand is cut in another way than the rest: it is stored in the order it is read.
    const odd = loads.find(
      (term) => !isContiguous(term.operand.view) && term.blame && !isLeaf(term.blame) && !this.stored.has(term.blame),
    );
    if (!odd) throw new Error("internal: the dimensions of a kernel do not fit");
    throw new MustStore(odd.blame!);
  }

  /** The tensors in memory that a kernel reads; builds it, and so finds views that cannot be. */
  reads(kernel: Kernel): Set<Tensor> {
    const found = new Set<Tensor>();
    const slot = (node: Tensor) => {
      found.add(node);
      return 0;
    };
    if (kernel.kind === "pointwise") this.loop(pointwiseValues(kernel.roots), kernel.roots, slot);
    else if (kernel.kind === "reduce") this.reduction(kernel.node, slot);
    else if (kernel.kind === "move") for (const x of kernel.node.inputs) this.moved(x, slot);
    else if (kernel.kind === "rows") for (const x of kernel.node.inputs) found.add(this.plain(x));
    else for (const { base } of this.nativeOperands(kernel.node)) found.add(base);
    for (const result of resultsOf(kernel)) found.delete(result);
    return found;
  }

  private moved(x: Tensor, slot: (node: Tensor) => number): void {
    const target = contiguous(x.shape);
    const into = { ...x };
    this.loop([{ node: x, into, target, size: sizeOf(x.shape) }], [], (node) => (node === into ? 0 : slot(node)));
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
  | { readonly kind: "load"; readonly operand: Operand; readonly blame: Tensor | undefined }
  | Exclude<Expression, { kind: "load" }>;

interface TermContext {
  inline(node: Tensor, path: Path): boolean;
  transformOf(node: Tensor): Transform | undefined;
  shows(node: Tensor): Transform | undefined;
  through(node: Tensor, transform: Transform, path: Path): Path;
  spread(x: Tensor, node: Tensor, transform: Transform, path: Path): Path;
  follow(base: Tensor, path: Path): View;
}

/** The list of expressions of a kernel, each value once. */
class TermBuilder {
  readonly terms: Term[] = [];
  private readonly known = new Map<Tensor, Map<string, number>>();

  constructor(private readonly context: TermContext) {}

  /** Place of the value of `node` seen through `path`. */
  value(node: Tensor, path: Path): number {
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
    if (!context.inline(node, path)) {
      const blame = path.steps[path.steps.length - 1]?.blame;
      return this.terms.push({ kind: "load", operand: { base: node, view: context.follow(node, path) }, blame }) - 1;
    }
    const inputs = node.inputs.map((x) => {
      const spread = broadcastTransform(x.shape, node.shape);
      return this.value(x, spread ? context.spread(x, node, spread, path) : path);
    });
    return this.terms.push({ kind: "op", name: node.op.name, attrs: node.attrs, dtype: node.dtype, inputs }) - 1;
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

const sameSize = (a: Tensor, b: Tensor) => sizeOf(a.shape) === sizeOf(b.shape);

/** Whether one of the two last axes has neighbours side by side, and nothing repeats or runs backwards. */
function isMatrix(view: View, shape: Shape): boolean {
  const strides = stridesOver(view, shape);
  if (!strides) return false;
  const own = strides.map((stride, axis) => (shape[axis] === 1 ? 1 : stride));
  return own.every((stride) => stride > 0) && own.slice(-2).includes(1);
}
