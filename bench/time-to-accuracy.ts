// Time to an accuracy on the test part from a cold start, against PyTorch with the same network, batch, schedule and augmentation:
//   npx tsx bench/time-to-accuracy.ts [TASK] [--json] [--repeats N] [--minutes N] [--from N] [--goal SHARE] [--way NAME] [--float32]
// TASK: mnist (the vae, 99 %) or cifar10 (the fast net on the training pictures that are there, 90 %). Both sides train for the same
// number of epochs, the fewest of --from or more with which both get there. A time is from the start of the process, with
// loading, until it tells its test accuracy (ours with checkpoints, metrics of every head each epoch and the exported model;
// PyTorch's scripts validate accuracy). PyTorch computes in the way (eager, tuned, compiled: bench/peers/torch_variant.py) that a
// few steps of each say would end first, start and compilation counted, or as --way says. GENCLASS_DATA holds mnist/
// and cifar10/; GENCLASS_TORCH as in bench/main.ts, with the folder as it sees it in GENCLASS_TORCH_DATA. Ours in bfloat16 too, where
// the processor has it, but for --float32. It runs from dist/: npm run build. After --minutes a run is stopped, and what was found is told.
//
// What is not the same, beside random numbers: we measure the whitening layer, and hold pictures out, by our own draws.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { GenclassError, onednnBackend } from "../src/node.ts";

/** What both sides train. */
interface Task {
  /** Share of the test part that is to be right. */
  readonly goal: number;
  /** Epochs tried: first, last, and from one to the next. */
  readonly from: number;
  readonly to: number;
  readonly by: number;
  /** Arguments of `genclass train`, and the script in PyTorch. */
  readonly ours: readonly string[];
  readonly theirs: string;
}

const FAST_NET = ["cnn", "--set", "net=fast", "--augment", "mirror,shift=0.0625"];
const TASKS: Readonly<Record<string, Task>> = {
  mnist: { goal: 0.99, from: 1, to: 10, by: 1, ours: ["vae"], theirs: "torch_vae.py" },
  cifar10: { goal: 0.9, from: 16, to: 40, by: 4, ours: FAST_NET, theirs: "torch_fast_net.py" },
};
/** How PyTorch computes, by its flags. */
const WAYS: Readonly<Record<string, readonly string[]>> = { eager: [], tuned: ["--tuned"], compiled: ["--compiled"] };
/** Steps that a way is tried with. */
const TRIED_STEPS = 12;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean" },
    repeats: { type: "string", default: "3" },
    minutes: { type: "string", default: "1440" },
    from: { type: "string" },
    goal: { type: "string" },
    way: { type: "string" },
    float32: { type: "boolean" },
  },
});
const [name = "mnist"] = positionals;
const task = TASKS[name];
if (!task) throw new Error(`unknown task "${name}"; known: ${Object.keys(TASKS).join(", ")}`);
if (values.way && !(values.way in WAYS))
  throw new Error(`unknown way "${values.way}"; known: ${Object.keys(WAYS).join(", ")}`);
const goal = Number(values.goal ?? task.goal);
const stop = AbortSignal.timeout(60_000 * Number(values.minutes));
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const data = process.env.GENCLASS_DATA;
if (!data) throw new Error(`GENCLASS_DATA is not set: expected the folder that holds ${name}/`);
const folder = mkdtempSync(join(tmpdir(), "genclass-time-"));
const [torch, ...torchArgs] = (process.env.GENCLASS_TORCH ?? "python3").split(" ");

/** Whether the processor multiplies bfloat16. */
function hasBf16(): boolean {
  try {
    onednnBackend({ precision: "bf16" });
    return true;
  } catch (cause) {
    if (cause instanceof GenclassError && cause.code === "E_OPTION") return false;
    throw cause;
  }
}
const bf16 = !values.float32 && hasBf16();

/** Runs a command to its end; the time is until `read` finds in its output what is asked for. */
function timed<T>(
  command: string,
  args: readonly string[],
  read: (output: string) => T | undefined,
): Promise<T & { seconds: number }> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], signal: stop, killSignal: "SIGKILL" });
    let [output, errors] = ["", ""];
    let run: (T & { seconds: number }) | undefined;
    child.stdout.on("data", (chunk) => {
      output += chunk;
      const found = run ? undefined : read(output);
      if (found) run = { ...found, seconds: (performance.now() - begun) / 1000 };
    });
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.on("error", reject).on("close", (status) => {
      if (status === 0 && run) resolve(run);
      else reject(new Error(`${command} ${args.join(" ")} failed: ${errors}`));
    });
  });
}

/** What a run reaches; `version` is PyTorch's. */
interface Reached {
  accuracy: number;
  version?: string;
}
type Run = Reached & { seconds: number };

function ours(epochs: number, seed: number, precision: string): Promise<Run> {
  const out = join(folder, `${precision}-${epochs}-${seed}`);
  const args = ["--data", name, "--epochs", `${epochs}`, "--seed", `${seed}`, "--backend", "onednn"];
  const command = [
    here("../dist/cli/main.js"),
    "train",
    ...task!.ours,
    ...args,
    "--precision",
    precision,
    "--out",
    out,
  ];
  return timed<Reached>(process.execPath, command, (output) => {
    const told = /accuracy ([\d.]+) % on \d+ test pictures/.exec(output);
    return told ? { accuracy: 0.01 * Number(told[1]) } : undefined;
  });
}

function theirs<T>(way: string, epochs: number, seed: number, ...more: string[]): Promise<T & { seconds: number }> {
  const source = join(process.env.GENCLASS_TORCH_DATA ?? data!, name);
  const script = here(`peers/${task!.theirs}`);
  const command = [...torchArgs, script, source, `${epochs}`, `${seed}`, ...WAYS[way]!, ...more];
  return timed(torch!, command, (output) => (output.endsWith("\n") ? (JSON.parse(output) as T) : undefined));
}

/** The way in which PyTorch would be the first to end, by its start and the first steps of each. */
async function fastest(epochs: number): Promise<string> {
  const expected: [way: string, seconds: number][] = [];
  for (const way of Object.keys(WAYS)) {
    type Tried = { stepSeconds: number; steps: number; planned: number };
    const tried = await theirs<Tried>(way, epochs, 0, "--steps", `${TRIED_STEPS}`).catch((cause) => {
      if (stop.aborted) throw cause;
      // As compiled, where there is no compiler.
      return undefined;
    });
    if (!tried) continue;
    const { seconds, stepSeconds, steps, planned } = tried;
    expected.push([way, seconds + stepSeconds * (planned - steps)]);
    print(
      `PyTorch, ${way}: ${(1000 * stepSeconds).toFixed(0)} ms a step, some ${expected.at(-1)![1].toFixed(0)} s in all`,
    );
  }
  const [first] = expected.sort((a, b) => a[1] - b[1]);
  if (!first) throw new Error(`PyTorch does not run; GENCLASS_TORCH is a command that runs a script with it`);
  return first[0];
}

const rows: Record<string, number | string | undefined>[] = [];
function print(line: string): void {
  if (!values.json) process.stdout.write(`${line}\n`);
}
function note(who: string, epochs: number, seed: number, run: Run, way?: string): void {
  rows.push({ task: name, goal, who, way, epochs, seed, ...run });
  const { accuracy, seconds } = run;
  print(`${who.padEnd(20)} ${epochs} epochs  seed ${seed}  ${(100 * accuracy).toFixed(2)} %  ${seconds.toFixed(1)} s`);
}
const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;
const reach = (pair: readonly Run[]) => pair.every(({ accuracy }) => accuracy >= goal);

async function measure(from: number): Promise<void> {
  const way = values.way ?? (await fastest(from));
  for (let epochs = from; epochs <= Math.max(from, task!.to); epochs += task!.by) {
    const runs: [Run, Run][] = [];
    for (let seed = 0; seed < Number(values.repeats); seed++) {
      const mine = await ours(epochs, seed, "float32");
      note("genclass, oneDNN", epochs, seed, mine);
      const peer = await theirs<Reached>(way, epochs, seed);
      note("PyTorch", epochs, seed, peer, way);
      if (bf16) note("genclass, bf16", epochs, seed, await ours(epochs, seed, "bf16"));
      runs.push([mine, peer]);
      // One miss is enough to try more epochs.
      if (!reach([mine, peer])) break;
    }
    if (!runs.every(reach)) continue;
    const [mine, peer] = [0, 1].map((i) => median(runs.map((pair) => pair[i]!.seconds))) as [number, number];
    rows.push({ task: name, goal, who: "ratio of medians", epochs, ratio: mine / peer });
    print(`${epochs} epochs: ${mine.toFixed(1)} s / ${peer.toFixed(1)} s = ${(mine / peer).toFixed(2)}`);
    return;
  }
}

try {
  await measure(Number(values.from ?? task.from));
} catch (cause) {
  if (!stop.aborted) throw cause;
  print(`stopped after ${values.minutes} minutes`);
} finally {
  // A run that was stopped may have been writing.
  rmSync(folder, { recursive: true, maxRetries: 5 });
}
if (values.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
