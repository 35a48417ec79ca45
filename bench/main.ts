// npm run bench: our jobs and the peers' interleaved in one run; ratio of medians, GFLOP/s, peak memory.
//   npm run bench -- [JOB …] [--json] [--rounds N] [--tuned] [--only NAME,NAME]
// Names: onednn, onednn-direct (without Winograd's convolutions), onednn-bf16, onnxruntime, torch, torch-tuned (fused Adam,
// channels last), torch-compiled (that and torch.compile, which needs a C++ compiler), tfjs-wasm, jax-js-wasm.
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
  options: {
    json: { type: "boolean" },
    rounds: { type: "string", default: "10" },
    tuned: { type: "boolean" },
    only: { type: "string" },
  },
});
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const NAMES = [...Object.keys(JOBS), "inference-1", "inference-256"];

const PAUSE_MS = 150;
const WAKING = 3;

interface Answer {
  ms: number[];
  peakMb: number;
  /** Of the library that computes; the peers in JavaScript do not tell it. */
  version?: string;
}

/** A worker process: asked for N timed runs, answers in one line. */
class Worker {
  private readonly process: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  readonly ms: number[] = [];
  peakMb = 0;
  version: string | null = null;

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
    // The first runs of a turn wake threads and fill caches, on every side: a step is timed as it is amid others.
    if (keep) this.ms.push(...answer.ms.slice(WAKING));
    this.peakMb = answer.peakMb;
    this.version = answer.version ?? null;
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

const ours = (job: string, backend: string) => () =>
  new Worker(process.execPath, ["--import", "tsx", here("worker.ts"), job, backend]);
const [torchCommand, ...torchArgs] = (process.env.GENCLASS_TORCH ?? "python3").split(" ");
const torch =
  (job: string, ...options: string[]) =>
  () =>
    new Worker(torchCommand!, [...torchArgs, here("peers/torch_worker.py"), job, ...options]);

/** TensorFlow.js and jax-js, once installed with npm ci --prefix bench/peers; their WebAssembly runs the MLP alone. */
const javascript = (library: string, job: string) => () =>
  new Worker(process.execPath, [here("peers/js_worker.mjs"), library, job]);

/** Starts the workers, and asks each in turn for some runs, round after round. Those that do not start are left out. */
async function interleave(job: string, starts: Record<string, () => Worker>): Promise<Map<string, Worker>> {
  const only = values.only?.split(",");
  const workers = Object.entries(starts)
    .filter(([name]) => only?.includes(name) ?? true)
    .map(([name, start]) => [name, start()] as const);
  const count =
    { "fine-tune": 5, "inference-1": 100, "mlp-vae": 60, matmul: 40, dcgan: 8, "a-net": 5, multiscale: 5 }[job] ?? 20;
  const alive = new Map<string, Worker>();
  for (const [name, worker] of workers) if (await worker.run(count, false)) alive.set(name, worker);
  for (let round = 0; round < Number(values.rounds); round++)
    for (const worker of alive.values()) await worker.run(count);
  for (const [, worker] of workers) worker.close();
  return alive;
}

/** Our backends that train, beside onnxruntime. */
const TRAINERS = ["onednn", "onednn-direct", "onednn-bf16"];

const TORCH = ["torch", "torch-tuned", "torch-compiled"];

/** Who is compared with whom: our backends with each peer, and with each other. */
const COMPARED: Readonly<Record<string, readonly string[]>> = {
  onednn: ["onednn-direct", ...TORCH, "onnxruntime", "tfjs-wasm", "jax-js-wasm"],
  "onednn-bf16": ["onednn", "torch"],
  onnxruntime: [...TORCH, "tfjs-wasm", "jax-js-wasm"],
};

const wanted = positionals.length > 0 ? positionals : NAMES;
const rows: Record<string, string | number | null>[] = [];
const rates = await interleave("matmul", { onednn: ours("matmul", "onednn"), onnxruntime: ours("matmul", "onnx") });
const machine = (2 * 1024 ** 3) / Math.min(...[...rates.values()].map((worker) => worker.median)) / 1e6;
if (!values.json) process.stdout.write(`1024x1024 product: ${machine.toFixed(0)} GFLOP/s\n`);
for (const job of wanted) {
  if (!NAMES.includes(job)) throw new Error(`unknown job "${job}"; known: ${NAMES.join(", ")}`);
  const trains = job in JOBS;
  const workers = await interleave(job, {
    // Trained models run on onnxruntime, whatever trained them.
    ...(trains ? Object.fromEntries(TRAINERS.map((backend) => [backend, ours(job, backend)])) : {}),
    onnxruntime: ours(job, "onnx"),
    torch: torch(job),
    ...(values.tuned ? { "torch-tuned": torch(job, "--tuned"), "torch-compiled": torch(job, "--compiled") } : {}),
    ...(job === "mlp-vae" && existsSync(here("peers/node_modules"))
      ? { "tfjs-wasm": javascript("tfjs", job), "jax-js-wasm": javascript("jax", job) }
      : {}),
  });
  const flops = JOBS[job]?.().flops;
  for (const [backend, peers] of Object.entries(COMPARED)) {
    const mine = workers.get(backend);
    if (!mine) continue;
    const gflops = flops ? flops / mine.median / 1e6 : null;
    const base = {
      job,
      backend,
      version: mine.version,
      ours_ms: mine.median,
      gflops,
      gflops_matmul: machine,
      peak_mb: mine.peakMb,
    };
    const found = peers.flatMap((peer) => {
      const worker = workers.get(peer);
      if (!worker) return [];
      const ratio = mine.median / worker.median;
      return [
        { ...base, peer, peer_version: worker.version, peer_ms: worker.median, ratio, peer_peak_mb: worker.peakMb },
      ];
    });
    const alone = { ...base, peer: null, peer_version: null, peer_ms: null, ratio: null, peer_peak_mb: null };
    const all = found.length > 0 ? found : [alone];
    rows.push(...all);
    if (!values.json) for (const row of all) print(row);
  }
}

function print(row: Record<string, string | number | null>): void {
  const number = (name: string, digits: number) => Number(row[name]).toFixed(digits);
  const peer = row.peer === null ? "no peer" : `${String(row.peer).padEnd(12)} ${number("peer_ms", 2).padStart(8)} ms`;
  const ratio = row.ratio === null ? "" : `ratio ${number("ratio", 2)}`;
  const rate = row.gflops === null ? "" : `${number("gflops", 0)} GFLOP/s`;
  const memory = `peak ${number("peak_mb", 0)}${row.peer_peak_mb === null ? "" : ` / ${number("peer_peak_mb", 0)}`} MB`;
  const mine = `${String(row.backend).padEnd(12)} ${number("ours_ms", 2).padStart(8)} ms`;
  process.stdout.write(`${String(row.job).padEnd(14)} ${mine}  ${peer}  ${ratio}  ${rate}  ${memory}\n`);
}
if (values.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
