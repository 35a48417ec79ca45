// What this machine computes with the backend that trains, as budgets of results are read against.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { RunFolder } from "../src/node.ts";

/** The built command line. */
export const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** What `genclass doctor` tells now: beside other work it is less. */
export function measured(): { trainsWith: string; gflops: number } {
  const { backends, trainsWith } = JSON.parse(
    execFileSync(process.execPath, [MAIN, "doctor", "--json"], { encoding: "utf8" }),
  ) as { backends: { name: string; gflops: number }[]; trainsWith: string };
  return { trainsWith, gflops: backends.find(({ name }) => name === trainsWith)!.gflops };
}

/** How long a run was trained, in minutes, and what this machine computes, which is to be the one that trained it. */
export function training(run: RunFolder): { minutes: string; gflops: string } {
  const seconds = run.events().findLast((event) => event.type === "end")?.seconds ?? 0;
  return { minutes: (seconds / 60).toFixed(1), gflops: measured().gflops.toFixed(0) };
}
