// Whether the backend matters for what is learned: MNIST, all labels, ten epochs, three seeds on each.
//   npx tsx results/backends.ts [BACKEND:SEED …] writes results/backends.csv; a line of the same backend and seed is replaced.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { putRow } from "./csv.ts";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const BACKENDS: Readonly<Record<string, readonly string[]>> = {
  onnx: ["--backend", "onnx"],
  onednn: ["--backend", "onednn"],
  "onednn-bf16": ["--backend", "onednn", "--precision", "bf16"],
};
const SEEDS = [0, 1, 2];

const wanted = process.argv.slice(2);
for (const seed of SEEDS)
  for (const [backend, options] of Object.entries(BACKENDS)) {
    if (wanted.length > 0 && !wanted.includes(`${backend}:${seed}`)) continue;
    const folder = join("runs", "results", `backend-${backend}-${seed}`);
    rmSync(folder, { recursive: true, force: true });
    const args = ["train", "vae", "--data", "mnist", "--epochs", "10", "--seed", `${seed}`, ...options];
    process.stderr.write(`genclass ${args.join(" ")}\n`);
    const { stdout, status } = spawnSync(process.execPath, [MAIN, ...args, "--out", folder, "--json"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (status !== 0) throw new Error(`genclass ${args.join(" ")} failed`);
    const { metrics, seconds } = JSON.parse(stdout) as { metrics: Record<string, number>; seconds: number };
    const row = {
      backend,
      seed,
      accuracy: metrics["test/accuracy"]!,
      nll: metrics["test/nll"]!.toPrecision(5),
      mse: metrics["test/mse"]!.toPrecision(5),
      seconds: seconds.toFixed(0),
      command: `genclass ${args.join(" ")}`,
    };
    putRow("backends.csv", row, 2);
  }
