// Time to 99.0 % test accuracy on MNIST from a cold start, against PyTorch with the same network, batch and schedule:
//   npx tsx bench/time-to-accuracy.ts [--json] [--repeats N]
// Both train for the same number of epochs, the fewest with which both get there; each time is that of the whole process,
// with loading, and ours with report and export. GENCLASS_DATA holds mnist/; GENCLASS_TORCH as in bench/main.ts, with the
// folder as it sees it in GENCLASS_TORCH_DATA.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const GOAL = 0.99;
const { values } = parseArgs({ options: { json: { type: "boolean" }, repeats: { type: "string", default: "3" } } });
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const data = process.env.GENCLASS_DATA;
if (!data) throw new Error("GENCLASS_DATA is not set: expected the folder that holds mnist/");
const folder = mkdtempSync(join(tmpdir(), "genclass-time-"));
const [torch, ...torchArgs] = (process.env.GENCLASS_TORCH ?? "python3").split(" ");

interface Run {
  accuracy: number;
  seconds: number;
}

function timed(
  command: string,
  args: readonly string[],
  accuracyOf: (output: Record<string, unknown>) => unknown,
): Run {
  const begun = performance.now();
  const { stdout, status, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  const seconds = (performance.now() - begun) / 1000;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${stderr}`);
  return { seconds, accuracy: Number(accuracyOf(JSON.parse(stdout.slice(stdout.indexOf("{"))))) };
}

function ours(epochs: number, seed: number, precision: string): Run {
  const out = join(folder, `${precision}-${epochs}-${seed}`);
  const args = ["train", "vae", "--data", "mnist", "--epochs", `${epochs}`, "--seed", `${seed}`, "--backend", "onednn"];
  return timed(
    process.execPath,
    [here("../dist/cli/main.js"), ...args, "--precision", precision, "--out", out, "--json"],
    (output) => (output.metrics as Record<string, number>)["test/accuracy"],
  );
}

const theirs = (epochs: number, seed: number): Run =>
  timed(
    torch!,
    [
      ...torchArgs,
      here("peers/torch_vae.py"),
      `${process.env.GENCLASS_TORCH_DATA ?? data}/mnist`,
      `${epochs}`,
      `${seed}`,
    ],
    (output) => output.accuracy,
  );

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
      const pair: [Run, Run] = [ours(epochs, seed, "float32"), theirs(epochs, seed)];
      note("genclass, oneDNN", epochs, seed, pair[0]);
      note("PyTorch", epochs, seed, pair[1]);
      note("genclass, bf16", epochs, seed, ours(epochs, seed, "bf16"));
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
