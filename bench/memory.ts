// Whether memory stays flat.
//   npx tsx bench/memory.ts [JOB] [STEPS] [BACKEND]   resident memory after a tenth of the steps and at the end
//   npx tsx bench/memory.ts programs [COUNT]          after a fifth of so many programs made, run and dropped, and after all
// BACKEND: onednn (default) or onnx.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const [job = "conv-vae", steps = job === "programs" ? "50" : "2000", backend = "onednn"] = process.argv.slice(2);
const worker = spawn(
  process.execPath,
  ["--expose-gc", "--import", "tsx", fileURLToPath(new URL("worker.ts", import.meta.url)), job, backend],
  { stdio: ["pipe", "pipe", "inherit"] },
);
const lines = createInterface({ input: worker.stdout })[Symbol.asyncIterator]();
const megabytes = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${worker.pid}/status`, "utf8"))![1]) / 1024;
const run = async (count: number) => {
  worker.stdin.write(`run ${count}\n`);
  await lines.next();
  return megabytes();
};
const first = Math.floor(Number(steps) / (job === "programs" ? 5 : 10));
const early = await run(first);
const late = await run(Number(steps) - first);
worker.stdin.end();
process.stdout.write(
  `${job}, ${backend}: ${early.toFixed(0)} MB after ${first}, ${late.toFixed(0)} MB after ${steps}: ${((100 * (late - early)) / early).toFixed(1)} %\n`,
);
