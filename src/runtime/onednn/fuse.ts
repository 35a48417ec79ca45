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
import { type Decisions, mergePointwise } from "./merge.ts";
import { pointwiseValues, Reader, type Storage } from "./reading.ts";
import { found, isLeaf, type Reading } from "./terms.ts";
import { isWhole, viewOf } from "./view.ts";
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

/** The kernels of a graph, and what is stored between them. */
export class Fusion implements Storage, Decisions {
  readonly order: readonly Tensor[];
  readonly kernels: Kernel[] = [];
  readonly reader = new Reader(this);
  /** What must lie in memory although it is a view or could be computed again. */
  readonly forced = new Set<Tensor>();
  stored = new Set<Tensor>();
  activationOf = new Map<Tensor, Tensor>();
  private readonly numbers = new Map<Tensor, number>();
  readonly users = new Map<Tensor, Tensor[]>();

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
    this.decide();
    const pointwise: Tensor[] = [];
    for (const node of this.order) {
      if (!this.stored.has(node) || isLeaf(node)) continue;
      if (isOfKind("product", node)) continue;
      if (isOfKind("reduction", node)) this.kernels.push({ kind: "reduction", node });
      else if (isOfKind("rows", node)) this.kernels.push({ kind: "rows", node });
      else if (isOfKind("copies", node) && !this.isForced(node)) this.kernels.push({ kind: "copies", node });
      else if (!this.isActivation(node)) pointwise.push(node);
    }
    for (const node of this.order)
      if (isOfKind("product", node))
        this.kernels.push({ kind: "product", node, activation: this.activationOf.get(node) });
    const merged = mergePointwise(pointwise, this);
    if ("mustStore" in merged) return merged.mustStore;
    for (const roots of merged.found) this.kernels.push({ kind: "pointwise", roots });
    // Views that no kernel can read are found now, by building every kernel once.
    for (const kernel of this.kernels) {
      const reads = this.tryReads(kernel);
      if ("mustStore" in reads) return reads.mustStore;
    }
    return undefined;
  }

  /** Whether a value lies in memory. */
  isStored(node: Tensor): boolean {
    return this.stored.has(node);
  }

  /** Whether a view is stored nevertheless. */
  isForced(node: Tensor): boolean {
    return this.forced.has(node) && viewOf(node) !== undefined;
  }

  /** A node's place in `order`. */
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
