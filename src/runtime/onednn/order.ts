// The order of kernels. Values that replace an input are written in place, so what reads the old value goes first.
import { isInput, type Tensor } from "../../graph/tensor.ts";
import { type Fusion, type Kernel, resultsOf } from "./fuse.ts";

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
  const ordered: Kernel[] = [];
  const ready = (kernel: Kernel) => [...waits.get(kernel)!].every((other) => done.has(other));
  const free = (kernel: Kernel) =>
    (overwrites.get(kernel) ?? []).every(([, others]) => others.every((other) => done.has(other)));
  while (waiting.length > 0) {
    let next = waiting.findIndex((kernel) => ready(kernel) && free(kernel));
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
    ordered.push(kernel!);
  }
  return { kernels: ordered, late: [...late] };
}
