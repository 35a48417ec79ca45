// What memory a command takes: npx tsx results/peak.ts ARGUMENTS OF GENCLASS adds a line to results/peak.csv with the largest resident memory
// of its process, its seconds, and, of a training with --out, the median of its images/s. Linux.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { quantile } from "../src/metrics/quantile.ts";
import { RunFolder } from "../src/node.ts";
import { addRow, commit } from "./csv.ts";
import { MAIN, measured } from "./machine.ts";

const given = process.argv.slice(2);
const { gflops } = measured();
const begun = performance.now();
const running = spawn(process.execPath, [MAIN, ...given], { stdio: ["ignore", "ignore", "inherit"] });
let peak = "";
const timer = setInterval(() => {
  // Of a process that ends there is no such line any more.
  peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${running.pid}/status`, "utf8"))?.[1] ?? peak;
}, 500);
const [status] = await once(running, "exit");
clearInterval(timer);
if (peak === "") throw new Error(`genclass ${given.join(" ")} ended before its memory was looked at`);
if (status !== 0) throw new Error(`genclass ${given.join(" ")} ended with ${status}`);
const { values } = parseArgs({ args: given, strict: false, options: { out: { type: "string" } } });
const rates = typeof values.out === "string" ? ratesOf(values.out) : [];
addRow("peak.csv", {
  ...{ peak_mb: (Number(peak) / 1024).toFixed(0), seconds: ((performance.now() - begun) / 1000).toFixed(0) },
  ...{ images_per_second: rates.length > 0 ? quantile(Float64Array.from(rates), 0.5).toFixed(1) : "" },
  ...{ gflops: gflops.toFixed(0), commit: commit(), command: `genclass ${given.join(" ")}` },
});

/** Images a second at each step that a run tells of. */
function ratesOf(path: string): number[] {
  return RunFolder.open(path)
    .events()
    .flatMap((event) => (event.type === "step" && event.imagesPerSecond > 0 ? [event.imagesPerSecond] : []));
}
