// A compiled graph that runs on the compute threads: values come from and go to arrays, which are used where they lie when
// they lie in the shared heap, and copied when not.
import { fail } from "../../base/errors.ts";
import type { Executable, Values } from "../backend.ts";
import type { Compiled, Resources, Value } from "./compile.ts";
import type { Engine } from "./engine.ts";

export class OnednnExecutable implements Executable {
  /** Offset of each value in the heap now, by slot; -1: not yet anywhere. */
  private readonly places: Int32Array | Float64Array;
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

  run(inputs: Values, outputs: Values): Promise<void> {
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
    return engine.run(this.plan, before, after, (step) => `"${compiled.steps[step]?.name}"`);
  }

  private bind(value: Value, name: string, arrays: Values, fill: boolean): void {
    const { heap } = this.engine;
    const array = arrays[name];
    if (!array) fail("E_NAME", `internal: "${name}" has no array; given: ${Object.keys(arrays).join(", ")}`);
    const own = heap.placeOf(array);
    if (own !== undefined) {
      this.place(value, own);
      return;
    }
    const { data, dtype } = array;
    if (data instanceof Float64Array)
      fail("E_SHAPE", `internal: float64 data reached oneDNN in an array of shape [${array.shape}]`);
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
