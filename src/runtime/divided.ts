// A training step on onnxruntime whose end is computed by kernels of our own (tail.ts), over memory that both see.
import type { NdArray } from "../base/array.ts";
import { fail, GenclassError } from "../base/errors.ts";
import { Semaphore } from "../base/semaphore.ts";
import { ModuleBuilder } from "../wasm/module.ts";
import type { Executable, Values } from "./backend.ts";
import { Heap } from "./heap.ts";
import type { DividedStep, Operand, TailKernel } from "./tail.ts";

let heap: Heap | null | undefined;

/** The memory of this process that kernels reach; undefined where it may not reserve so many addresses. */
export function sharedHeap(): Heap | undefined {
  if (heap === undefined)
    try {
      heap = new Heap();
    } catch (cause) {
      if (!(cause instanceof GenclassError)) throw cause;
      heap = null;
    }
  return heap ?? undefined;
}

/** Arrays for what lies between the parts. @throws `E_BACKEND` when there is no room for all */
function placesFor({ cuts }: DividedStep, heap: Heap): Record<string, NdArray> {
  const places: Record<string, NdArray> = {};
  try {
    for (const [name, { shape }] of cuts) places[name] = heap.array(shape, "float32");
  } catch (cause) {
    for (const array of Object.values(places)) heap.releaseArray(array);
    throw cause;
  }
  return places;
}

/** A step in two parts. Where an array does not lie in the heap, the whole of it runs on onnxruntime. */
export class DividedExecutable implements Executable {
  private readonly semaphore = new Semaphore(1);
  private readonly cuts: Readonly<Record<string, NdArray>>;
  private readonly functions: readonly ((...addresses: number[]) => void)[];
  /** Numbers that kernels read. */
  private readonly scalars = new Map<string, NdArray>();
  private wholeStep: Promise<Executable> | undefined;

  /**
   * @param rest the first part, compiled
   * @param whole compiles the undivided step
   * @throws `E_BACKEND` when the heap has no room for what lies between the parts
   */
  constructor(
    private readonly heap: Heap,
    private readonly step: DividedStep,
    private readonly rest: Executable,
    private readonly whole: () => Promise<Executable>,
  ) {
    this.cuts = placesFor(step, heap);
    const builder = new ModuleBuilder(true);
    step.kernels.forEach(({ code }, i) => {
      builder.add(code, `kernel${i}`);
    });
    const { memory } = heap;
    const instance = new WebAssembly.Instance(new WebAssembly.Module(builder.bytes()), { env: { memory } });
    this.functions = step.kernels.map((_, i) => instance.exports[`kernel${i}`] as (...addresses: number[]) => void);
  }

  run(inputs: Values, outputs: Values): Promise<void> {
    // One at a time: what lies between the parts has one place.
    return this.semaphore.run(async () => {
      const addresses = this.step.kernels.map((kernel) => this.addressesOf(kernel, inputs, outputs));
      if (!addresses.every((list) => list !== undefined)) {
        this.wholeStep ??= this.whole();
        return (await this.wholeStep).run(inputs, outputs);
      }
      const ends = new Set(this.step.kernels.flatMap(({ writes }) => writes.map(({ name }) => name)));
      const first = Object.entries(outputs).filter(([name]) => !ends.has(name));
      await this.rest.run(inputs, { ...Object.fromEntries(first), ...this.cuts });
      this.functions.forEach((compute, i) => {
        compute(...addresses[i]!, this.step.kernels[i]!.bytes);
      });
    });
  }

  /** Where the operands of a kernel lie; undefined when one of them does not lie in the heap. */
  private addressesOf({ reads, writes }: TailKernel, inputs: Values, outputs: Values): number[] | undefined {
    const places = [
      ...reads.map((operand) => this.heap.placeOf(this.cuts[operand.name] ?? this.inputOf(operand, inputs))),
      ...writes.map(({ name }) => outputs[name] && this.heap.placeOf(outputs[name])),
    ];
    return places.every((place) => place !== undefined) ? places : undefined;
  }

  /** The array of an input; of a number that is fed, a copy in the heap. */
  private inputOf({ name, size }: Operand, inputs: Values): NdArray {
    const value = inputs[name];
    if (!value) fail("E_NAME", `internal: input "${name}" has no value; given: ${Object.keys(inputs).join(", ")}`);
    if (size > 1) return value;
    let copy = this.scalars.get(name);
    if (!copy) {
      copy = this.heap.array([], "float32");
      this.scalars.set(name, copy);
    }
    copy.data[0] = value.data[0]!;
    return copy;
  }

  dispose(): Promise<void> {
    // After the runs in flight.
    return this.semaphore.run(async () => {
      await this.rest.dispose();
      await (await this.wholeStep)?.dispose();
      for (const array of [...Object.values(this.cuts), ...this.scalars.values()]) this.heap.releaseArray(array);
    });
  }
}
