// A program: compiled steps over one resident state. Each state entry has two buffers; a step reads one and writes the
// other, so nothing is copied and a step that fails leaves the state as it was.
import { type NdArray, zeros } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { STATE_PREFIX } from "../graph/names.ts";
import { isInput, type Tensor, topological } from "../graph/tensor.ts";
import type { Backend, Executable, Values } from "./backend.ts";

/** All that a training run remembers, by path: parameters, optimizer slots, running statistics, averages. */
export type State = Map<string, NdArray>;

/** A step as data: new values for state entries, and scalars to report. Inputs named `state:PATH` read the state. */
export interface StepGraph {
  readonly name: string;
  readonly updates: ReadonlyMap<string, Tensor>;
  readonly log: ReadonlyMap<string, Tensor>;
}

interface Slot {
  buffers: [NdArray, NdArray];
  current: 0 | 1;
}

interface CompiledStep {
  executable: Executable;
  reads: readonly string[];
  writes: readonly string[];
  log: Record<string, NdArray>;
}

export class Program {
  private readonly slots = new Map<string, Slot>();
  private readonly steps = new Map<string, CompiledStep>();

  private constructor() {}

  /** Compiles `steps` on `backend`; `state` is copied in once. */
  static async create(backend: Backend, steps: readonly StepGraph[], state: State): Promise<Program> {
    const program = new Program();
    for (const [path, value] of state) program.slots.set(path, makeSlot(value));
    for (const step of steps) {
      const outputs: Record<string, Tensor> = {};
      for (const [path, tensor] of step.updates) outputs[`update:${path}`] = tensor;
      for (const [name, tensor] of step.log) outputs[`log:${name}`] = tensor;
      const reads = topological(Object.values(outputs))
        .filter(isInput)
        .map((node) => node.attrs.name)
        .filter((name) => name.startsWith(STATE_PREFIX))
        .map((name) => name.slice(STATE_PREFIX.length));
      for (const path of [...reads, ...step.updates.keys()])
        if (!program.slots.has(path))
          fail("E_NAME", `internal: step "${step.name}" uses "${path}", which the state does not have`);
      program.steps.set(step.name, {
        executable: await backend.compile(step.name, outputs, { mode: "train" }),
        reads,
        writes: [...step.updates.keys()],
        log: Object.fromEntries([...step.log].map(([name, tensor]) => [name, zeros(tensor.shape)])),
      });
    }
    return program;
  }

  /**
   * Runs one step; the state advances when it succeeds.
   * @returns the step's reported values, in arrays that its next run overwrites
   */
  async run(name: string, feeds: Values): Promise<Readonly<Record<string, NdArray>>> {
    const step = this.steps.get(name);
    if (!step) fail("E_NAME", `internal: no step "${name}"; compiled: ${[...this.steps.keys()].join(", ")}`);
    const inputs: Record<string, NdArray> = { ...feeds };
    const outputs: Record<string, NdArray> = {};
    for (const path of step.reads) inputs[STATE_PREFIX + path] = this.read(path);
    for (const path of step.writes) {
      const slot = this.slots.get(path)!;
      outputs[`update:${path}`] = slot.buffers[1 - slot.current]!;
    }
    for (const key of Object.keys(step.log)) outputs[`log:${key}`] = step.log[key]!;
    await step.executable.run(inputs, outputs);
    for (const path of step.writes) {
      const slot = this.slots.get(path)!;
      slot.current = slot.current === 0 ? 1 : 0;
    }
    return step.log;
  }

  /** The current value of a state entry, not copied: valid until the next step. */
  read(path: string): NdArray {
    const slot = this.slots.get(path);
    if (!slot) fail("E_NAME", `internal: the state has no "${path}"`);
    return slot.buffers[slot.current];
  }

  /** A copy of the whole state. */
  snapshot(): State {
    const state: State = new Map();
    for (const [path, slot] of this.slots) state.set(path, copy(slot.buffers[slot.current]));
    return state;
  }

  /** Puts values back; throws when a path or size is unknown. */
  restore(state: State): void {
    for (const [path, value] of state) {
      const target = this.read(path);
      if (target.data.length !== value.data.length)
        fail("E_SHAPE", `state "${path}" is [${target.shape}] here, [${value.shape}] in the checkpoint`);
      target.data.set(value.data);
    }
  }

  async dispose(): Promise<void> {
    for (const step of this.steps.values()) await step.executable.dispose();
    this.steps.clear();
  }
}

function makeSlot(value: NdArray): Slot {
  return { buffers: [copy(value), zeros(value.shape, value.dtype)], current: 0 };
}

function copy({ shape, dtype, data }: NdArray): NdArray {
  return { shape, dtype, data: data.slice() };
}
