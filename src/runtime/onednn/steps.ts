// The steps of a plan under construction: what each reads and writes, and how threads share it.
import { BYTES_OF, type NdArray, type Shape, sizeOf } from "../../base/array.ts";
import { input, isConstant, isInput, type Tensor, type TensorType } from "../../graph/tensor.ts";
import type { TileSize } from "../../graph/winograd.ts";
import type { FunctionBuilder } from "../../wasm/assembler.ts";
import type { Heap } from "../heap.ts";
import type { Precision } from "../wish.ts";
import type { Desc, Holder, Onednn } from "./api.ts";
import { ARG, QUERY } from "./c-values.ts";
import type { Address } from "./library.ts";
import { share } from "./protocol.ts";
import type { LoopKernel } from "./wasm/loop.ts";
import type { RowKernel } from "./wasm/rows.ts";
import type { Surroundings } from "./wasm/tiles.ts";

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
    | { readonly kind: "rows"; readonly kernel: RowKernel; readonly slots: readonly number[] }
    | { readonly kind: "kernel"; readonly kernel: SharedKernel }
    | { readonly kind: "chains"; readonly parts: readonly (readonly (PartRun | PrimitiveCall)[])[] };
}

/** Writes a kernel, a function `(from, to, thread)`. */
export type KernelWriter = (surroundings: Surroundings) => FunctionBuilder;

/** A kernel whose iterations threads share. */
export interface SharedKernel {
  readonly write: KernelWriter;
  readonly units: number;
  /** A rough number of vector instructions. */
  readonly work: number;
}

/** Iterations of a kernel within a part; a writer is asked once, however many parts have it. */
export interface PartRun {
  readonly write: KernelWriter;
  readonly from: number;
  readonly to: number;
}

/**
 * An argument of a primitive: its kind, what it is (or what each thread has for it), how it lies, and how many bytes into the value it
 * begins.
 */
export type Argument = readonly [arg: number, value: Value | readonly Value[], desc: Desc, skip?: number];

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
  /** All that it reads and writes, and of that, where it works. */
  readonly touched: readonly Value[];
  readonly scratch: readonly Value[];
}

/** What steps are made with and belong to; released when the plan is disposed of. */
export interface Resources {
  readonly onednn: Onednn;
  readonly heap: Heap;
  readonly threads: number;
  readonly precision: Precision;
  /** Which convolutions are Winograd's: those in such tiles that can be, none (0), or where it is faster (undefined). */
  readonly winograd: TileSize | 0 | undefined;
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
  private readonly own: Value[] = [];
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
    const calls = shares.map((share) => this.call(share));
    const scratches = new Set(calls.flatMap(({ scratch }) => scratch));
    const written = [...writes, ...scratches];
    this.steps.push({
      name: `${name} (${this.resources.onednn.implementation(shares[0]!.operation)})`,
      reads: [...new Set(calls.flatMap(({ touched }) => touched))].filter((value) => !written.includes(value)),
      writes: written,
      handsOver: [],
      work: { kind: "native", calls },
    });
  }

  /** A part of an operation with its memories. */
  call({ operation, args, fetch = [] }: Share): PrimitiveCall {
    const { onednn, holder, threads } = this.resources;
    const touched = new Set<Value>();
    const memoryOf = (arg: number, value: Value, desc: Desc, skip: number): [number, Address] => {
      touched.add(value);
      const memory = onednn.memory(holder, desc);
      value.memories.push({ memory, skip });
      return [arg, memory];
    };
    const desc = onednn.query(operation, QUERY.scratchpad);
    const bytes = onednn.bytes(desc);
    const scratch = bytes > 0 ? this.perThread(this.scratch, bytes) : [];
    const common = args.map(([arg, value, own, skip = 0]) =>
      "slot" in value ? memoryOf(arg, value, own, skip) : undefined,
    );
    const isSame = bytes === 0 && common.every((argument) => argument !== undefined);
    const listOf = (thread: number) => {
      const own = args.map(([arg, value, how, skip = 0], i) =>
        "slot" in value ? common[i]! : memoryOf(arg, value[thread]!, how, skip),
      );
      return scratch[thread] ? [...own, memoryOf(ARG.scratchpad, scratch[thread], desc, 0)] : own;
    };
    const first = listOf(0);
    const lists = Array.from({ length: threads }, (_, thread) => (thread === 0 || isSame ? first : listOf(thread)));
    return { primitive: this.primitive(operation), args: lists, fetch, touched: [...touched], scratch };
  }

  /** What each thread has for itself, in places of the address table that follow each other; at least so many bytes. */
  private perThread(values: Value[], bytes: number): readonly Value[] {
    if (values.length === 0) for (let i = 0; i < this.resources.threads; i++) values.push(this.make(0));
    for (const value of values) value.bytes = Math.max(value.bytes, bytes);
    return values;
  }

  /** Memory of so many bytes for each thread, the same for all steps that ask. Its content is lost between steps. */
  ownMemory(bytes: number): readonly Value[] {
    return this.perThread(this.own, bytes);
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
