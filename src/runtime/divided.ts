// A training step on onnxruntime whose end is computed by kernels of our own (tail.ts), over memory that both see.
import type { NdArray, Shape } from "../base/array.ts";
import { fail, GenclassError } from "../base/errors.ts";
import { Semaphore } from "../base/semaphore.ts";
import { ModuleBuilder } from "../wasm/module.ts";
import type { Executable, Values } from "./backend.ts";
import { Heap } from "./heap.ts";
import type { DividedStep, Operand } from "./tail.ts";

let shared: Heap | null | undefined;

/** The memory of this thread that kernels reach; undefined where the process may not reserve so many addresses. */
export function sharedHeap(): Heap | undefined {
  if (shared === undefined)
    try {
      shared = new Heap();
    } catch (cause) {
      if (!(cause instanceof GenclassError)) throw cause;
      shared = null;
    }
  return shared ?? undefined;
}

/** Arrays by name for what lies between the parts, and for copies of numbers that are fed. @throws `E_BACKEND` when there is no room for all */
function placesFor({ cuts, kernels }: DividedStep, heap: Heap): Map<string, NdArray> {
  const shapes = new Map<string, Shape>();
  for (const { name, size } of kernels.flatMap(({ reads }) => reads)) if (size === 1) shapes.set(name, []);
  for (const [name, { shape }] of cuts) shapes.set(name, shape);
  const places = new Map<string, NdArray>();
  try {
    for (const [name, shape] of shapes) places.set(name, heap.array(shape, "float32"));
  } catch (cause) {
    for (const array of places.values()) heap.releaseArray(array);
    throw cause;
  }
  return places;
}

/** The array that is given for an operand: kernels go by the graph's size, whatever the array's is. */
function given(what: "input" | "output", { name, size }: Operand, values: Values): NdArray {
  const array = values[name];
  if (!array) fail("E_NAME", `internal: ${what} "${name}" has no array; given: ${Object.keys(values).join(", ")}`);
  const { data, dtype } = array;
  if (data.length !== size || dtype !== "float32")
    fail("E_SHAPE", `internal: ${what} "${name}" has ${data.length} values of ${dtype}; expected ${size} of float32`);
  return array;
}

/** A step in two parts. From the first run on where an array does not lie in the heap, the whole of it runs on onnxruntime. */
export class DividedExecutable implements Executable {
  private readonly semaphore = new Semaphore(1);
  private readonly functions: readonly ((...addresses: number[]) => void)[];
  private readonly places: ReadonlyMap<string, NdArray>;
  /** Those of `places` that the first part writes. */
  private readonly cuts: Values;
  /** In place of the parts, which are freed when this is compiled. */
  private whole: Executable | undefined;

  /**
   * @param rest the first part, compiled
   * @param compileWhole compiles the undivided step
   * @throws `E_BACKEND` when the heap has no room for what lies between the parts
   */
  constructor(
    private readonly heap: Heap,
    private readonly step: DividedStep,
    private readonly rest: Executable,
    private readonly compileWhole: () => Promise<Executable>,
  ) {
    const builder = new ModuleBuilder(true);
    step.kernels.forEach(({ code }, i) => {
      builder.add(code, `kernel${i}`);
    });
    const { memory } = heap;
    const instance = new WebAssembly.Instance(new WebAssembly.Module(builder.bytes()), { env: { memory } });
    this.functions = step.kernels.map((_, i) => instance.exports[`kernel${i}`] as (...addresses: number[]) => void);
    this.places = placesFor(step, heap);
    this.cuts = Object.fromEntries([...step.cuts.keys()].map((name) => [name, this.places.get(name)!]));
  }

  run(inputs: Values, outputs: Values): Promise<void> {
    // One at a time: what lies between the parts has one place.
    return this.semaphore.run(async () => {
      const addresses = this.whole ? undefined : this.addresses(inputs, outputs);
      if (!addresses) return (await this.undivided()).run(inputs, outputs);
      const ends = new Set(this.step.kernels.flatMap(({ writes }) => writes.map(({ name }) => name)));
      const first = Object.entries(outputs).filter(([name]) => !ends.has(name));
      await this.rest.run(inputs, { ...Object.fromEntries(first), ...this.cuts });
      this.functions.forEach((compute, i) => {
        compute(...addresses[i]!, this.step.kernels[i]!.bytes);
      });
    });
  }

  /** Where the operands of each kernel lie; undefined when one of them does not lie in the heap. */
  private addresses(inputs: Values, outputs: Values): number[][] | undefined {
    const lists = this.step.kernels.map(({ reads, writes }) =>
      [
        ...reads.map((operand) => this.read(operand, inputs)),
        ...writes.map((operand) => given("output", operand, outputs)),
      ].map((array) => this.heap.placeOf(array)),
    );
    return lists.every((list) => list.every((place) => place !== undefined)) ? lists : undefined;
  }

  /** The array that a kernel reads; of a number that is fed, the copy in the heap. */
  private read(operand: Operand, inputs: Values): NdArray {
    const place = this.places.get(operand.name);
    if (place && this.step.cuts.has(operand.name)) return place;
    const array = given("input", operand, inputs);
    if (!place) return array;
    place.data[0] = array.data[0]!;
    return place;
  }

  /** The whole step. The parts are freed for it: where arrays lie does not change while a program lives. */
  private async undivided(): Promise<Executable> {
    if (!this.whole) {
      this.whole = await this.compileWhole();
      await this.freeParts();
    }
    return this.whole;
  }

  private async freeParts(): Promise<void> {
    for (const array of this.places.values()) this.heap.releaseArray(array);
    await this.rest.dispose();
  }

  dispose(): Promise<void> {
    // After the runs in flight.
    return this.semaphore.run(() => (this.whole ? this.whole.dispose() : this.freeParts()));
  }
}
