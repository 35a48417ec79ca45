// A program: compiled steps over one resident state, which is never copied. A backend that works in place has one array an
// entry; for others each has two, a step reads one and writes the other.
import { type NdArray, type Shape, zeros } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { Semaphore } from "../base/semaphore.ts";
import { STATE_PREFIX } from "../graph/names.ts";
import { isInput, type Tensor, topological } from "../graph/tensor.ts";
import type { Backend, Executable, Values } from "./backend.ts";

/** All that a training run remembers, by path: parameters, optimizer slots, running statistics, averages. */
export type State = Map<string, NdArray>;

/** A step as data: new values for state entries, and scalars to report. Inputs named `state:PATH` read the state. */
export interface StepGraph {
  /** By which it is run. */
  readonly name: string;
  /** New values of the state, by path. */
  readonly updates: ReadonlyMap<string, Tensor>;
  /** Scalars that are reported, by name. */
  readonly log: ReadonlyMap<string, Tensor>;
}

interface Slot {
  /** What the state is now. */
  current: NdArray;
  /** Where a step writes: the same array, when the backend works in place. */
  next: NdArray;
}

interface CompiledStep {
  executable: Executable;
  /** The state that a step reads and writes, under the names that its graph has for it. */
  reads: readonly (readonly [name: string, slot: Slot])[];
  writes: readonly (readonly [name: string, slot: Slot])[];
  log: readonly (readonly [name: string, shape: Shape])[];
}

/** Compiled steps over one state, which run in the order in which they are asked for. */
export class Program {
  private readonly slots = new Map<string, Slot>();
  private readonly steps = new Map<string, CompiledStep>();
  /** What is fed. */
  private readonly fed = new Set<NdArray>();

  /** Where a backend does not work in place, a run reads what the one before wrote, and is begun when that has ended. */
  private readonly semaphore: Semaphore;

  private constructor(private readonly backend: Backend) {
    this.semaphore = new Semaphore(backend.inPlace ? Number.POSITIVE_INFINITY : 1);
  }

  /**
   * Compiles `steps` on `backend`; `state` is copied in once.
   * @throws `E_NAME` when a step reads or writes an entry that the state does not have, `E_BACKEND` when the backend refuses
   *   a graph
   */
  static async create(backend: Backend, steps: readonly StepGraph[], state: State): Promise<Program> {
    const program = new Program(backend);
    try {
      for (const [path, value] of state) program.slots.set(path, makeSlot(backend, value));
      for (const step of steps) await program.add(step);
    } catch (cause) {
      await program.dispose();
      throw cause;
    }
    return program;
  }

  private async add(step: StepGraph): Promise<void> {
    const outputs: Record<string, Tensor> = {};
    for (const [path, tensor] of step.updates) outputs[`update:${path}`] = tensor;
    for (const [name, tensor] of step.log) outputs[`log:${name}`] = tensor;
    const reads = topological(Object.values(outputs))
      .filter(isInput)
      .map((node) => node.attrs.name)
      .filter((name) => name.startsWith(STATE_PREFIX))
      .map((name) => name.slice(STATE_PREFIX.length));
    for (const path of [...reads, ...step.updates.keys()])
      if (!this.slots.has(path))
        fail("E_NAME", `internal: step "${step.name}" uses "${path}", which the state does not have`);
    const aliases = Object.fromEntries([...step.updates.keys()].map((path) => [`update:${path}`, STATE_PREFIX + path]));
    this.steps.set(step.name, {
      executable: await this.backend.compile(step.name, outputs, {
        mode: "train",
        aliases,
      }),
      reads: reads.map((path) => [STATE_PREFIX + path, this.slots.get(path)!]),
      writes: [...step.updates.keys()].map((path) => [`update:${path}`, this.slots.get(path)!]),
      log: [...step.log].map(([name, { shape }]) => [name, shape]),
    });
  }

  /**
   * Runs one step, after those asked for before; the state advances when it succeeds. When it fails the state is as it was,
   * or undefined on a backend that works in place.
   * @param feeds values of all inputs that are not of the state; they are not to change until the step has ended
   * @returns the values of the step's `log`, by name
   * @throws `E_NAME` for an unknown step or an input without a value, and what `Executable.run` throws
   */
  run(name: string, feeds: Values): Promise<Readonly<Record<string, NdArray>>> {
    return this.semaphore.run(async () => {
      const step = this.steps.get(name);
      if (!step) fail("E_NAME", `internal: no step "${name}"; compiled: ${[...this.steps.keys()].join(", ")}`);
      const log: Record<string, NdArray> = {};
      const inputs: Record<string, NdArray> = { ...feeds };
      const outputs: Record<string, NdArray> = {};
      for (const [key, shape] of step.log) outputs[`log:${key}`] = log[key] = zeros(shape);
      for (const [key, slot] of step.reads) inputs[key] = slot.current;
      for (const [key, slot] of step.writes) outputs[key] = slot.next;
      await step.executable.run(inputs, outputs);
      for (const [, slot] of step.writes) [slot.current, slot.next] = [slot.next, slot.current];
      return log;
    });
  }

  /** Zeros that steps can be fed without a copy, until they are released or the program is disposed of. */
  allocate(shape: Shape): NdArray {
    const array = this.backend.allocate(shape, "float32");
    this.fed.add(array);
    return array;
  }

  /** Ends the use of an array of `allocate`, which no step in flight may be fed. */
  release(array: NdArray): void {
    if (this.fed.delete(array)) this.backend.release(array);
  }

  /**
   * The current value of a state entry, not copied: valid until the next step; no step may be in flight.
   * @throws `E_NAME` when there is no such entry
   */
  read(path: string): NdArray {
    const slot = this.slots.get(path);
    if (!slot) fail("E_NAME", `internal: the state has no "${path}"`);
    return slot.current;
  }

  /** A copy of the whole state. No step may be in flight. */
  snapshot(): State {
    const state: State = new Map();
    for (const [path, slot] of this.slots) state.set(path, copy(slot.current));
    return state;
  }

  /** Frees the steps and the state, after the steps that are in flight; nothing may be asked for afterwards. */
  async dispose(): Promise<void> {
    for (const step of this.steps.values()) await step.executable.dispose();
    this.steps.clear();
    for (const { current, next } of this.slots.values())
      for (const array of [current, next]) this.backend.release(array);
    for (const array of this.fed) this.release(array);
    this.slots.clear();
  }
}

function makeSlot(backend: Backend, value: NdArray): Slot {
  const current = backend.allocate(value.shape, value.dtype);
  current.data.set(value.data);
  return { current, next: backend.inPlace ? current : backend.allocate(value.shape, value.dtype) };
}

function copy({ shape, dtype, data }: NdArray): NdArray {
  return { shape, dtype, data: data.slice() };
}
