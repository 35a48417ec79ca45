// Whether memory stays flat: npx tsx bench/memory.ts [JOB] [STEPS]. Resident memory after a tenth of the steps and at the end.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const [job = "conv-vae", steps = "2000"] = process.argv.slice(2);
const worker = spawn(process.execPath, ["--import", "tsx", fileURLToPath(new URL("worker.ts", import.meta.url)), job], {
  stdio: ["pipe", "pipe", "inherit"],
});
const lines = createInterface({ input: worker.stdout })[Symbol.asyncIterator]();
const megabytes = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${worker.pid}/status`, "utf8"))![1]) / 1024;
const run = async (count: number) => {
  worker.stdin.write(`run ${count}\n`);
  await lines.next();
  return megabytes();
};
const early = await run(Math.floor(Number(steps) / 10));
const late = await run(Number(steps) - Math.floor(Number(steps) / 10));
worker.stdin.end();
process.stdout.write(
  `${job}: ${early.toFixed(0)} MB after ${Math.floor(Number(steps) / 10)} steps, ${late.toFixed(0)} MB after ${steps}: ${((100 * (late - early)) / early).toFixed(1)} %\n`,
);
