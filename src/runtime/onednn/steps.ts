// The steps of a plan under construction: what each reads and writes, and how threads share it.
import { BYTES_OF, type NdArray, type Shape, sizeOf } from "../../base/array.ts";
import { input, isConstant, isInput, type Tensor, type TensorType } from "../../graph/tensor.ts";
import type { Precision } from "../wish.ts";
import { ARG, type Desc, type Holder, type Onednn, QUERY } from "./api.ts";
import type { Heap } from "./heap.ts";
import type { Address } from "./library.ts";
import { share } from "./protocol.ts";
import type { LoopKernel } from "./wasm/loop.ts";
import type { RowKernel } from "./wasm/rows.ts";

/** A piece of memory: a value of the graph, or something a primitive needs beside. */
export interface Value {
  bytes: number;
  /** What it holds, when it is a value of the graph. */
  readonly type?: TensorType;
  /** Its place in the address table. */
  readonly slot: number;
  /** Filled by the caller of a run, or once when compiled; neither: by a step. */
  readonly input?: string;
  readonly output?: string;
  readonly constant?: NdArray;
  /** The memories of primitives that stand for it, or for what begins so many bytes into it. */
  readonly memories: { readonly memory: Address; readonly skip: number }[];
  /** Offset in the workspace, for values of neither kind. */
  offset: number;
}

/** One step of a plan: a kernel of ours or a primitive, in parts. */
export interface Step {
  readonly name: string;
  readonly reads: readonly Value[];
  readonly writes: readonly Value[];
  /** Operands in whose place a result may lie when nothing reads them later: they are walked in the same order. */
  readonly handsOver: readonly Value[];
  readonly work:
    | { readonly kind: "native"; readonly calls: readonly PrimitiveCall[] }
    | { readonly kind: "loop"; readonly kernel: LoopKernel }
    | { readonly kind: "rows"; readonly kernel: RowKernel; readonly slots: readonly number[] };
}

/** An argument of a primitive: its kind, what it is, how it lies, and how many bytes into the value it begins. */
export type Argument = readonly [arg: number, value: Value, desc: Desc, skip?: number];

/** Bytes `[from, to)` of a value. */
export type Extent = readonly [value: Value, from: number, to: number];

/** A part of an operation: a primitive of its own, on its part of the values. */
export interface Share {
  readonly operation: Address;
  readonly args: readonly Argument[];
  /** What is fetched into the core's cache before. */
  readonly fetch?: readonly Extent[];
}

/** A primitive with its memories, and what is fetched into the cache before it. */
export interface PrimitiveCall {
  readonly primitive: Address;
  /** One list a thread that may run it. */
  readonly args: readonly (readonly (readonly [number, Address])[])[];
  readonly fetch: readonly Extent[];
}

/** What steps are made with and belong to; released when the plan is disposed of. */
export interface Resources {
  readonly onednn: Onednn;
  readonly heap: Heap;
  readonly threads: number;
  readonly precision: Precision;
  /** Destroys what the compiled plan needs in the library. */
  readonly holder: Holder;
  /** Gives back regions of the heap. */
  readonly regions: number[];
}

/** The steps of a plan under construction, and the memory of each value. */
export class StepList {
  readonly values: Value[] = [];
  readonly steps: Step[] = [];
  private readonly valueOf = new Map<Tensor, Value>();
  /** Where primitives work, one a thread: the same for all of them, so that it stays in the core's cache. */
  private readonly scratch: Value[] = [];
  private readonly primitives = new Map<Address, Address>();

  constructor(
    readonly resources: Resources,
    private readonly outputNames: ReadonlyMap<Tensor, string>,
  ) {}

  /** A new value of so many bytes, in the workspace unless told otherwise. */
  make(bytes: number, source: Pick<Value, "input" | "output" | "constant" | "type"> = {}): Value {
    const value: Value = { bytes, slot: this.values.length, memories: [], offset: 0, ...source };
    this.values.push(value);
    return value;
  }

  /** The value of a tensor. */
  value(node: Tensor): Value {
    const known = this.valueOf.get(node);
    if (known) return known;
    const bytes = sizeOf(node.shape) * BYTES_OF[node.dtype];
    const output = this.outputNames.get(node);
    const source = isInput(node)
      ? { input: node.attrs.name }
      : isConstant(node)
        ? { constant: node.attrs.value as NdArray }
        : { output };
    const made = this.make(bytes, { ...source, type: { shape: node.shape, dtype: node.dtype } });
    this.valueOf.set(node, made);
    return made;
  }

  /** Another name for a tensor's memory, so that kernels can store into something that is not a node of the graph. */
  stand(shape: Shape, value: Value, dtype: Tensor["dtype"] = "float32"): Tensor {
    const node = input("memory", shape, dtype);
    this.valueOf.set(node, value);
    return node;
  }

  /** Keeps a tensor's value in the workspace; the next call of `value` gives it its own place. @returns the kept one */
  detach(node: Tensor): Value {
    const value = this.value(node);
    this.valueOf.delete(node);
    return value;
  }

  /** Gives a tensor another value than its own, until it is detached. */
  attach(node: Tensor, value: Value): void {
    this.valueOf.set(node, value);
  }

  /** A step of oneDNN's, in parts. */
  native(name: string, shares: readonly Share[], writes: readonly Value[]): void {
    const { onednn, holder, threads } = this.resources;
    const touched = new Set<Value>(writes);
    const scratches = new Set<Value>();
    const memoryOf = ([arg, value, desc, skip = 0]: Argument): [number, Address] => {
      touched.add(value);
      const memory = onednn.memory(holder, desc);
      value.memories.push({ memory, skip });
      return [arg, memory];
    };
    const calls = shares.map(({ operation, args, fetch = [] }): PrimitiveCall => {
      const own = args.map(memoryOf);
      const desc = onednn.query(operation, QUERY.scratchpad);
      const bytes = onednn.bytes(desc);
      const lists = Array.from({ length: threads }, (_, thread) => {
        if (bytes === 0) return own;
        const scratch = (this.scratch[thread] ??= this.make(0));
        scratch.bytes = Math.max(scratch.bytes, bytes);
        scratches.add(scratch);
        return [...own, memoryOf([ARG.scratchpad, scratch, desc])];
      });
      return { primitive: this.primitive(operation), args: lists, fetch };
    });
    const written = [...writes, ...scratches];
    this.steps.push({
      name: `${name} (${onednn.implementation(shares[0]!.operation)})`,
      reads: [...touched].filter((value) => !written.includes(value)),
      writes: written,
      handsOver: [],
      work: { kind: "native", calls },
    });
  }

  /** Parts of one size run one primitive. */
  private primitive(operation: Address): Address {
    const { onednn, holder } = this.resources;
    const known = this.primitives.get(operation) ?? onednn.primitive(holder, operation);
    this.primitives.set(operation, known);
    return known;
  }

  /** `units` along an axis in parts; `build` describes a part of so many, which is made once for each size. */
  split<T>(
    units: number,
    grain: number,
    build: (units: number) => T,
    use: (made: T, from: number, units: number) => Share,
    parts = this.resources.threads,
  ): Share[] {
    const made = new Map<number, T>();
    return share(units, grain, parts).map(([from, to]) => {
      const known = made.get(to - from) ?? build(to - from);
      made.set(to - from, known);
      return use(known, from, to - from);
    });
  }
}
