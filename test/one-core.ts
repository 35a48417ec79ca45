// Set-up of test files that run beside each other (vitest.config.ts): each worker keeps to one of the cores that it may
// use, and so do the processes that it starts. Threads of the backends wait actively, and two processes on the same cores
// would keep each other waiting. Where there is no `taskset` (systems other than Linux) the files just share the cores.
import { spawnSync } from "node:child_process";

const own = String(process.pid);
const { status, stdout } = spawnSync("taskset", ["--cpu-list", "--pid", own], { encoding: "utf8" });
if (status === 0) {
  // "pid 17's current affinity list: 0,2-5"
  const cores = stdout
    .slice(stdout.lastIndexOf(":") + 1)
    .split(",")
    .flatMap((range) => {
      const [first, last = first] = range.trim().split("-").map(Number) as [number, number?];
      return Array.from({ length: last! - first + 1 }, (_, i) => first + i);
    });
  const core = cores[(Number(process.env.VITEST_POOL_ID ?? 1) - 1) % cores.length]!;
  spawnSync("taskset", ["--all-tasks", "--cpu-list", "--pid", String(core), own], { stdio: "ignore" });
}
