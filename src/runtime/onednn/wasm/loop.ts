// A fused kernel: one pass over an iteration space that loads operands, computes an expression and stores or reduces it.
// This file writes it as a WebAssembly function `(from, to)` over its outermost kept loop, so that threads can share it.

import { BYTES_OF, type DType, sizeOf } from "../../../base/array.ts";
import type { Attrs } from "../../../graph/tensor.ts";
import { type ConstantPool, FunctionBuilder } from "../../../wasm/assembler.ts";
import { type Access, LANES, load, loadRepeated, type Pointer, pointerTo, store } from "./access.ts";
import { costOf, type PointwiseName, writePointwise } from "./pointwise.ts";

/** A value that a kernel has in a register: loaded, a constant, or computed from others. */
export type Expression =
  | { readonly kind: "load"; readonly access: Access }
  | { readonly kind: "constant"; readonly dtype: DType; readonly value: number }
  | {
      readonly kind: "op";
      readonly name: PointwiseName;
      readonly attrs: Attrs;
      readonly dtype: DType;
      /** Places of the operands in the kernel's list. */
      readonly inputs: readonly number[];
    };

/** A loop nest, and what it does in each turn. */
export interface LoopKernel {
  /** Sizes of the loops, outermost first, in row-major order of the values. */
  readonly dims: readonly number[];
  /** Loops that a reduction runs over; adjacent. None: values are stored. */
  readonly reduced: readonly boolean[];
  readonly reduction: "sum" | "max" | undefined;
  /** Operands before users. */
  readonly expressions: readonly Expression[];
  /** What is stored: place of the value in the list, and where it goes. With a reduction there is one. */
  readonly stores: readonly { readonly value: number; readonly access: Access; readonly add?: boolean }[];
}

/** Columns that a reduction keeps in registers at once, in vectors. */
const COLUMN_VECTORS = 8;

/** Iterations of the loop that threads share; 1: one thread does all. */
export function unitsOf(kernel: LoopKernel): number {
  const first = kernel.reduced.indexOf(false);
  return first < 0 || (kernel.reduction && kernel.reduced[0]) ? 1 : kernel.dims[first]!;
}

/** A rough number of vector instructions, for deciding whether sharing the work pays. */
export function workOf({ dims, expressions, stores }: LoopKernel): number {
  const each = expressions.reduce((sum, e) => sum + (e.kind === "op" ? costOf(e.name) : 1), stores.length);
  return (sizeOf(dims) / LANES) * each;
}

/** Whether iterations of the shared loop are single values, so that a share should be a multiple of a vector. */
export const sharesValues = ({ dims, reduced }: LoopKernel): boolean => dims.length === 1 && !reduced[0];

/** The kernel as a function. `table` is the address of the address table. */
export function writeLoop(kernel: LoopKernel, table: number, constants: ConstantPool): FunctionBuilder {
  return new Writer(kernel, table, constants).write();
}

/** Turns of loops that are written out, beside where the pointers are. */
type Shift = readonly (readonly [loop: number, turns: number])[];
const STILL: Shift = [];

/** Reduced loops with no more turns together than this are written out. */
const WRITTEN_OUT = 9;

/** Every turn of nested loops. */
function shifts(loops: readonly number[], sizes: readonly number[]): Shift[] {
  return loops.reduce<Shift[]>(
    (all, loop, i) =>
      all.flatMap((shift) => Array.from({ length: sizes[i]! }, (_, turns): Shift => [...shift, [loop, turns]])),
    [STILL],
  );
}

class Writer {
  private readonly f: FunctionBuilder;
  private readonly loads = new Map<Access, Pointer>();
  private readonly stores: Pointer[];
  /** Values that do not change in the kernel, by place in the list. */
  private readonly hoisted = new Map<number, number>();
  private readonly inner: number;

  constructor(
    private readonly kernel: LoopKernel,
    table: number,
    constants: ConstantPool,
  ) {
    this.f = new FunctionBuilder(["i32", "i32"], constants);
    const { f } = this;
    this.inner = kernel.dims.length - 1;
    kernel.expressions.forEach((expression, i) => {
      if (expression.kind !== "load") return;
      const own = pointerTo(f, expression.access, table);
      if (expression.access.strides.every((stride) => stride === 0)) {
        const value = f.local("v128");
        loadRepeated(f, own);
        f.set(value);
        this.hoisted.set(i, value);
      } else this.loads.set(expression.access, own);
    });
    this.stores = kernel.stores.map(({ access }) => pointerTo(f, access, table));
  }

  write(): FunctionBuilder {
    const { reduction, reduced, dims } = this.kernel;
    const all = dims.map((_, i) => i);
    if (!reduction) this.nest(all.slice(0, -1), () => this.storeRow(), true);
    else if (reduced[this.inner]) {
      const kept = all.filter((i) => !reduced[i]);
      this.nest(kept, () => this.reduceRow(all.filter((i) => reduced[i])), true);
    } else {
      const kept = all.filter((i) => !reduced[i] && i !== this.inner);
      this.nest(kept, () => this.reduceColumns(all.filter((i) => reduced[i])), !reduced[0]);
    }
    return this.f;
  }

  private get pointers(): Pointer[] {
    return [...this.loads.values(), ...this.stores];
  }

  /** Adds `elements(stride)` to every pointer that moves along the loop. */
  private advance(loop: number, elements: number, pointers = this.pointers): void {
    for (const { access, local } of pointers) {
      const bytes = (access.strides[loop] ?? 0) * elements * BYTES_OF[access.dtype];
      if (bytes !== 0) this.f.increase(local, bytes);
    }
  }

  /** Loops, outermost first; the outermost runs over the share of the call when `shared`. */
  private nest(loops: readonly number[], body: () => void, shared: boolean): void {
    const { f } = this;
    const [loop, ...rest] = loops;
    if (loop === undefined) {
      // A kernel without a loop of its own to share runs whole, in the call that holds unit 0.
      if (shared && (this.kernel.reduction || this.kernel.dims.length > 1)) {
        f.get(0).op("i32.eqz").when(body);
      } else body();
      return;
    }
    const counter = f.local("i32");
    if (shared) {
      f.get(0).set(counter);
      for (const { access, local } of this.pointers) {
        const bytes = access.strides[loop]! * BYTES_OF[access.dtype];
        if (bytes !== 0) f.get(local).get(0).i32(bytes).op("i32.mul", "i32.add").set(local);
      }
    } else f.i32(0).set(counter);
    f.whileBelow(
      counter,
      () => (shared ? f.get(1) : f.i32(this.kernel.dims[loop]!)),
      () => {
        this.nest(rest, body, false);
        this.advance(loop, 1);
        f.increase(counter, 1);
      },
    );
    if (!shared) this.advance(loop, -this.kernel.dims[loop]!);
  }

  /** The innermost loop of a kernel that stores: several vectors at a time, single vectors, single values. */
  private storeRow(): void {
    const { f, kernel, inner } = this;
    const whole = kernel.dims.length > 1;
    const size = kernel.dims[inner]!;
    const counter = f.local("i32");
    const limit = f.local("i32");
    if (whole) {
      f.i32(0).set(counter).i32(size).set(limit);
    } else {
      f.get(0).set(counter).get(1).set(limit);
      for (const { access, local } of this.pointers) {
        const bytes = access.strides[inner]! * BYTES_OF[access.dtype];
        if (bytes !== 0) f.get(local).get(0).i32(bytes).op("i32.mul", "i32.add").set(local);
      }
    }
    const step = (vectors: number, lanes: number) => {
      const last = vectors * lanes - 1;
      f.whileBelow(
        counter,
        () => f.get(limit).i32(last).op("i32.sub"),
        () => {
          for (let v = 0; v < vectors; v++) {
            const values = this.compute(v * LANES, lanes === LANES);
            for (const [i, { value, add }] of kernel.stores.entries())
              store(f, this.stores[i]!, { value: values(value), at: v * LANES, lanes, add });
          }
          this.advance(inner, vectors * lanes);
          f.increase(counter, vectors * lanes);
        },
      );
    };
    const unroll = this.unroll();
    if (size >= unroll * LANES && unroll > 1) step(unroll, LANES);
    if (size >= LANES) step(1, LANES);
    if (size % LANES !== 0 || !whole) step(1, 1);
    if (whole) this.advance(inner, -size);
  }

  /** How many vectors are computed in one turn: more for little work, to spend less on counting. */
  private unroll(): number {
    const work = this.kernel.expressions.reduce((sum, e) => sum + (e.kind === "op" ? costOf(e.name) : 1), 0);
    return work <= 60 ? 4 : 2;
  }

  /** One value from a row: the innermost loop is reduced. */
  private reduceRow(loops: readonly number[]): void {
    const { f, kernel, inner } = this;
    const sum = kernel.reduction === "sum";
    const start = sum ? 0 : Number.NEGATIVE_INFINITY;
    const combine = sum ? "add" : "max";
    const size = kernel.dims[inner]!;
    const unroll = size >= LANES * this.unroll() ? this.unroll() : 1;
    const parts = Array.from({ length: unroll }, () => f.local("v128"));
    const rest = f.local("f32");
    for (const part of parts) f.floats(start).set(part);
    f.f32(start).set(rest);
    const value = kernel.stores[0]!.value;
    this.nest(
      loops.slice(0, -1),
      () => {
        const counter = f.local("i32");
        f.i32(0).set(counter);
        const step = (vectors: number, lanes: number) =>
          f.whileBelow(
            counter,
            () => f.i32(size - vectors * lanes + 1),
            () => {
              for (let v = 0; v < vectors; v++) {
                const local = this.compute(v * LANES, lanes === LANES)(value);
                if (lanes === LANES) f.get(parts[v]!).get(local).op(`f32x4.${combine}`).set(parts[v]!);
                else f.get(rest).get(local).extract("f32x4.extract_lane", 0).op(`f32.${combine}`).set(rest);
              }
              this.advance(inner, vectors * lanes, [...this.loads.values()]);
              f.increase(counter, vectors * lanes);
            },
          );
        if (unroll > 1) step(unroll, LANES);
        if (size >= LANES) step(1, LANES);
        if (size % LANES !== 0) step(1, 1);
        this.advance(inner, -size, [...this.loads.values()]);
      },
      false,
    );
    const all = parts[0]!;
    for (const part of parts.slice(1)) f.get(all).get(part).op(`f32x4.${combine}`).set(all);
    f.get(this.stores[0]!.local).get(rest);
    for (let lane = 0; lane < LANES; lane++) f.get(all).extract("f32x4.extract_lane", lane).op(`f32.${combine}`);
    f.memory("f32.store");
  }

  /** A row of values: the innermost loop is kept, its columns stay in registers while the reduced loops run. */
  private reduceColumns(loops: readonly number[]): void {
    const { f, kernel, inner } = this;
    const sum = kernel.reduction === "sum";
    const size = kernel.dims[inner]!;
    const counter = f.local("i32");
    const { value } = kernel.stores[0]!;
    f.i32(0).set(counter);
    const step = (vectors: number, lanes: number) =>
      f.whileBelow(
        counter,
        () => f.i32(size - vectors * lanes + 1),
        () => {
          const parts = Array.from({ length: vectors }, () => f.local("v128"));
          for (const part of parts) f.floats(sum ? 0 : Number.NEGATIVE_INFINITY).set(part);
          const turn = (shift: Shift) =>
            parts.forEach((part, v) => {
              const local = this.compute(v * LANES, lanes === LANES, shift)(value);
              // Of a NaN and a number later in the window the number is left; pmax is one instruction, max is eight.
              f.get(local)
                .get(part)
                .op(sum ? "f32x4.add" : "f32x4.pmax")
                .set(part);
            });
          // A pooling window is written out.
          const sizes = loops.map((loop) => kernel.dims[loop]!);
          if (sizeOf(sizes) > WRITTEN_OUT) this.nest(loops, () => turn(STILL), false);
          else for (const shift of shifts(loops, sizes)) turn(shift);
          for (const [v, value] of parts.entries()) store(f, this.stores[0]!, { value, at: v * LANES, lanes });
          this.advance(inner, vectors * lanes);
          f.increase(counter, vectors * lanes);
        },
      );
    for (let vectors = COLUMN_VECTORS; vectors >= 1; vectors >>= 1) if (size >= vectors * LANES) step(vectors, LANES);
    if (size % LANES !== 0) step(1, 1);
    this.advance(inner, -size);
  }

  /** Computes every expression `at` elements from the pointers; `vector` or the first lane alone. Gives locals. */
  private compute(at: number, vector: boolean, shift: Shift = STILL): (place: number) => number {
    const { f, kernel } = this;
    const locals: number[] = [];
    kernel.expressions.forEach((expression, i) => {
      const hoisted = this.hoisted.get(i);
      if (hoisted !== undefined) {
        locals.push(hoisted);
        return;
      }
      const local = f.local("v128");
      locals.push(local);
      if (expression.kind === "load") {
        const { access } = expression;
        const skip = shift.reduce((sum, [loop, turns]) => sum + access.strides[loop]! * turns, 0);
        load(f, this.loads.get(access)!, { at, skip: skip * BYTES_OF[access.dtype], vector });
      } else if (expression.kind === "constant") {
        if (expression.dtype === "float32") f.floats(expression.value);
        else f.ints(expression.dtype === "bool" ? -expression.value : expression.value);
      } else {
        const { name, attrs, dtype, inputs } = expression;
        writePointwise(name, {
          f,
          attrs,
          locals: inputs.map((k) => locals[k]!),
          dtype: this.dtypeOf(inputs[0]!),
          result: dtype,
        });
      }
      f.set(local);
    });
    return (place) => locals[place]!;
  }

  private dtypeOf(place: number): DType {
    const expression = this.kernel.expressions[place]!;
    return expression.kind === "load" ? expression.access.dtype : expression.dtype;
  }
}
