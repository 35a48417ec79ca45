// Where the time of a job's step goes on oneDNN, by kind of work and by step of the plan: the least of N rounds, one thread.
//   npx tsx bench/profile.ts JOB … (profiled.ts has the options)
// Kernels and primitives run here as compute threads run them, but for the main thread's work and waiting beside.
import type { Tensor } from "../src/graph/tensor.ts";
import { Holder } from "../src/runtime/onednn/api.ts";
import { prepare } from "../src/runtime/onednn/backend.ts";
import { compile } from "../src/runtime/onednn/compile.ts";
import { engineFor } from "../src/runtime/onednn/engine.ts";
import { executor, type Kernels, workOf } from "../src/runtime/onednn/part.ts";
import type { Resources, Step, Value } from "../src/runtime/onednn/steps.ts";
import { flushSubnormals } from "../src/runtime/onednn/subnormal.ts";
import { randomInput } from "./inputs.ts";
import { costLine, profiled } from "./profiled.ts";

const { rounds, top, winograd, phases } = profiled();
const engine = engineFor(1);
const { heap, onednn } = engine;
flushSubnormals();

/** What a step is of. */
function kindOf({ name, work }: Step): string {
  if (work.kind === "chains" || /(to|from) points$/.test(name)) return "convolutions in tiles";
  if (work.kind !== "native") return "our passes";
  if (name.startsWith("conv2d")) return "convolutions";
  return name.startsWith("matmul") ? "matrix products" : "reorders";
}

/** Places a value, filled where it is given from outside. */
function place(table: number, workspace: number, value: Value): void {
  const { input, output, constant, type, bytes, memories, slot } = value;
  const own = input !== undefined || output !== undefined || constant !== undefined;
  const offset = own ? heap.allocate(bytes) : workspace + value.offset;
  const array = constant ?? (input !== undefined && type ? randomInput(input, type.shape, type.dtype) : undefined);
  if (array) heap.values(array.dtype, offset, array.data.length).set(array.data);
  heap.values("int32", table + 4 * slot, 1)[0] = offset;
  for (const { memory, skip } of memories) onednn.place(memory, heap.address(offset + skip));
}

/** The least time of every step of a phase, in ms. */
async function profile(outputs: Readonly<Record<string, Tensor>>): Promise<[Step, number][]> {
  const resources: Resources = {
    onednn,
    heap,
    threads: engine.threads,
    precision: "float32",
    winograd,
    holder: new Holder(),
    regions: [],
  };
  const compiled = await compile(prepare(outputs), new Map(), resources);
  const workspace = heap.allocate(compiled.workspaceBytes);
  heap.values("uint8", workspace, compiled.workspaceBytes).fill(0);
  for (const value of compiled.values) place(compiled.table, workspace, value);
  const kernels = compiled.module
    ? (new WebAssembly.Instance(compiled.module, { env: { memory: heap.memory } }).exports as Kernels)
    : {};
  const execute = executor(onednn.library.handle, onednn.stream);
  const works = compiled.planSteps.map(({ parts }) => parts.map((part) => workOf(part, kernels, execute, 0)));
  const least = new Array<number>(works.length).fill(Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round++)
    works.forEach((parts, i) => {
      const begun = performance.now();
      for (const work of parts) if (work() !== 0) throw new Error(`"${compiled.steps[i]!.name}" failed`);
      least[i] = Math.min(least[i]!, performance.now() - begun);
    });
  return compiled.steps.map((step, i) => [step, least[i]!]);
}

const all: [Step, number][] = [];
for (const { outputs } of phases) all.push(...(await profile(outputs)));
const total = all.reduce((sum, [, ms]) => sum + ms, 0);
const line = costLine(total, 2);
const kinds = new Map<string, number>();
for (const [step, ms] of all) kinds.set(kindOf(step), (kinds.get(kindOf(step)) ?? 0) + ms);
line(total, "all");
for (const [kind, ms] of [...kinds].sort((a, b) => b[1] - a[1])) line(ms, kind);
process.stdout.write("\n");
const largest = all.sort((a, b) => b[1] - a[1]).slice(0, top);
for (const [{ name }, ms] of largest) line(ms, name);
