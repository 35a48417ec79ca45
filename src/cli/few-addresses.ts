// Where the system grants a process few addresses (ulimit -v), V8 cannot keep 10 GB of them free around each memory of WebAssembly,
// as it does to need no checks of bounds. The command line then starts itself once more, with the checks.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { MOST_ADDRESSES, WITH_CHECKS } from "../base/addresses.ts";

/** Bytes of addresses that this process may have; Infinity where the system sets no limit. */
function addressLimit(): number {
  // Linux alone tells, and enforces, such a limit.
  const file = "/proc/self/limits";
  const limit = existsSync(file) ? /^Max address space\s+(\d+)/m.exec(readFileSync(file, "utf8"))?.[1] : undefined;
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}

/**
 * Starts this command again with checks of bounds, where there are too few addresses to do without.
 * @returns its exit code; undefined where this process can do the work, or could not do it better in another
 */
export async function restartedWithChecks(): Promise<number | undefined> {
  const isSet = process.execArgv.includes(WITH_CHECKS) || process.env.NODE_OPTIONS?.includes(WITH_CHECKS);
  if (addressLimit() >= MOST_ADDRESSES || isSet || !process.allowedNodeEnvironmentFlags.has(WITH_CHECKS))
    return undefined;
  // In a process group of its own, so that Ctrl-C reaches it once, through this one.
  const child = spawn(process.execPath, [WITH_CHECKS, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: "inherit",
    detached: true,
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
