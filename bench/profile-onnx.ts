// Where the time of a job's step goes on onnxruntime, by op and by node: the least of N rounds, one thread.
//   npx tsx bench/profile-onnx.ts JOB … (profiled.ts has the options)
// "beside the nodes" is the processor time of a run that no node takes: calls, values bound, the
// profile itself. The whole step is on onnxruntime here, its end too, which kernels of our own compute otherwise (src/runtime/tail.ts).
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NdArray, zeros } from "../src/base/array.ts";
import { simplify } from "../src/graph/simplify.ts";
import { isInput, type Tensor, topological } from "../src/graph/tensor.ts";
import { lower } from "../src/onnx/lower.ts";
import { encodeModel } from "../src/onnx/schema.ts";
import { nativeLibrary } from "../src/runtime/native-library.ts";
import { randomInput } from "./inputs.ts";
import { costLine, profiled } from "./profiled.ts";

const { rounds, top, winograd, phases } = profiled();

/** What the library tells of a node or a run. */
interface TraceEvent {
  readonly name: string;
  readonly cat: string;
  /** µs */
  readonly dur: number;
  readonly args: { readonly op_name?: string; readonly output_type_shape?: readonly Record<string, number[]>[] };
}
/** Of a node: its op and results, and the least ms that it took. */
interface Cost {
  readonly op: string;
  readonly text: string;
  readonly ms: number;
}

/** What a phase's nodes cost, and last what a run takes beside them. */
async function profile(name: string, outputs: Readonly<Record<string, Tensor>>): Promise<Cost[]> {
  const names = Object.keys(outputs);
  const nodes = simplify(Object.values(outputs));
  const results = Object.fromEntries(names.map((key, i) => [key, nodes[i]!]));
  const model = lower(name, results, { mode: "train", winograd });
  const feeds: Record<string, NdArray> = {};
  for (const { attrs, shape, dtype } of topological(nodes).filter(isInput))
    feeds[attrs.name] = randomInput(attrs.name, shape, dtype);
  const into = Object.fromEntries(Object.entries(results).map(([key, { shape, dtype }]) => [key, zeros(shape, dtype)]));
  const folder = mkdtempSync(join(tmpdir(), "genclass-profile-"));
  try {
    const executable = nativeLibrary().load(encodeModel(model), 1, join(folder, "profile"));
    let whole = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round++) {
      const begun = process.cpuUsage();
      await executable.run(feeds, into);
      const { user, system } = process.cpuUsage(begun);
      whole = Math.min(whole, (user + system) / 1000);
    }
    await executable.dispose();
    const events = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), "utf8")) as TraceEvent[];
    const costs = new Map<string, Cost>();
    for (const { name: event, cat, dur, args } of events) {
      if (cat !== "Node" || !event.endsWith("_kernel_time")) continue;
      const { op_name: op = "?", output_type_shape: shapes = [] } = args;
      const ms = Math.min(dur / 1000, costs.get(event)?.ms ?? Number.POSITIVE_INFINITY);
      const text = `${op} -> ${shapes.flatMap((of) => Object.values(of).map((shape) => `[${shape}]`)).join(", ")}`;
      costs.set(event, { op, text, ms });
    }
    const list = [...costs.values()];
    const beside = whole - list.reduce((sum, { ms }) => sum + ms, 0);
    return [...list, { op: "beside the nodes", text: `beside the nodes of ${name}`, ms: beside }];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const all: Cost[] = [];
for (const { name, outputs } of phases) all.push(...(await profile(name, outputs)));
const total = all.reduce((sum, { ms }) => sum + ms, 0);
const line = costLine(total, 3);
const ops = new Map<string, { ms: number; count: number }>();
for (const { op, ms } of all) {
  const known = ops.get(op) ?? { ms: 0, count: 0 };
  ops.set(op, { ms: known.ms + ms, count: known.count + 1 });
}
line(total, "all");
for (const [op, { ms, count }] of [...ops].sort((a, b) => b[1].ms - a[1].ms)) line(ms, `${op} (${count})`);
process.stdout.write("\n");
for (const { ms, text } of all.sort((a, b) => b.ms - a.ms).slice(0, top)) line(ms, text);
