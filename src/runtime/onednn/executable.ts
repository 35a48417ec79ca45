// A compiled graph that runs on the compute threads: values come from and go to arrays, which are used where they lie when
// they lie in the shared heap, and copied when not.
import { sizeOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { typeText } from "../../graph/tensor.ts";
import type { Executable, Values } from "../backend.ts";
import type { Compiled } from "./compile.ts";
import type { Engine } from "./engine.ts";
import type { Resources, Value } from "./steps.ts";

export class OnednnExecutable implements Executable {
  /** Offset of each value in the heap now, by slot; -1: not yet anywhere. */
  private readonly places: Float64Array;
  private readonly staging = new Map<Value, number>();
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
      for (const value of compiled.values) {
        if (value.input !== undefined) this.bind(value, value.input, inputs, true);
        else if (value.output !== undefined) this.bind(value, value.output, outputs, false);
        else if (moved && !value.constant) this.place(value, workspace.offset + value.offset);
      }
    };
    const after = () => {
      for (const [value, offset] of this.staging) {
        if (value.output === undefined) continue;
        const { dtype, data } = outputs[value.output]!;
        data.set(engine.heap.values(dtype, offset, data.length));
      }
    };
    await engine.run(this.plan, before, after, (step) => `"${compiled.steps[step]?.name}"`);
  }

  private bind(value: Value, name: string, arrays: Values, fill: boolean): void {
    const { heap } = this.engine;
    const array = arrays[name];
    const what = `${fill ? "input" : "output"} "${name}"`;
    if (!array) fail("E_NAME", `internal: ${what} has no value; given: ${Object.keys(arrays).join(", ")}`);
    if (value.type && (array.dtype !== value.type.dtype || array.data.length !== sizeOf(value.type.shape)))
      fail(
        "E_SHAPE",
        `internal: invalid dimensions for ${what}: expected ${typeText(value.type)}, got ${typeText(array)}`,
      );
    const own = heap.placeOf(array);
    if (own !== undefined) {
      this.place(value, own);
      return;
    }
    const { data, dtype } = array;
    if (data instanceof Float64Array) fail("E_SHAPE", `internal: ${what} is held as float64; expected float32`);
    let offset = this.staging.get(value);
    if (offset === undefined) {
      offset = heap.allocate(value.bytes);
      this.staging.set(value, offset);
      this.resources.regions.push(offset);
    }
    this.place(value, offset);
    if (fill) heap.values(dtype, offset, data.length).set(data);
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.engine.unload(this.plan);
    this.resources.holder.release();
    for (const offset of this.resources.regions.splice(0)) this.engine.heap.release(offset);
  }
}
