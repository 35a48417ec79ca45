// npm run bench: our jobs and the peers' interleaved in one run; ratio of medians, GFLOP/s, peak memory.
//   npm run bench -- [JOB …] [--json] [--rounds N] [--tuned]
// GENCLASS_TORCH: a command that runs a Python script with PyTorch (default: python3). Peers that do not start are left out.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { JOBS } from "./jobs.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean" }, rounds: { type: "string", default: "10" }, tuned: { type: "boolean" } },
});
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const NAMES = [...Object.keys(JOBS), "inference-1", "inference-256"];

const PAUSE_MS = 150;

interface Answer {
  ms: number[];
  peakMb: number;
}

/** A worker process: asked for N timed runs, answers in one line. */
class Worker {
  private readonly process: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  readonly ms: number[] = [];
  peakMb = 0;

  constructor(command: string, args: readonly string[]) {
    this.process = spawn(command, args, { stdio: ["pipe", "pipe", process.env.GENCLASS_DEBUG ? "inherit" : "ignore"] });
    this.process.on("error", () => {});
    this.process.stdin!.on("error", () => {});
    this.lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
  }

  /** @returns false when the worker is gone */
  async run(count: number, keep = true): Promise<boolean> {
    // The worker before may still hold a core: its threads wait actively for a while.
    await setTimeout(PAUSE_MS);
    this.process.stdin!.write(`run ${count}\n`);
    const { value, done } = await this.lines.next();
    if (done) return false;
    const answer = JSON.parse(value) as Answer;
    // The first runs of a turn wake threads and fill caches, on every side.
    if (keep) this.ms.push(...answer.ms.slice(1));
    this.peakMb = answer.peakMb;
    return true;
  }

  get median(): number {
    const sorted = [...this.ms].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)]!;
  }

  close(): void {
    this.process.stdin!.end();
  }
}

const ours = (job: string) => new Worker(process.execPath, ["--import", "tsx", here("worker.ts"), job]);
const [torchCommand, ...torchArgs] = (process.env.GENCLASS_TORCH ?? "python3").split(" ");
const torch = (job: string, tuned: boolean) =>
  new Worker(torchCommand!, [...torchArgs, here("peers/torch_worker.py"), job, ...(tuned ? ["--tuned"] : [])]);

/** TensorFlow.js and jax-js, once installed with npm ci --prefix bench/peers; their WebAssembly runs the MLP alone. */
const javascript = (library: string, job: string) =>
  new Worker(process.execPath, [here("peers/js_worker.mjs"), library, job]);

async function compare(job: string, peers: Record<string, () => Worker>) {
  const mine = ours(job);
  const others = Object.entries(peers).map(([name, start]) => [name, start()] as const);
  const count = { "inference-1": 100, "mlp-vae": 25 }[job] ?? 6;
  if (!(await mine.run(count, false))) throw new Error(`${job}: our worker stopped`);
  const alive: (readonly [string, Worker])[] = [];
  for (const peer of others) if (await peer[1].run(count, false)) alive.push(peer);
  for (let round = 0; round < Number(values.rounds); round++) {
    await mine.run(count);
    for (const [, worker] of alive) await worker.run(count);
  }
  mine.close();
  for (const [, worker] of others) worker.close();
  return { mine, alive };
}

const wanted = positionals.length > 0 ? positionals : NAMES;
const rows: Record<string, string | number | null>[] = [];
const rate = await compare("matmul", {});
const machine = (2 * 1024 ** 3) / rate.mine.median / 1e6;
if (!values.json) process.stdout.write(`1024x1024 product: ${machine.toFixed(0)} GFLOP/s\n`);
for (const job of wanted) {
  if (!NAMES.includes(job)) throw new Error(`unknown job "${job}"; known: ${NAMES.join(", ")}`);
  const { mine, alive } = await compare(job, {
    torch: () => torch(job, false),
    ...(values.tuned ? { "torch-tuned": () => torch(job, true) } : {}),
    ...(job === "mlp-vae" && existsSync(here("peers/node_modules"))
      ? { "tfjs-wasm": () => javascript("tfjs", job), "jax-js-wasm": () => javascript("jax", job) }
      : {}),
  });
  const flops = JOBS[job]?.().flops;
  const gflops = flops ? flops / mine.median / 1e6 : null;
  const base = {
    job,
    backend: "onnxruntime-node",
    ours_ms: mine.median,
    gflops,
    gflops_matmul: machine,
    peak_mb: mine.peakMb,
  };
  const found = alive.map(([peer, worker]) => ({
    ...base,
    peer,
    peer_ms: worker.median,
    ratio: mine.median / worker.median,
    peer_peak_mb: worker.peakMb,
  }));
  rows.push(...(found.length > 0 ? found : [{ ...base, peer: null, peer_ms: null, ratio: null, peer_peak_mb: null }]));
  if (!values.json)
    for (const row of rows.slice(-Math.max(1, found.length)))
      process.stdout.write(
        `${job.padEnd(14)} ours ${mine.median.toFixed(2).padStart(8)} ms  ${String(row.peer ?? "no peer").padEnd(11)} ${row.peer_ms === null ? "" : `${Number(row.peer_ms).toFixed(2).padStart(8)} ms  ratio ${Number(row.ratio).toFixed(2)}`}  ${gflops ? `${gflops.toFixed(0)} GFLOP/s` : ""}  peak ${mine.peakMb.toFixed(0)} MB${row.peer ? ` / ${Number(row.peer_peak_mb).toFixed(0)} MB` : ""}\n`,
      );
}
if (values.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
