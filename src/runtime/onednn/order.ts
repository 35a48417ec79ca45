// The order of kernels: of those that can go, the one that leaves the fewest bytes waiting. A weights gradient then follows
// what it is made of while that is still in a cache, and its optimizer follows it. Values that replace an input are written
// in place, so what reads the old value goes first.
import { BYTES_OF, sizeOf } from "../../base/array.ts";
import { isInput, type Tensor } from "../../graph/tensor.ts";
import { type Fusion, type Kernel, resultsOf } from "./fuse.ts";

/** Kernels in the order in which they run. */
export interface Schedule {
  readonly kernels: readonly Kernel[];
  /** Results that go to their place after everything else, because their kernel cannot write there. */
  readonly late: readonly Tensor[];
}

/** @param aliases outputs by name, and the input each is written over */
export function schedule(
  fusion: Fusion,
  outputNames: ReadonlyMap<Tensor, string>,
  aliases: ReadonlyMap<string, string>,
): Schedule {
  const { kernels } = fusion;
  const number = new Map(fusion.order.map((node, i) => [node, i]));
  const inputs = new Map(fusion.order.filter(isInput).map((node) => [node.attrs.name, node as Tensor]));
  const reads = new Map(kernels.map((kernel) => [kernel, fusion.reads(kernel)]));
  const writer = new Map<Tensor, Kernel>();
  const readers = new Map<Tensor, Kernel[]>();
  for (const kernel of kernels) {
    for (const result of resultsOf(kernel)) writer.set(result, kernel);
    for (const node of reads.get(kernel)!) readers.set(node, [...(readers.get(node) ?? []), kernel]);
  }
  const late = new Set<Tensor>();
  // What each kernel waits for: the writers of what it reads, and the readers of what it writes over.
  const waits = new Map<Kernel, Set<Kernel>>();
  const overwrites = new Map<Kernel, [Tensor, Kernel[]][]>();
  for (const kernel of kernels) {
    const before = new Set<Kernel>();
    for (const node of reads.get(kernel)!) {
      const source = writer.get(node);
      if (source && source !== kernel) before.add(source);
    }
    waits.set(kernel, before);
    for (const result of resultsOf(kernel)) {
      const name = outputNames.get(result);
      const over = name === undefined ? undefined : aliases.get(name);
      const input = over === undefined ? undefined : inputs.get(over);
      if (!input) continue;
      const all = readers.get(input) ?? [];
      if (all.includes(kernel) && !fusion.readsInPlace(kernel, input)) late.add(result);
      else
        overwrites.set(kernel, [...(overwrites.get(kernel) ?? []), [result, all.filter((other) => other !== kernel)]]);
    }
  }
  const place = (kernel: Kernel) => Math.max(...resultsOf(kernel).map((node) => number.get(node)!));
  const waiting = [...kernels].sort((a, b) => place(a) - place(b));
  const done = new Set<Kernel>();
  const unread = new Map([...readers].map(([node, all]) => [node, new Set(all)]));
  /** Bytes of the workspace that a kernel takes, less those it is the last to need. */
  const growth = (kernel: Kernel) => {
    const bytes = (nodes: readonly Tensor[]) =>
      nodes.reduce((sum, node) => sum + (outputNames.has(node) ? 0 : sizeOf(node.shape) * BYTES_OF[node.dtype]), 0);
    const freed = [...reads.get(kernel)!].filter((node) => writer.has(node) && unread.get(node)!.size === 1);
    return bytes(resultsOf(kernel)) - bytes(freed);
  };
  const ordered: Kernel[] = [];
  const ready = (kernel: Kernel) => [...waits.get(kernel)!].every((other) => done.has(other));
  const free = (kernel: Kernel) =>
    (overwrites.get(kernel) ?? []).every(([, others]) => others.every((other) => done.has(other)));
  while (waiting.length > 0) {
    let next = -1;
    let least = Number.POSITIVE_INFINITY;
    for (const [i, kernel] of waiting.entries()) {
      if (!ready(kernel) || !free(kernel)) continue;
      const own = growth(kernel);
      if (own < least) [next, least] = [i, own];
    }
    if (next < 0) {
      // Two values that replace each other: one waits in the workspace.
      next = waiting.findIndex(ready);
      const stuck = waiting[next];
      if (!stuck) throw new Error("internal: kernels wait for each other");
      for (const [result, others] of overwrites.get(stuck)!)
        if (!others.every((other) => done.has(other))) late.add(result);
    }
    const [kernel] = waiting.splice(next, 1);
    done.add(kernel!);
    for (const node of reads.get(kernel!)!) unread.get(node)?.delete(kernel!);
    ordered.push(kernel!);
  }
  return { kernels: ordered, late: [...late] };
}
