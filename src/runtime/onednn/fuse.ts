// Which values are stored, and which kernel computes which: chains of pointwise ops become one pass, ops that only move
// values become views of what they read, and an activation joins the product before it.
import { sizeOf } from "../../base/array.ts";
import { type Tensor, topological } from "../../graph/tensor.ts";
import { copyOp } from "./expand.ts";
import { MOVES, moveOf } from "./moves.ts";
import { isLeaf, isPointwise, isWhole, MustStore, pointwiseValues, Reader, type Storage } from "./reading.ts";
import { viewOf } from "./view.ts";
import { costOf } from "./wasm/pointwise.ts";

/** Ops that oneDNN computes, and ops that go row by row: their operands and results lie in memory. */
export const NATIVE: readonly string[] = ["matmul", "conv2d", "conv2dTranspose", "conv2dFilter"];
const ROWS: readonly string[] = ["gather", "scatterAdd", "argmax", "gridSample"];
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

/** Pointwise values that one kernel stores. */
interface Group {
  roots: Tensor[];
}

/** More expressions than this in a kernel would not fit the registers anyway. */
const LARGEST_KERNEL = 80;

export class Fusion implements Storage {
  readonly order: readonly Tensor[];
  readonly kernels: Kernel[] = [];
  readonly reader = new Reader(this);
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
      else if (MOVES.includes(name) && !this.isForced(node)) this.kernels.push({ kind: "move", node });
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

  isStored(node: Tensor): boolean {
    return this.stored.has(node);
  }

  isForced(node: Tensor): boolean {
    return this.forced.has(node) && viewOf(node) !== undefined;
  }

  numberOf(node: Tensor): number {
    return this.numbers.get(node)!;
  }

  private isActivation(node: Tensor): boolean {
    return node.inputs.length === 1 && this.activationOf.get(node.inputs[0]!) === node;
  }

  /** Fills `stored` and `activationOf`. */
  private decide(): void {
    const users = new Map<Tensor, { node: Tensor; spreads: boolean; direct: boolean }[]>();
    for (const node of this.order) {
      if (this.reader.transformOf(node)) continue;
      for (const x of node.inputs) {
        const base = this.reader.baseOf(x);
        const list = users.get(base) ?? [];
        list.push({ node, spreads: sizeOf(base.shape) < this.workSize(node, x), direct: base === x });
        users.set(base, list);
      }
    }
    this.stored = new Set(this.forced);
    this.activationOf = new Map();
    const kept = new Set(this.outputs);
    const cheap = new Map<Tensor, { arrays: number; cost: number }>();
    for (const node of this.order) {
      if (this.reader.transformOf(node) && !kept.has(node)) continue;
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
    return isPointwise(user) || name === "sum" || name === "max" || MOVES.includes(name) || this.isForced(user);
  }

  /** Values that a user reads of one operand. */
  private workSize(user: Tensor, x: Tensor): number {
    return isPointwise(user) ? sizeOf(user.shape) : sizeOf(x.shape);
  }

  /**
   * Whether computing again costs less than storing and loading: an instruction or two on one array in memory, or a
   * comparison of two. `known` has what values computed on the way take.
   */
  private isCheap(node: Tensor, known: Map<Tensor, { arrays: number; cost: number }>): boolean {
    let arrays = 0;
    let cost = costOf(node.op.name);
    for (const x of node.inputs) {
      const base = this.reader.baseOf(x);
      if (sizeOf(base.shape) === 1) continue;
      const inside = isLeaf(base) || this.stored.has(base) ? { arrays: 1, cost: 0 } : known.get(base);
      arrays += inside?.arrays ?? Number.POSITIVE_INFINITY;
      cost += inside?.cost ?? 0;
    }
    known.set(node, { arrays, cost });
    const mask = node.dtype === "bool" || (node.op.name === "cast" && node.inputs[0]!.dtype === "bool");
    return cost <= 2 && arrays <= (mask ? 2 : 1);
  }

  // -------------------------------------------------------------------------------------------- merging

  /** Joins pointwise kernels where one reads what the other stores, place by place. */
  private merge(groups: Map<Tensor, Group>): void {
    for (const node of this.order) {
      if (!groups.has(node)) continue;
      for (const { base, view } of this.reader.operandsOf([node])) {
        const theirs = groups.get(base);
        const ours = groups.get(node)!;
        if (!theirs || theirs === ours || !isWhole(view, base.shape) || sizeOf(base.shape) !== sizeOf(node.shape))
          continue;
        if (base.op === copyOp || this.forced.has(base) || this.readsApart(ours.roots, theirs.roots)) continue;
        if (this.detour(theirs, ours, groups)) continue;
        const roots = [...theirs.roots, ...ours.roots].sort((a, b) => this.numbers.get(a)! - this.numbers.get(b)!);
        if (this.reader.expressionsOf(roots).length > LARGEST_KERNEL) continue;
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
    return this.reader.operandsOf(ours).some(({ base, view }) => theirs.includes(base) && !isWhole(view, base.shape));
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

  /** Whether a kernel that reads `input` does so place by place, so that its result may be written there. */
  readsInPlace(kernel: Kernel, input: Tensor): boolean {
    return (
      kernel.kind === "pointwise" &&
      this.reader
        .operandsOf(kernel.roots)
        .every(({ base, view }) => base !== input || isWhole(view, kernel.roots[0]!.shape))
    );
  }

  /** The tensors in memory that a kernel reads; builds it, and so finds views that cannot be. */
  reads(kernel: Kernel): Set<Tensor> {
    const found = new Set<Tensor>();
    const slot = (node: Tensor) => {
      found.add(node);
      return 0;
    };
    if (kernel.kind === "pointwise") this.reader.loop(pointwiseValues(kernel.roots), kernel.roots, slot);
    else if (kernel.kind === "reduce") this.reader.reduction(kernel.node, slot);
    else if (kernel.kind === "move")
      for (const { operand, ...pass } of moveOf(kernel.node).passes)
        this.reader.loop([{ ...pass, node: operand, into: kernel.node }], [], slot);
    else if (kernel.kind === "rows") for (const x of kernel.node.inputs) found.add(this.reader.plain(x));
    else for (const { base } of this.reader.nativeOperands(kernel.node)) found.add(base);
    for (const result of resultsOf(kernel)) found.delete(result);
    return found;
  }
}
