// Time to 99.0 % test accuracy on MNIST from a cold start, against PyTorch with the same network, batch and schedule:
//   npx tsx bench/time-to-accuracy.ts [--json] [--repeats N]
// Both train for the same number of epochs, the fewest with which both get there; each time is from the start of the process,
// with loading, until it tells its test accuracy (ours with checkpoints, metrics of every head each epoch and the exported
// model; PyTorch's script validates accuracy). GENCLASS_DATA holds mnist/; GENCLASS_TORCH as in bench/main.ts, with the folder
// as it sees it in GENCLASS_TORCH_DATA. Ours in bfloat16 too, where the processor has it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { GenclassError, onednnBackend } from "../src/node.ts";

const GOAL = 0.99;
const { values } = parseArgs({ options: { json: { type: "boolean" }, repeats: { type: "string", default: "3" } } });
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const data = process.env.GENCLASS_DATA;
if (!data) throw new Error("GENCLASS_DATA is not set: expected the folder that holds mnist/");
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
const bf16 = hasBf16();

interface Run {
  accuracy: number;
  seconds: number;
}

/** Runs a command to its end; the time is until its output has told the accuracy, in per cent or as a share. */
function timed(command: string, args: readonly string[], told: RegExp, scale: number): Promise<Run> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let [output, errors] = ["", ""];
    let run: Run | undefined;
    child.stdout.on("data", (chunk) => {
      output += chunk;
      const found = told.exec(output);
      if (found) run ??= { accuracy: scale * Number(found[1]), seconds: (performance.now() - begun) / 1000 };
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

function ours(epochs: number, seed: number, precision: string): Promise<Run> {
  const out = join(folder, `${precision}-${epochs}-${seed}`);
  const args = ["train", "vae", "--data", "mnist", "--epochs", `${epochs}`, "--seed", `${seed}`, "--backend", "onednn"];
  const main = here("../dist/cli/main.js");
  const told = /accuracy ([\d.]+) % on \d+ test pictures/;
  return timed(process.execPath, [main, ...args, "--precision", precision, "--out", out], told, 0.01);
}

function theirs(epochs: number, seed: number): Promise<Run> {
  const script = here("peers/torch_vae.py");
  const mnist = `${process.env.GENCLASS_TORCH_DATA ?? data}/mnist`;
  return timed(torch!, [...torchArgs, script, mnist, `${epochs}`, `${seed}`], /"accuracy": ([\d.]+)/, 1);
}

const rows: Record<string, number | string | boolean>[] = [];
const note = (who: string, epochs: number, seed: number, { accuracy, seconds }: Run) => {
  rows.push({ who, epochs, seed, accuracy, seconds });
  if (!values.json)
    process.stdout.write(
      `${who.padEnd(20)} ${epochs} epochs  seed ${seed}  ${(100 * accuracy).toFixed(2)} %  ${seconds.toFixed(1)} s\n`,
    );
};
const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;
try {
  for (let epochs = 1; epochs <= 10; epochs++) {
    const runs: [Run, Run][] = [];
    for (let seed = 0; seed < Number(values.repeats); seed++) {
      const pair: [Run, Run] = [await ours(epochs, seed, "float32"), await theirs(epochs, seed)];
      note("genclass, oneDNN", epochs, seed, pair[0]);
      note("PyTorch", epochs, seed, pair[1]);
      if (bf16) note("genclass, bf16", epochs, seed, await ours(epochs, seed, "bf16"));
      runs.push(pair);
      // One miss is enough to try more epochs.
      if (pair.some(({ accuracy }) => accuracy < GOAL)) break;
    }
    if (runs.some((pair) => pair.some(({ accuracy }) => accuracy < GOAL))) continue;
    const [mine, peer] = [0, 1].map((i) => median(runs.map((pair) => pair[i]!.seconds))) as [number, number];
    rows.push({ who: "ratio of medians", epochs, ratio: mine / peer });
    if (!values.json)
      process.stdout.write(
        `${epochs} epochs: ${mine.toFixed(1)} s / ${peer.toFixed(1)} s = ${(mine / peer).toFixed(2)}\n`,
      );
    break;
  }
} finally {
  rmSync(folder, { recursive: true });
}
if (values.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
