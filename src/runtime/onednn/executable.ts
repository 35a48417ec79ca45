// A compiled graph that runs on the compute threads: values come from and go to arrays, which are used where they lie when
// they lie in the shared heap, and copied when not.
import { type NdArray, sizeOf, type TypedArray } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { typeText } from "../../graph/tensor.ts";
import type { Executable, Values } from "../backend.ts";
import type { Compiled } from "./compile.ts";
import type { Engine } from "./engine.ts";
import type { Resources, Value } from "./steps.ts";

export class OnednnExecutable implements Executable {
  /** Offset of each value in the heap now, by slot; -1: not yet anywhere. */
  private readonly places: Float64Array;
  /** Where arrays of callers are copied to, or from, that do not lie in the heap. */
  private readonly staging = new Map<Value, { offset: number; values: TypedArray }>();
  private readonly external: readonly Value[];
  /** Arrays of the heap that values were last bound to, by slot: a program gives the same ones every step. */
  private readonly bound: (NdArray | undefined)[] = [];
  private workspaceVersion = -1;
  private disposed = false;

  private constructor(
    private readonly engine: Engine,
    private readonly compiled: Compiled,
    private readonly resources: Resources,
    private readonly plan: number,
  ) {
    this.places = new Float64Array(compiled.values.length).fill(-1);
    const { heap } = engine;
    this.external = compiled.values.filter(({ input, output }) => input !== undefined || output !== undefined);
    for (const value of compiled.values) {
      if (!value.constant) continue;
      const { dtype, data } = value.constant;
      const offset = heap.allocate(value.bytes);
      resources.regions.push(offset);
      heap.values(dtype, offset, data.length).set(data);
      this.place(value, offset);
    }
  }

  static async create(engine: Engine, compiled: Compiled, resources: Resources): Promise<OnednnExecutable> {
    const plan = await engine.load(compiled.module, compiled.planSteps);
    return new OnednnExecutable(engine, compiled, resources, plan);
  }

  /** Tells kernels and primitives where a value lies. */
  private place(value: Value, offset: number): void {
    if (this.places[value.slot] === offset) return;
    this.places[value.slot] = offset;
    const { heap, onednn } = this.engine;
    heap.values("int32", this.compiled.table + 4 * value.slot, 1)[0] = offset;
    for (const { memory, skip } of value.memories) onednn.place(memory, heap.address(offset + skip));
  }

  async run(inputs: Values, outputs: Values): Promise<void> {
    const { engine, compiled } = this;
    if (this.disposed) fail("E_BACKEND", "internal: a disposed program was run");
    const before = () => {
      const workspace = engine.workspace(compiled.workspaceBytes);
      const moved = workspace.version !== this.workspaceVersion;
      this.workspaceVersion = workspace.version;
      if (moved)
        for (const value of compiled.values)
          if (!value.constant && !this.external.includes(value)) this.place(value, workspace.offset + value.offset);
      for (const value of this.external)
        if (value.input !== undefined) this.bind(value, value.input, inputs, true);
        else this.bind(value, value.output!, outputs, false);
    };
    const after = () => {
      for (const [{ output }, { values }] of this.staging) if (output !== undefined) outputs[output]!.data.set(values);
    };
    await engine.run(this.plan, before, after, (step) => `"${compiled.steps[step]?.name}"`);
  }

  private bind(value: Value, name: string, arrays: Values, fill: boolean): void {
    const { heap } = this.engine;
    const array = arrays[name];
    if (array && array === this.bound[value.slot]) return;
    const what = `${fill ? "input" : "output"} "${name}"`;
    if (!array) fail("E_NAME", `internal: ${what} has no value; given: ${Object.keys(arrays).join(", ")}`);
    if (value.type && (array.dtype !== value.type.dtype || array.data.length !== sizeOf(value.type.shape)))
      fail(
        "E_SHAPE",
        `internal: invalid dimensions for ${what}: expected ${typeText(value.type)}, got ${typeText(array)}`,
      );
    const own = heap.placeOf(array);
    if (own !== undefined) {
      this.staging.delete(value);
      this.place(value, own);
      this.bound[value.slot] = array;
      return;
    }
    const { data, dtype } = array;
    if (data instanceof Float64Array) fail("E_SHAPE", `internal: ${what} is held as float64; expected float32`);
    this.bound[value.slot] = undefined;
    let staged = this.staging.get(value);
    if (!staged) {
      const offset = heap.allocate(value.bytes);
      this.resources.regions.push(offset);
      staged = { offset, values: heap.values(dtype, offset, data.length) };
      this.staging.set(value, staged);
    }
    this.place(value, staged.offset);
    if (fill) staged.values.set(data);
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.engine.unload(this.plan);
    this.resources.holder.release();
    for (const offset of this.resources.regions.splice(0)) this.engine.heap.release(offset);
  }
}
