// Which values are stored, and which kernel computes which: chains of pointwise ops become one pass, ops that only move
// values become views of what they read, and an activation joins the product before it.
import { sizeOf } from "../../base/array.ts";
import { conv2dOp } from "../../graph/ops/conv.ts";
import { matmulOp } from "../../graph/ops/matmul.ts";
import { castOp } from "../../graph/ops/select.ts";
import { type Tensor, topological } from "../../graph/tensor.ts";
import { postOperation } from "./activations.ts";
import { copiesOf } from "./copies.ts";
import { internalOps } from "./internal-ops.ts";
import { isOfKind, kindOf, type NodeOf } from "./kinds.ts";
import {
  found,
  isLeaf,
  isWhole,
  type Operand,
  pointwiseValues,
  Reader,
  type Reading,
  type Storage,
} from "./reading.ts";
import { viewOf } from "./view.ts";
import { costOf } from "./wasm/pointwise.ts";

/** A kernel, and which nodes it computes. Operands of rows and products lie in memory. */
export type Kernel =
  | { readonly kind: "pointwise"; readonly roots: readonly Tensor[] }
  | { readonly kind: "reduction"; readonly node: NodeOf<"reduction"> }
  | { readonly kind: "rows"; readonly node: NodeOf<"rows"> }
  | { readonly kind: "copies"; readonly node: NodeOf<"copies"> }
  | { readonly kind: "product"; readonly node: NodeOf<"product">; readonly activation: Tensor | undefined };

/** What a kernel stores. */
export const resultsOf = (kernel: Kernel): readonly Tensor[] =>
  kernel.kind === "pointwise"
    ? kernel.roots
    : [kernel.kind === "product" ? (kernel.activation ?? kernel.node) : kernel.node];

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
    // What has to be stored for its user to be a kernel is stored, and the kernels are made again.
    for (let odd = this.build(); odd; odd = this.build()) {
      if (this.forced.has(odd)) found({ mustStore: odd });
      this.forced.add(odd);
    }
  }

  /** Decides on all kernels. @returns a value that must be stored too, when some kernel cannot read it through a view */
  private build(): Tensor | undefined {
    this.kernels.length = 0;
    this.readers.clear();
    this.decide();
    const groups = new Map<Tensor, Group>();
    for (const node of this.order) {
      if (!this.stored.has(node) || isLeaf(node)) continue;
      if (isOfKind("product", node)) continue;
      if (isOfKind("reduction", node)) this.kernels.push({ kind: "reduction", node });
      else if (isOfKind("rows", node)) this.kernels.push({ kind: "rows", node });
      else if (isOfKind("copies", node) && !this.isForced(node)) this.kernels.push({ kind: "copies", node });
      else if (!this.isActivation(node)) groups.set(node, { roots: [node] });
    }
    for (const node of this.order)
      if (isOfKind("product", node))
        this.kernels.push({ kind: "product", node, activation: this.activationOf.get(node) });
    const odd = this.merge(groups);
    if (odd) return odd;
    for (const { roots } of new Set(groups.values())) this.kernels.push({ kind: "pointwise", roots });
    // Views that no kernel can read are found now, by building every kernel once.
    for (const kernel of this.kernels) {
      const reads = this.tryReads(kernel);
      if ("mustStore" in reads) return reads.mustStore;
    }
    return undefined;
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
        (node.op === matmulOp || node.op === conv2dOp) &&
        uses.length === 1 &&
        only!.direct &&
        postOperation(only!.node) &&
        !kept.has(node)
      ) {
        this.activationOf.set(node, only!.node);
        continue;
      }
      const again = isOfKind("pointwise", node) && this.isCheap(node, cheap);
      const inline =
        isOfKind("pointwise", node) &&
        node.op !== internalOps.copy &&
        !kept.has(node) &&
        !this.isActivation(node) &&
        uses.every(({ node: user, spreads }) => !spreads && this.computesOperands(user)) &&
        (uses.length === 1 || again);
      if (!inline) this.stored.add(node);
    }
  }

  /** Whether a user's kernel can compute an operand on the way. */
  private computesOperands(user: Tensor): boolean {
    if (this.isActivation(user)) return false;
    const kind = kindOf(user);
    return kind === "pointwise" || kind === "reduction" || kind === "copies" || this.isForced(user);
  }

  /** Values that a user reads of one operand. */
  private workSize(user: Tensor, x: Tensor): number {
    return isOfKind("pointwise", user) ? sizeOf(user.shape) : sizeOf(x.shape);
  }

  /**
   * Whether computing again costs less than storing and loading: an instruction or two on one array in memory, or a
   * comparison of two. `known` has what values computed on the way take.
   */
  private isCheap(node: NodeOf<"pointwise">, known: Map<Tensor, { arrays: number; cost: number }>): boolean {
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
    const mask = node.dtype === "bool" || (node.op === castOp && node.inputs[0]!.dtype === "bool");
    return cost <= 2 && arrays <= (mask ? 2 : 1);
  }

  // -------------------------------------------------------------------------------------------- merging

  /**
   * Joins pointwise kernels where one reads what the other stores, place by place.
   * @returns a value that must be stored too, when some kernel cannot read it through a view
   */
  private merge(groups: Map<Tensor, Group>): Tensor | undefined {
    for (const node of this.order) {
      if (!groups.has(node)) continue;
      const operands = this.reader.operandsOf([node]);
      if ("mustStore" in operands) return operands.mustStore;
      for (const { base, view } of operands.found) {
        const theirs = groups.get(base);
        const ours = groups.get(node)!;
        if (!theirs || theirs === ours || !isWhole(view, base.shape) || sizeOf(base.shape) !== sizeOf(node.shape))
          continue;
        if (base.op === internalOps.copy || this.forced.has(base)) continue;
        const read = this.reader.operandsOf(ours.roots);
        if ("mustStore" in read) return read.mustStore;
        if (readsApart(read.found, theirs.roots)) continue;
        if (this.detour(theirs, ours, groups)) continue;
        const roots = [...theirs.roots, ...ours.roots].sort((a, b) => this.numbers.get(a)! - this.numbers.get(b)!);
        const terms = this.reader.termsOf(roots);
        if ("mustStore" in terms) return terms.mustStore;
        if (terms.found.length > LARGEST_KERNEL) continue;
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
    return undefined;
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
      found(this.reader.operandsOf(kernel.roots)).every(
        ({ base, view }) => base !== input || isWhole(view, kernel.roots[0]!.shape),
      )
    );
  }

  /** The tensors in memory that a kernel reads. */
  reads(kernel: Kernel): ReadonlySet<Tensor> {
    return found(this.tryReads(kernel));
  }

  /** Builds the kernel, and so finds views that cannot be. */
  private tryReads(kernel: Kernel): Reading<ReadonlySet<Tensor>> {
    const reads = new Set<Tensor>();
    const slot = (node: Tensor) => {
      reads.add(node);
      return 0;
    };
    for (const reading of this.readings(kernel, slot)) if ("mustStore" in reading) return reading;
    for (const result of resultsOf(kernel)) reads.delete(result);
    return { found: reads };
  }

  /** The readings that a kernel is built from; `slot` is told of each tensor in memory. */
  private readings(kernel: Kernel, slot: (node: Tensor) => number): readonly Reading<unknown>[] {
    const { reader } = this;
    switch (kernel.kind) {
      case "pointwise":
        return [reader.loop(pointwiseValues(kernel.roots), kernel.roots, slot)];
      case "reduction":
        return [reader.reduction(kernel.node, slot)];
      case "copies":
        return copiesOf(kernel.node).passes.map(({ operand, ...pass }) =>
          reader.loop([{ ...pass, node: operand, into: kernel.node }], [], slot),
        );
      case "rows": {
        const bases = kernel.node.inputs.map((x) => reader.plain(x));
        for (const base of bases) if ("found" in base) slot(base.found);
        return bases;
      }
      case "product": {
        const operands = reader.nativeOperands(kernel.node);
        if ("found" in operands) for (const { base } of operands.found) slot(base);
        return [operands];
      }
    }
  }
}

/** Whether some of `operands` shows one of `roots` in another order of its values. */
function readsApart(operands: readonly Operand[], roots: readonly Tensor[]): boolean {
  return operands.some(({ base, view }) => roots.includes(base) && !isWhole(view, base.shape));
}
