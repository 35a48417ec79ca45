// Pointwise kernels where one reads what the other stores, place by place, become one: the value between them stays in a
// register.
import { sizeOf } from "../../base/array.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { internalOps } from "./internal-ops.ts";
import type { Reader } from "./reading.ts";
import type { Operand, Reading } from "./terms.ts";
import { isWhole } from "./view.ts";

/** What fusion has decided before kernels are merged. */
export interface Decisions {
  /** All nodes, inputs before users. */
  readonly order: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Who has a node as an input. */
  readonly users: ReadonlyMap<Tensor, readonly Tensor[]>;
  readonly reader: Reader;
  /** What must lie in memory although it is a view or could be computed again. */
  readonly forced: ReadonlySet<Tensor>;
  /** What lies in memory; merging takes out what only one kernel needs. */
  readonly stored: Set<Tensor>;
  /** The activation that is stored in place of a product. */
  readonly activationOf: ReadonlyMap<Tensor, Tensor>;
  numberOf(node: Tensor): number;
}

/**
 * Merges the kernels that store one pointwise value each.
 * @returns the values that each kernel stores, or what must be stored too, as some kernel cannot read it through a view
 */
export function mergePointwise(values: readonly Tensor[], fusion: Decisions): Reading<readonly (readonly Tensor[])[]> {
  const merging = new Merging(values, fusion);
  const mustStore = merging.join();
  if (mustStore) return { mustStore };
  merging.prune();
  return { found: merging.kernels };
}

/** Pointwise values that one kernel stores. */
interface Group {
  roots: Tensor[];
}

/** More expressions than this in a kernel would not fit the registers anyway. */
const LARGEST_KERNEL = 80;

class Merging {
  private readonly groups: Map<Tensor, Group>;
  private readonly readers = new Map<Tensor, Set<Tensor>>();

  constructor(
    values: readonly Tensor[],
    private readonly fusion: Decisions,
  ) {
    this.groups = new Map(values.map((node) => [node, { roots: [node] }]));
  }

  get kernels(): readonly (readonly Tensor[])[] {
    return [...new Set(this.groups.values())].map(({ roots }) => roots);
  }

  /** Joins what can be joined. @returns what must be stored too, as some kernel cannot read it through a view */
  join(): Tensor | undefined {
    for (const node of this.fusion.order) {
      if (!this.groups.has(node)) continue;
      const operands = this.fusion.reader.operandsOf([node]);
      if ("mustStore" in operands) return operands.mustStore;
      for (const { base, view } of operands.found) {
        const theirs = this.groups.get(base);
        const ours = this.groups.get(node)!;
        if (!theirs || theirs === ours || !isWhole(view, base.shape) || sizeOf(base.shape) !== sizeOf(node.shape))
          continue;
        if (base.op === internalOps.copy || this.fusion.forced.has(base)) continue;
        const read = this.fusion.reader.operandsOf(ours.roots);
        if ("mustStore" in read) return read.mustStore;
        if (readsApart(read.found, theirs.roots)) continue;
        if (this.detour(theirs, ours)) continue;
        const roots = [...theirs.roots, ...ours.roots].sort(
          (a, b) => this.fusion.numberOf(a) - this.fusion.numberOf(b),
        );
        const terms = this.fusion.reader.termsOf(roots);
        if ("mustStore" in terms) return terms.mustStore;
        if (terms.found.length > LARGEST_KERNEL) continue;
        const joined = { roots };
        for (const root of roots) this.groups.set(root, joined);
      }
    }
    return undefined;
  }

  /** What only its own kernel reads need not be stored. */
  prune(): void {
    const outputs = new Set(this.fusion.outputs);
    for (const group of new Set(this.groups.values())) {
      const needed = group.roots.filter(
        (root) =>
          outputs.has(root) ||
          this.fusion.forced.has(root) ||
          [...this.readersOf(root)].some((reader) => this.groups.get(reader) !== group),
      );
      for (const root of group.roots)
        if (!needed.includes(root)) {
          this.fusion.stored.delete(root);
          this.groups.delete(root);
        }
      for (const root of needed) this.groups.set(root, group);
      group.roots = needed;
    }
  }

  /** The stored values computed from `node`, which may be read through views and values computed on the way. */
  private readersOf(node: Tensor): Set<Tensor> {
    const known = this.readers.get(node);
    if (known) return known;
    const found = new Set<Tensor>();
    this.readers.set(node, found);
    for (const user of this.fusion.users.get(node) ?? []) {
      const result = this.fusion.activationOf.get(user) ?? user;
      if (this.fusion.stored.has(result)) found.add(result);
      else for (const reader of this.readersOf(user)) found.add(reader);
    }
    return found;
  }

  /** Whether a value of `from` reaches `to` through the kernel of something else. */
  private detour(from: Group, to: Group): boolean {
    const seen = new Set<Tensor | Group>();
    const stack: Tensor[] = [];
    const push = (group: Tensor | Group) => {
      if (seen.has(group)) return;
      seen.add(group);
      stack.push(...("roots" in group ? group.roots : [group]));
    };
    const groupsReading = (node: Tensor) =>
      [...this.readersOf(node)].map((reader) => this.groups.get(reader) ?? reader);
    for (const root of from.roots)
      for (const group of groupsReading(root)) if (group !== from && group !== to) push(group);
    while (stack.length > 0)
      for (const group of groupsReading(stack.pop()!)) {
        if (group === to || group === from) return true;
        push(group);
      }
    return false;
  }
}

/** Whether some of `operands` shows one of `roots` in another order of its values. */
function readsApart(operands: readonly Operand[], roots: readonly Tensor[]): boolean {
  return operands.some(({ base, view }) => roots.includes(base) && !isWhole(view, base.shape));
}
