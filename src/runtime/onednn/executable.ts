// A compiled graph that runs on the compute threads: values come from and go to arrays, which are used where they lie when
// they lie in the shared heap, and copied when not.
import { type NdArray, sizeOf, type TypedArray } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { typeText } from "../../graph/tensor.ts";
import type { Executable, Values } from "../backend.ts";
import type { Compiled } from "./compile.ts";
import type { Engine, LoadedPlan } from "./engine.ts";
import { type Binding, QUEUE } from "./protocol.ts";
import type { Resources, Value } from "./steps.ts";

/** Memory here for an array of a caller that does not lie in the heap. */
interface Staging {
  readonly offset: number;
  readonly values: TypedArray;
}

interface External {
  readonly value: Value;
  /** In the plan's bindings. */
  readonly index: number;
}

const isExternal = ({ input, output }: Value): boolean => input !== undefined || output !== undefined;

/** A plan that the threads have, and the arrays of each run of it. */
export class OnednnExecutable implements Executable {
  /** What callers give arrays for. */
  private readonly external: readonly External[];
  /** Where arrays of callers are copied to, or from: one for each run in flight. */
  private readonly staging = Array.from({ length: QUEUE }, () => new Map<Value, Staging>());
  /** Arrays of the heap that values were last bound to, by index: a program gives the same ones every time. */
  private readonly bound = Array.from({ length: QUEUE }, (): (NdArray | undefined)[] => []);
  /** Version of the workspace that the values in it are bound to, for each run in flight. */
  private readonly versions = new Array<number>(QUEUE).fill(-1);
  private disposed = false;

  private constructor(
    private readonly engine: Engine,
    private readonly compiled: Compiled,
    private readonly resources: Resources,
    /** Values that lie elsewhere from run to run, which is all but constants, in the order of the plan's bindings. */
    private readonly moving: readonly Value[],
    private readonly plan: LoadedPlan,
  ) {
    this.external = moving.flatMap((value, index) => (isExternal(value) ? [{ value, index }] : []));
  }

  /** Places the constants and gives the plan to the threads. What `resources` hold belongs to the executable then. */
  static async create(engine: Engine, compiled: Compiled, resources: Resources): Promise<OnednnExecutable> {
    const { heap, onednn } = engine;
    const entry = ({ slot }: Value) => compiled.table + 4 * slot;
    for (const value of compiled.values) {
      if (!value.constant) continue;
      const { dtype, data } = value.constant;
      const offset = heap.allocate(value.bytes);
      resources.regions.push(offset);
      heap.values(dtype, offset, data.length).set(data);
      heap.values("int32", entry(value), 1)[0] = offset;
      for (const { memory, skip } of value.memories) onednn.place(memory, heap.address(offset + skip));
    }
    const { module, planSteps: steps, workspaceBytes } = compiled;
    const moving = compiled.values.filter(({ constant }) => !constant);
    const bindings = moving.map((value): Binding => ({ entry: entry(value), memories: value.memories }));
    const plan = await engine.load({ module, steps, bindings }, workspaceBytes);
    return new OnednnExecutable(engine, compiled, resources, moving, plan);
  }

  /** Inputs are read when threads can take the run, which is at once when no more than one other is in flight. */
  async run(inputs: Values, outputs: Values): Promise<void> {
    const { engine, compiled } = this;
    if (this.disposed) fail("E_BACKEND", "internal: a disposed program was run");
    await engine.run(
      this.plan,
      (place) => this.bindAll(place, inputs, outputs),
      (place) => {
        for (const [{ output }, { values }] of this.staging[place]!)
          if (output !== undefined) outputs[output]!.data.set(values);
      },
      (step) => `"${compiled.steps[step]?.name}"`,
    );
  }

  private bindAll(place: number, inputs: Values, outputs: Values): void {
    const offsets = this.plan.offsets[place]!;
    const { offset, version } = this.engine.workspace;
    if (version !== this.versions[place])
      this.moving.forEach((value, index) => {
        if (!isExternal(value)) offsets[index] = offset + value.offset;
      });
    this.versions[place] = version;
    for (const external of this.external) {
      const { value, index } = external;
      const array = value.input !== undefined ? inputs[value.input] : outputs[value.output!];
      if (!array || array !== this.bound[place]![index]) offsets[index] = this.bind(place, external, array);
    }
  }

  /** @returns where a value lies in the run at `place`: in its array when that is of the heap; else staged, and copied there */
  private bind(place: number, { value, index }: External, array: NdArray | undefined): number {
    const { heap } = this.engine;
    const fill = value.input !== undefined;
    const what = fill ? `input "${value.input}"` : `output "${value.output}"`;
    if (!array) fail("E_NAME", `internal: ${what} has no value`);
    if (value.type && (array.dtype !== value.type.dtype || array.data.length !== sizeOf(value.type.shape)))
      fail(
        "E_SHAPE",
        `internal: invalid dimensions for ${what}: expected ${typeText(value.type)}, got ${typeText(array)}`,
      );
    const own = heap.placeOf(array);
    const staging = this.staging[place]!;
    this.bound[place]![index] = own === undefined ? undefined : array;
    if (own !== undefined) {
      staging.delete(value);
      return own;
    }
    const { data, dtype } = array;
    if (data instanceof Float64Array) fail("E_SHAPE", `internal: ${what} is held as float64; expected float32`);
    let staged = staging.get(value);
    if (!staged) {
      const offset = heap.allocate(value.bytes);
      this.resources.regions.push(offset);
      staged = { offset, values: heap.values(dtype, offset, data.length) };
      staging.set(value, staged);
    }
    if (fill) staged.values.set(data);
    return staged.offset;
  }

  /** Frees everything, after the runs that were asked for before. */
  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.engine.unload(this.plan);
    this.resources.holder.release();
    for (const offset of this.resources.regions.splice(0)) this.engine.heap.release(offset);
  }
}
