// From kernels to a plan: an order of them, primitives and WebAssembly code for each, and a place in memory for every value.
import { type NdArray, type Shape, sizeOf } from "../../base/array.ts";
import type { Window } from "../../graph/ops/window.ts";
import { isConstant, isInput, type Tensor } from "../../graph/tensor.ts";
import {
  ARG,
  type Desc,
  executionArguments,
  type Geometry,
  type Holder,
  type Onednn,
  type PostOperation,
  QUERY,
} from "./api.ts";
import { Fusion, type Kernel, type LoopValue, pointwiseValues, resultsOf } from "./fuse.ts";
import type { Heap } from "./heap.ts";
import type { Address } from "./library.ts";
import { planMemory } from "./memory-plan.ts";
import { schedule } from "./order.ts";
import { type PlanStep, share } from "./protocol.ts";
import { atPlace, contiguous, part, patchesView, stridesOver, type Transform, type View } from "./view.ts";
import { ConstantPool, ModuleBuilder } from "./wasm/assembler.ts";
import { type LoopKernel, sharesValues, unitsOf, workOf, writeLoop } from "./wasm/loop.ts";
import { type RowKernel, rowUnits, writeRows } from "./wasm/rows.ts";

/** Vector instructions in a kernel from which sharing it pays: as many as fit the time in which threads meet. */
const WORTH_SHARING = 4000;
/** Values of the second matrix from which it, not the first, is shared out: beyond a core's own cache. */
const LARGE_MATRIX = 2 ** 19;
/** Rows or columns of a matrix in a share are a multiple of this: a vector. */
const MATRIX_GRAIN = 16;
/** Room for the numbers that kernels of one program contain. */
const CONSTANTS = 1024;
/** Of a float32. */
const BYTES = 4;
/** Shares of single values end at a cache line. */
const GRAIN = 16;

/** A piece of memory: a value of the graph, or something a primitive needs beside. */
export interface Value {
  readonly bytes: number;
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

export interface Step {
  readonly name: string;
  readonly reads: readonly Value[];
  readonly writes: readonly Value[];
  /** A value that may lie where an operand lay that nothing reads later: they are walked in the same order. */
  readonly inPlace: boolean;
  readonly work:
    | { readonly kind: "native"; readonly calls: readonly (PrimitiveCall | undefined)[] }
    | { readonly kind: "loop"; readonly kernel: LoopKernel }
    | { readonly kind: "rows"; readonly kernel: RowKernel; readonly slots: readonly number[] };
}

/** An argument of a primitive: its kind, what it is, how it lies, and how many bytes into the value it begins. */
type Argument = readonly [arg: number, value: Value, desc: Desc, skip?: number];

/** What a thread made of a weights gradient. */
interface Part {
  readonly value: Value;
  readonly desc: Desc;
}

/** What one thread does of an operation: a primitive of its own, on its part of the values. */
interface Share {
  readonly operation: Address;
  readonly args: readonly Argument[];
}

interface PrimitiveCall {
  readonly primitive: Address;
  readonly args: readonly (readonly [number, Address])[];
}

export interface Compiled {
  readonly steps: readonly Step[];
  readonly planSteps: readonly PlanStep[];
  readonly values: readonly Value[];
  readonly module: WebAssembly.Module | undefined;
  readonly workspaceBytes: number;
  /** Offset of the address table in the heap. */
  readonly table: number;
}

export interface Resources {
  readonly onednn: Onednn;
  readonly heap: Heap;
  readonly threads: number;
  /** Destroys what the compiled plan needs in the library. */
  readonly holder: Holder;
  /** Gives back regions of the heap. */
  readonly regions: number[];
}

/** @param aliases outputs that are written over the input they name */
export async function compile(
  outputs: ReadonlyMap<string, Tensor>,
  aliases: ReadonlyMap<string, string>,
  resources: Resources,
): Promise<Compiled> {
  return new Compiler(outputs, aliases, resources).compile();
}

class Compiler {
  private readonly fusion: Fusion;
  private readonly values: Value[] = [];
  private readonly valueOf = new Map<Tensor, Value>();
  private readonly steps: Step[] = [];
  private readonly outputNames: ReadonlyMap<Tensor, string>;
  /** Reordered copies of weights, by where they come from. */
  private readonly reordered = new Map<string, { desc: Desc; value: Value }[]>();

  constructor(
    outputs: ReadonlyMap<string, Tensor>,
    private readonly aliases: ReadonlyMap<string, string>,
    private readonly resources: Resources,
  ) {
    this.fusion = new Fusion([...outputs.values()]);
    this.outputNames = new Map([...outputs].map(([name, node]) => [node, name]));
  }

  async compile(): Promise<Compiled> {
    const { kernels, late } = schedule(this.fusion, this.outputNames, this.aliases);
    for (const kernel of kernels) this.lower(kernel, late);
    for (const node of late) this.copyOut(node);
    const workspaceBytes = planMemory(this.steps, this.values);
    const { heap, regions } = this.resources;
    const table = heap.allocate(4 * Math.max(1, this.values.length));
    regions.push(table);
    const module = new ModuleBuilder();
    const numbers = heap.allocate(4 * CONSTANTS);
    regions.push(numbers);
    const constants = new ConstantPool(numbers, CONSTANTS);
    const planSteps = this.write(module, table, constants);
    heap.values("float32", numbers, CONSTANTS).set(constants.values);
    const needed = planSteps.some((step) => step.kind === "kernel");
    return {
      steps: this.steps,
      planSteps,
      values: this.values,
      module: needed ? await WebAssembly.compile(module.bytes()) : undefined,
      workspaceBytes,
      table,
    };
  }

  private write(module: ModuleBuilder, table: number, constants: ConstantPool): PlanStep[] {
    const { heap, regions, threads } = this.resources;
    const serial = (units: number) => share(units, Math.max(1, units), threads);
    const steps = this.steps.map(({ work }, i): PlanStep => {
      const barrier = true;
      if (work.kind === "native") {
        const calls = work.calls.map((call) => {
          if (!call) return undefined;
          const bytes = executionArguments(call.args);
          const offset = heap.allocate(bytes.length);
          regions.push(offset);
          heap.values("uint8", offset, bytes.length).set(bytes);
          return { primitive: call.primitive, count: call.args.length, args: heap.address(offset) };
        });
        return { kind: "native", calls, barrier };
      }
      const name = `k${i}`;
      if (work.kind === "rows") {
        module.add(writeRows(work.kernel, work.slots, table), name);
        return { kind: "kernel", name, shares: serial(rowUnits(work.kernel)), barrier };
      }
      const { kernel } = work;
      module.add(writeLoop(kernel, table, constants), name);
      const grain = sharesValues(kernel) ? GRAIN : 1;
      const units = unitsOf(kernel);
      const worth = workOf(kernel) >= WORTH_SHARING;
      return { kind: "kernel", name, shares: worth ? share(units, grain, threads) : serial(units), barrier };
    });
    // Between two steps of the first thread alone nobody has to wait.
    return steps.map((step, i) => {
      const next = steps[i + 1];
      return { ...step, barrier: next !== undefined && !(isSerial(step) && isSerial(next)) };
    });
  }

  // ------------------------------------------------------------------------------------------ values

  private make(bytes: number, source: Pick<Value, "input" | "output" | "constant"> = {}): Value {
    const value: Value = { bytes, slot: this.values.length, memories: [], offset: 0, ...source };
    this.values.push(value);
    return value;
  }

  private value(node: Tensor): Value {
    const known = this.valueOf.get(node);
    if (known) return known;
    const bytes = sizeOf(node.shape) * (node.dtype === "float32" || node.dtype === "int32" ? 4 : 1);
    const output = this.outputNames.get(node);
    const made = this.make(
      bytes,
      isInput(node)
        ? { input: node.attrs.name }
        : isConstant(node)
          ? { constant: node.attrs.value as NdArray }
          : output === undefined
            ? {}
            : { output },
    );
    this.valueOf.set(node, made);
    return made;
  }

  /** Another name for a tensor's memory, so that kernels can store into something that is not a node of the graph. */
  private stand(shape: Shape, value: Value, dtype: Tensor["dtype"] = "float32"): Tensor {
    const node: Tensor = { op: { name: "memory" } as Tensor["op"], inputs: [], attrs: {}, shape, dtype };
    this.valueOf.set(node, value);
    return node;
  }

  // ------------------------------------------------------------------------------------------ kernels

  private lower(kernel: Kernel, late: readonly Tensor[]): void {
    // A result that cannot be written where it goes yet stays in the workspace for a while.
    for (const node of resultsOf(kernel))
      if (late.includes(node)) this.valueOf.set(node, this.make(4 * sizeOf(node.shape)));
    if (kernel.kind === "pointwise") this.loop(pointwiseValues(kernel.roots), kernel.roots);
    else if (kernel.kind === "reduce") this.reduce(kernel.node);
    else if (kernel.kind === "rows") this.rows(kernel.node);
    else if (kernel.kind === "move") this.move(kernel.node);
    else this.product(kernel.node, kernel.activation);
  }

  private product(node: Tensor, activation: Tensor | undefined): void {
    if (node.op.name === "matmul") this.matmul(node, activation);
    else this.convolution(node, activation);
  }

  private copyOut(node: Tensor): void {
    const from = this.stand(node.shape, this.valueOf.get(node)!, node.dtype);
    this.valueOf.delete(node);
    this.loop([{ node: from, into: node, target: contiguous(node.shape), size: sizeOf(node.shape) }], []);
  }

  private loop(values: readonly LoopValue[], roots: readonly Tensor[]): void {
    const reads = new Set<Value>();
    const writes = new Set(values.map(({ into }) => this.value(into)));
    const kernel = this.fusion.loop(values, roots, (node) => {
      const value = this.value(node);
      if (!writes.has(value)) reads.add(value);
      return value.slot;
    });
    const names = values.map(({ node }) => node.op.name);
    // Places may be shared where every operand is read at the place that is written, or nowhere near it.
    const straight = values.every(({ target, add }) => !add && target.dims.length <= 1 && target.offset === 0);
    this.steps.push({
      name: names.join(", "),
      reads: [...reads],
      writes: [...writes],
      inPlace: straight && kernel.dims.length === 1,
      work: { kind: "loop", kernel },
    });
  }

  private reduce(node: Tensor): void {
    const reads = new Set<Value>();
    const into = this.value(node);
    const kernel = this.fusion.reduction(node, (x) => {
      const value = this.value(x);
      if (value !== into) reads.add(value);
      return value.slot;
    });
    this.steps.push({
      name: node.op.name,
      reads: [...reads],
      writes: [into],
      inPlace: false,
      work: { kind: "loop", kernel },
    });
  }

  private rows(node: Tensor): void {
    const operands = node.inputs.map((x) => this.value(this.fusion.plain(x)));
    const into = this.value(node);
    const [x, index] = node.inputs as [Tensor, Tensor | undefined];
    const width = sizeOf(x.shape.slice(1));
    const slots = [...operands, into].map((value) => value.slot);
    const common = { name: node.op.name, reads: operands, writes: [into], inPlace: false };
    if (node.op.name === "argmax") {
      const columns = x.shape[x.shape.length - 1]!;
      const kernel: RowKernel = { kind: "argmax", rows: sizeOf(x.shape) / columns, width: columns };
      this.steps.push({ ...common, work: { kind: "rows", kernel, slots } });
      return;
    }
    const count = sizeOf(index!.shape);
    if (node.op.name === "gather") {
      const rowBytes = width * (x.dtype === "float32" || x.dtype === "int32" ? 4 : 1);
      this.steps.push({
        ...common,
        work: { kind: "rows", kernel: { kind: "gather", rows: x.shape[0]!, rowBytes, count }, slots },
      });
      return;
    }
    this.fill(node, 0);
    const kernel: RowKernel = { kind: "scatterAdd", rows: node.shape[0]!, width: sizeOf(node.shape.slice(1)), count };
    this.steps.push({ ...common, reads: [...operands, into], work: { kind: "rows", kernel, slots } });
  }

  /** Stores one value everywhere. */
  private fill(into: Tensor, value: number): void {
    const size = sizeOf(into.shape);
    const written = this.value(into);
    this.steps.push({
      name: "fill",
      reads: [],
      writes: [written],
      inPlace: false,
      work: {
        kind: "loop",
        kernel: {
          dims: [size],
          reduced: [false],
          reduction: undefined,
          expressions: [{ kind: "constant", dtype: into.dtype, value }],
          stores: [{ value: 0, access: { slot: written.slot, dtype: into.dtype, offset: 0, strides: [1] } }],
        },
      },
    });
  }

  private move(node: Tensor): void {
    const { name } = node.op;
    const store = (
      x: Tensor,
      target: View,
      into: Tensor,
      extra: { transform?: Transform; add?: boolean; size?: number } = {},
    ) => this.loop([{ node: x, into, target, size: sizeOf(x.shape), ...extra }], []);
    if (name === "pad") {
      const [x] = node.inputs as [Tensor];
      this.fill(node, node.attrs.value as number);
      store(x, part(node.shape, node.attrs.before as readonly number[], x.shape), node);
    } else if (name === "concat") {
      const axis = node.attrs.axis as number;
      let at = 0;
      for (const x of node.inputs) {
        store(
          x,
          part(
            node.shape,
            node.shape.map((_, i) => (i === axis ? at : 0)),
            x.shape,
          ),
          node,
        );
        at += x.shape[axis]!;
      }
    } else this.unpatches(node, store);
  }

  /** Adds each tap's part of the columns to the pixels it came from, in an image that holds the padding. */
  private unpatches(node: Tensor, store: (x: Tensor, target: View, into: Tensor, extra?: object) => void): void {
    const [columns] = node.inputs as [Tensor];
    const window = node.attrs.window as Window;
    const [n, h, w, c] = node.shape as readonly number[] as [number, number, number, number];
    const [, oh, ow, taps] = columns.shape as readonly number[] as [number, number, number, number, number];
    const [top, left, bottom, right] = window.padding;
    const whole = [n, h + top + bottom, w + left + right, c] as const;
    const padded = window.padding.some((pixels) => pixels > 0);
    const image = padded ? this.stand(whole, this.make(4 * sizeOf(whole))) : node;
    this.fill(image, 0);
    const seen = patchesView(contiguous(whole), whole, { ...window, padding: [0, 0, 0, 0] })!;
    const places = [n, oh, ow, taps, c];
    for (let tap = 0; tap < taps; tap++) {
      const at: Transform = (view) => atPlace(view, places, 3, tap);
      store(columns, at(seen)!, image, { transform: at, add: true, size: n * oh * ow * c });
    }
    if (padded) {
      const inner = part(whole, [0, top, left, 0], [n, h, w, c]);
      this.loop(
        [{ node: image, transform: () => inner, into: node, target: contiguous(node.shape), size: sizeOf(node.shape) }],
        [],
      );
    }
  }

  // ------------------------------------------------------------------------------------------ primitives

  /** A step of oneDNN's, shared as `shares` say. */
  private native(name: string, shares: readonly (Share | undefined)[], writes: readonly Value[]): void {
    const { onednn, holder } = this.resources;
    const touched = new Set<Value>(writes);
    const scratches: Value[] = [];
    const calls = shares.map((own): PrimitiveCall | undefined => {
      if (!own) return undefined;
      const all = [...own.args];
      const scratchDesc = onednn.query(own.operation, QUERY.scratchpad);
      const scratchBytes = onednn.bytes(scratchDesc);
      if (scratchBytes > 0) {
        const scratch = this.make(scratchBytes);
        scratches.push(scratch);
        all.push([ARG.scratchpad, scratch, scratchDesc]);
      }
      const args = all.map(([arg, value, desc, skip = 0]): [number, Address] => {
        touched.add(value);
        const memory = onednn.memory(holder, desc);
        value.memories.push({ memory, skip });
        return [arg, memory];
      });
      return { primitive: this.primitive(own.operation), args };
    });
    const written = [...writes, ...scratches];
    this.steps.push({
      name: `${name} (${onednn.implementation(shares[0]!.operation)})`,
      reads: [...touched].filter((value) => !written.includes(value)),
      writes: written,
      inPlace: false,
      work: { kind: "native", calls },
    });
  }

  private readonly primitives = new Map<Address, Address>();
  /** Threads with shares of one size run one primitive. */
  private primitive(operation: Address): Address {
    const { onednn, holder } = this.resources;
    const known = this.primitives.get(operation) ?? onednn.primitive(holder, operation);
    this.primitives.set(operation, known);
    return known;
  }

  /** Shares of `units` along an axis; `build` describes a part of so many, which is made once for each size. */
  private split<T>(
    units: number,
    grain: number,
    build: (units: number) => T,
    use: (made: T, from: number) => Share,
  ): (Share | undefined)[] {
    const made = new Map<number, T>();
    return share(units, grain, this.resources.threads).map(([from, to]) => {
      if (from === to) return undefined;
      const known = made.get(to - from) ?? build(to - from);
      made.set(to - from, known);
      return use(known, from);
    });
  }

  private desc(dims: readonly number[], strides: readonly number[] | "any"): Desc {
    return this.resources.onednn.desc(this.resources.holder, dims, "f32", strides);
  }

  private matmul(node: Tensor, activation: Tensor | undefined): void {
    const { onednn, holder } = this.resources;
    const operands = this.fusion.nativeOperands(node);
    const into = this.value(activation ?? node);
    const rank = node.shape.length;
    const describe = (i: number, transposed: boolean): Matrix => {
      const { shape } = node.inputs[i]!;
      const strides = stridesOver(operands[i]!.view, shape)!;
      const dims = [...shape];
      if (transposed) for (const list of [dims, strides]) swapLast(list);
      // Leading axes that the result has and the operand lacks.
      while (dims.length < rank) {
        dims.unshift(1);
        strides.unshift(0);
      }
      return { dims, strides: plainStrides(dims, strides) };
    };
    const { transposeA, transposeB } = node.attrs as { transposeA: boolean; transposeB: boolean };
    const [a, b] = [describe(0, transposeA), describe(1, transposeB)];
    const result = { dims: [...node.shape], strides: rowMajor(node.shape) };
    const biasDims = node.shape.map((size, axis) => (axis === rank - 1 ? size : 1));
    const biasMatrix = { dims: biasDims, strides: rowMajor(biasDims) };
    const [rows, inner, columns] = [node.shape[rank - 2]!, a.dims[rank - 1]!, node.shape[rank - 1]!];
    // Each thread reads all of the other matrix, so the larger one is shared out.
    const byColumns = (inner * columns > LARGE_MATRIX && columns >= MATRIX_GRAIN) || rows < MATRIX_GRAIN;
    const batched = rank > 2 && node.shape[0]! > 1;
    const axis = batched ? 0 : byColumns ? rank - 1 : rank - 2;
    const limited = ({ dims, strides }: Matrix, units: number): Desc =>
      this.desc(
        dims.map((size, i) => (i === axis && size > 1 ? units : size)),
        strides,
      );
    const post = activation && postOperation(activation);
    // The axis of the result is the rows of the first matrix, or the columns of the second, or the batch of both.
    const cutsA = axis !== rank - 1;
    const cutsB = axis !== rank - 2;
    const skip = ({ dims, strides }: Matrix, from: number) => (dims[axis]! > 1 ? BYTES * from * strides[axis]! : 0);
    const values = operands.map(({ base }) => this.value(base));
    const begin = operands.map(({ view }) => BYTES * view.offset);
    const shares = this.split(
      node.shape[axis]!,
      batched ? 1 : MATRIX_GRAIN,
      (units) => {
        const src = cutsA ? limited(a, units) : this.desc(a.dims, a.strides);
        const weights = cutsB ? limited(b, units) : this.desc(b.dims, b.strides);
        const dst = limited(result, units);
        const bias = operands[2] && limited(biasMatrix, units);
        return { src, weights, dst, bias, operation: onednn.matmul(holder, src, weights, bias, dst, post) };
      },
      ({ src, weights, dst, bias, operation }, from) => {
        const args: Argument[] = [
          [ARG.src, values[0]!, src, begin[0]! + (cutsA ? skip(a, from) : 0)],
          [ARG.weights, values[1]!, weights, begin[1]! + (cutsB ? skip(b, from) : 0)],
          [ARG.dst, into, dst, skip(result, from)],
        ];
        if (bias) args.push([ARG.bias, values[2]!, bias, begin[2]! + skip(biasMatrix, from)]);
        return { operation, args };
      },
    );
    this.native(`matmul [${a.dims}] [${b.dims}]`, shares, [into]);
  }

  private convolution(node: Tensor, activation: Tensor | undefined): void {
    const { onednn, holder, threads } = this.resources;
    const operands = this.fusion.nativeOperands(node);
    const values = operands.map(({ base }) => this.value(base));
    const into = this.value(activation ?? node);
    const forward = node.op.name === "conv2d";
    const filter = node.op.name === "conv2dFilter";
    const [x, second] = node.inputs as [Tensor, Tensor];
    // In the forward sense: picture, weights, result.
    const image = forward || filter ? x.shape : node.shape;
    const weightsShape = filter ? node.shape : second.shape;
    const result = forward ? node.shape : filter ? second.shape : x.shape;
    const [kh, kw, c, o] = weightsShape as readonly number[] as [number, number, number, number];
    const weightDims = [o, c, kh, kw];
    const any = this.desc(weightDims, "any");
    const geometry = geometryOf(node.attrs.window as Window);
    const bias = forward && operands[2] ? this.desc([o], [1]) : undefined;
    const post = activation && postOperation(activation);
    const label = `${node.op.name} [${image}] ${kh}x${kw} -> ${o}`;
    const skips = (from: number) => [image, result].map((shape) => BYTES * from * sizeOf(shape.slice(1)));
    const describe = (images: number) => {
      const descs = { src: this.image(images, image), weights: any, dst: this.image(images, result) };
      return { ...descs, operation: onednn.convolution(holder, descs, bias, geometry, post) };
    };
    if (filter) {
      const plain = this.desc(weightDims, [1, o, kw * c * o, c * o]);
      const parts: Part[] = [];
      const shares = this.split(
        image[0]!,
        1,
        (images) => {
          const { operation: hint, ...descs } = describe(images);
          const operation = onednn.convolutionWeights(holder, descs, undefined, geometry, hint);
          return { ...descs, operation, chosen: onednn.query(operation, QUERY.diffWeights) };
        },
        ({ src, dst, operation, chosen }, from) => {
          const [skipSrc, skipDst] = skips(from);
          const direct = threads === 1 && onednn.equal(chosen, plain);
          const value = direct ? into : this.make(onednn.bytes(chosen));
          parts.push({ value, desc: chosen });
          const args: Argument[] = [
            [ARG.src, values[0]!, src, skipSrc],
            [ARG.diffDst, values[1]!, dst, skipDst],
            [ARG.diffWeights, value, chosen],
          ];
          return { operation, args };
        },
      );
      this.native(
        label,
        shares,
        parts.map(({ value }) => value),
      );
      this.gatherWeights(parts, into, plain);
      return;
    }
    const strides = stridesOver(operands[1]!.view, weightsShape)!;
    const skip = BYTES * operands[1]!.view.offset;
    const own = plainStrides(weightsShape, strides);
    const given = this.desc(weightDims, [own[3]!, own[2]!, own[0]!, own[1]!]);
    const shares = this.split(
      image[0]!,
      1,
      (images) => {
        const { operation: hint, ...descs } = describe(images);
        const operation = forward ? hint : onednn.convolutionData(holder, descs, geometry, hint);
        const chosen = onednn.query(operation, QUERY.weights);
        const weights = this.weightsAs(values[1]!, given, skip, `${skip} ${strides}`, chosen);
        return { ...descs, operation, chosen, weights };
      },
      ({ src, dst, operation, chosen, weights }, from) => {
        const [skipSrc, skipDst] = skips(from);
        const args: Argument[] = [[ARG.weights, weights, chosen]];
        if (forward) args.push([ARG.src, values[0]!, src, skipSrc], [ARG.dst, into, dst, skipDst]);
        else args.push([ARG.diffDst, values[0]!, dst, skipDst], [ARG.diffSrc, into, src, skipSrc]);
        if (bias) args.push([ARG.bias, values[2]!, bias]);
        return { operation, args };
      },
    );
    this.native(label, shares, [into]);
  }

  /** Adds the threads' parts of a weights gradient, and puts the sum in the order of the graph. */
  private gatherWeights(parts: readonly Part[], into: Value, plain: Desc): void {
    const { onednn } = this.resources;
    const [first] = parts as [Part];
    if (parts.some(({ desc }) => !onednn.equal(desc, first.desc))) {
      // Parts of several sizes may have chosen several layouts.
      const ordered = parts.map(({ value, desc }) => {
        const made = this.make(into.bytes);
        this.reorder(value, desc, made, plain);
        return made;
      });
      this.addAll(ordered, into);
      return;
    }
    const isPlain = onednn.equal(first.desc, plain);
    if (parts.length > 1)
      this.addAll(
        parts.map(({ value }) => value),
        isPlain ? into : first.value,
      );
    else if (isPlain && first.value !== into) this.reorder(first.value, first.desc, into, plain);
    if (!isPlain) this.reorder(first.value, first.desc, into, plain);
  }

  private addAll(values: readonly Value[], into: Value): void {
    const access = (value: Value) => ({ slot: value.slot, dtype: "float32" as const, offset: 0, strides: [1] });
    const loads = values.map((value) => ({ kind: "load" as const, access: access(value) }));
    const sums = values.slice(1).map((_, i) => ({
      kind: "op" as const,
      name: "add",
      attrs: {},
      dtype: "float32" as const,
      inputs: [i === 0 ? 0 : values.length + i - 1, i + 1],
    }));
    const kernel: LoopKernel = {
      dims: [values[0]!.bytes / BYTES],
      reduced: [false],
      reduction: undefined,
      expressions: [...loads, ...sums],
      stores: [{ value: values.length + sums.length - 1, access: access(into) }],
    };
    this.steps.push({
      name: "add parts",
      reads: values,
      writes: [into],
      inPlace: false,
      work: { kind: "loop", kernel },
    });
  }

  /** Pictures `[n, h, w, c]` as the library names the axes. Measured: channels last is as fast as its own layouts. */
  private image(n: number, shape: Shape): Desc {
    const [, h, w, c] = shape as readonly number[] as [number, number, number, number];
    return this.desc([n, c, h, w], [h * w * c, 1, w * c, c]);
  }

  /** Weights in the layout that an operation chose; made once for all operations that chose the same. */
  private weightsAs(value: Value, given: Desc, skip: number, key: string, chosen: Desc): Value {
    const { onednn } = this.resources;
    if (skip === 0 && onednn.equal(given, chosen)) return value;
    const id = `${value.slot} ${key}`;
    const list = this.reordered.get(id) ?? [];
    this.reordered.set(id, list);
    const found = list.find(({ desc }) => onednn.equal(desc, chosen));
    if (found) return found.value;
    const made = this.make(onednn.bytes(chosen));
    this.reorder(value, given, made, chosen, skip);
    list.push({ desc: chosen, value: made });
    return made;
  }

  private reorder(from: Value, fromDesc: Desc, to: Value, toDesc: Desc, skip = 0): void {
    const { onednn, holder } = this.resources;
    const operation = onednn.reorder(holder, fromDesc, toDesc);
    const args: Argument[] = [
      [ARG.src, from, fromDesc, skip],
      [ARG.dst, to, toDesc],
    ];
    this.native("reorder", [{ operation, args }], [to]);
  }
}

/** Whether the first thread does all of a step. */
function isSerial(step: PlanStep): boolean {
  if (step.kind === "native") return step.calls.slice(1).every((call) => call === undefined);
  return step.shares.slice(1).every(([from, to]) => from === to);
}

interface Matrix {
  readonly dims: number[];
  readonly strides: number[];
}

function geometryOf({ stride, dilation, padding }: Window): Geometry {
  return {
    strides: stride,
    dilates: dilation.map((d) => d - 1),
    before: padding.slice(0, 2),
    after: padding.slice(2),
  };
}

function postOperation(activation: Tensor): PostOperation {
  const { name } = activation.op;
  if (name === "leakyRelu") return { kind: "relu", alpha: activation.attrs.alpha as number };
  return { kind: name === "sigmoid" ? "logistic" : (name as "relu" | "tanh"), alpha: 0 };
}

function rowMajor(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

/** Strides in which axes of size 1, whose stride does not matter, fit the others. */
function plainStrides(dims: readonly number[], strides: readonly number[]): number[] {
  const own = [...strides];
  let span = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    if (dims[axis] === 1) own[axis] = span;
    span = Math.max(span, dims[axis]! * own[axis]!);
  }
  return own;
}

function swapLast(list: number[]): void {
  const last = list.length - 1;
  [list[last - 1], list[last]] = [list[last]!, list[last - 1]!];
}
