// From kernels to a plan: an order of them, primitives and WebAssembly code for each, and a place in memory for every value.
import { sizeOf } from "../../base/array.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { ConstantPool } from "../../wasm/assembler.ts";
import { ModuleBuilder } from "../../wasm/module.ts";
import { executionArguments } from "./c-values.ts";
import { Fusion, resultsOf } from "./fuse.ts";
import type { Address } from "./library.ts";
import { planMemory } from "./memory-plan.ts";
import { schedule } from "./order.ts";
import { Passes } from "./passes.ts";
import { Products } from "./products.ts";
import { MOST_PARTS, type Part, type PlanStep, share } from "./protocol.ts";
import {
  type KernelWriter,
  type PartRun,
  type PrimitiveCall,
  type Resources,
  type Step,
  StepList,
  type Value,
} from "./steps.ts";
import { writeFetch } from "./wasm/fetch.ts";
import { sharesValues, unitsOf, workOf, writeLoop } from "./wasm/loop.ts";
import { rowUnits, rowWork, writeRows } from "./wasm/rows.ts";

/** Vector instructions in a kernel from which sharing it pays: as many as fit the time in which threads meet. */
const WORTH_SHARING = 4000;
/** Vector instructions in a kernel from which threads claim parts of it: some fifty microseconds. */
const WORTH_CLAIMING = 400_000;
/** Shares of single values end at a cache line. */
const GRAIN = 16;
/** Room for the numbers that kernels of one program contain. */
const CONSTANTS = 1024;

/** A plan, and what is needed to run it. */
export interface Compiled {
  readonly steps: readonly Step[];
  readonly planSteps: readonly PlanStep[];
  readonly values: readonly Value[];
  readonly module: WebAssembly.Module | undefined;
  readonly workspaceBytes: number;
  /** Offset of the address table in the heap. */
  readonly table: number;
}

/** @param aliases outputs that are written over the input they name */
export async function compile(
  outputs: ReadonlyMap<string, Tensor>,
  aliases: ReadonlyMap<string, string>,
  resources: Resources,
): Promise<Compiled> {
  const fusion = new Fusion([...outputs.values()]);
  const outputNames = new Map([...outputs].map(([name, node]) => [node, name]));
  const list = new StepList(resources, outputNames);
  const passes = new Passes(fusion.reader, list);
  const products = new Products(fusion.reader, list, passes);
  const { kernels, late } = schedule(fusion, outputNames, aliases);
  for (const kernel of kernels) {
    // A result that cannot be written where it goes yet stays in the workspace for a while.
    for (const node of resultsOf(kernel)) if (late.includes(node)) list.attach(node, list.make(4 * sizeOf(node.shape)));
    if (kernel.kind === "pointwise") passes.pointwise(kernel.roots);
    else if (kernel.kind === "reduction") passes.reduction(kernel.node);
    else if (kernel.kind === "rows") passes.rows(kernel.node);
    else if (kernel.kind === "copies") passes.copies(kernel.node);
    else products.lower(kernel.node, kernel.activation);
  }
  for (const node of late) passes.copyOut(node);
  const workspaceBytes = planMemory(list.steps);
  const region = (bytes: number) => {
    const offset = resources.heap.allocate(bytes);
    resources.regions.push(offset);
    return offset;
  };
  const table = region(4 * Math.max(1, list.values.length));
  const numbers = region(4 * CONSTANTS);
  const constants = new ConstantPool(numbers, CONSTANTS);
  const module = new ModuleBuilder(true);
  const planSteps = write(list, module, table, constants);
  resources.heap.values("float32", numbers, CONSTANTS).set(constants.values);
  const needed = planSteps.some(({ parts }) => parts.some((part) => part.some((action) => "kernel" in action)));
  return {
    steps: list.steps,
    planSteps,
    values: list.values,
    module: needed ? await WebAssembly.compile(module.bytes()) : undefined,
    workspaceBytes,
    table,
  };
}

/** The steps as threads run them; kernels are added to the module. */
function write(list: StepList, module: ModuleBuilder, table: number, constants: ConstantPool): PlanStep[] {
  const { heap, regions, threads } = list.resources;
  const region = (bytes: number) => {
    const offset = heap.allocate(bytes);
    regions.push(offset);
    return offset;
  };
  /** Arguments in memory; threads without a scratchpad of their own have one list. */
  const placed = new Map<PrimitiveCall["args"][number], Address>();
  const argumentsAt = (args: PrimitiveCall["args"][number]) => {
    let address = placed.get(args);
    if (address === undefined) {
      const bytes = executionArguments(args);
      const offset = region(bytes.length);
      heap.values("uint8", offset, bytes.length).set(bytes);
      address = heap.address(offset);
      placed.set(args, address);
    }
    return address;
  };
  const fetchers = new Map<Value, string>();
  const fetcherOf = (value: Value) => {
    let name = fetchers.get(value);
    if (name === undefined) {
      name = `f${value.slot}`;
      module.add(writeFetch(value.slot, table, sink), name);
      fetchers.set(value, name);
    }
    return name;
  };
  const sink = region(1);
  const partsOf = (amount: number) =>
    amount < WORTH_SHARING ? 1 : threads * Math.min(MOST_PARTS, Math.ceil(amount / WORTH_CLAIMING));
  const over = (name: string, shares: readonly (readonly [number, number])[]) =>
    shares.map(([from, to]): Part => [{ kernel: name, from, to }]);
  const written = new Map<KernelWriter, string>();
  const writtenBy = (write: KernelWriter) => {
    let name = written.get(write);
    if (name === undefined) {
      name = `w${written.size}`;
      module.add(write({ table, constants }), name);
      written.set(write, name);
    }
    return name;
  };
  const actions = (action: PartRun | PrimitiveCall): Part => {
    if ("write" in action) return [{ kernel: writtenBy(action.write), from: action.from, to: action.to }];
    const { primitive, args, fetch } = action;
    return [
      ...fetch.map(([value, from, to]) => ({ kernel: fetcherOf(value), from, to })),
      { primitive, count: args[0]!.length, args: args.map(argumentsAt) },
    ];
  };
  const steps = list.steps.map(({ work }, i): readonly Part[] => {
    if (work.kind === "native") return work.calls.map(actions);
    const name = `k${i}`;
    if (work.kind === "chains") return work.parts.map((part) => part.flatMap(actions));
    if (work.kind === "kernel") {
      const { write, units, work: amount } = work.kernel;
      module.add(write({ table, constants }), name);
      return over(name, share(units, 1, partsOf(amount)));
    }
    if (work.kind === "rows") {
      module.add(writeRows(work.kernel, work.slots, table), name);
      return over(name, share(rowUnits(work.kernel), 1, partsOf(rowWork(work.kernel))));
    }
    const { kernel } = work;
    module.add(writeLoop(kernel, table, constants), name);
    return over(name, share(unitsOf(kernel), sharesValues(kernel) ? GRAIN : 1, partsOf(workOf(kernel))));
  });
  // Between two steps of the first thread alone nobody has to wait.
  return steps.map((parts, i) => {
    const next = steps[i + 1];
    return { parts, barrier: next !== undefined && (parts.length > 1 || next.length > 1) };
  });
}
