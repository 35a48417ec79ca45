// Faults in the system calls that change files: one that fails, one that is done by half, or a process that dies at one.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/** The calls that change files. */
const CALLS = [
  "mkdirSync",
  "openSync",
  "writeSync",
  "fsyncSync",
  "renameSync",
  "linkSync",
  "copyFileSync",
  "appendFileSync",
  "truncateSync",
  "rmSync",
] as const;
/** The name of a call. */
export type Call = (typeof CALLS)[number];

/**
 * `fails`: the call does nothing and throws. `short`: a write does half of its work before the disk is full, anything else
 * fails. `dies`: neither this call nor any after it does anything, as if the process had been killed there. `killed`: it is.
 */
export type Fault = "fails" | "short" | "dies" | "killed";

type Work = (...args: unknown[]) => unknown;
/** Of any type: each call is only handed on. */
const files: object = fs;

/**
 * Does `work` with a fault at its call number `at` (from 1; 0: none).
 * @returns the calls that were asked for, and what `work` threw, if it did
 */
export async function withFault(
  fault: Fault,
  at: number,
  work: () => Promise<void>,
): Promise<{ readonly calls: readonly Call[]; readonly thrown: unknown }> {
  const calls: Call[] = [];
  const originals = CALLS.map((name): Work => Reflect.get(files, name));
  let isFull = false;
  for (const [i, name] of CALLS.entries())
    Reflect.set(fs, name, (...args: unknown[]) => {
      // Opened to be read, a file stays as it is, and no disk is full for it.
      if (name === "openSync" && (args[1] ?? "r") === "r") return originals[i]!(...args);
      const count = calls.push(name);
      const isHit = at > 0 && (fault === "dies" ? count >= at : count === at);
      if (fault === "killed" && isHit) process.kill(process.pid, "SIGKILL");
      if (fault === "short" && isHit && name === "writeSync") {
        // What could be written is told; the next write finds the disk full.
        isFull = true;
        return halfWritten(originals[i]!, args);
      }
      if (fault === "short" && isHit && name === "appendFileSync") halfAppended(originals[i]!, args);
      if (isHit || (isFull && name === "writeSync")) {
        isFull = false;
        throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      }
      return originals[i]!(...args);
    });
  syncBuiltinESMExports();
  try {
    await work();
    return { calls, thrown: undefined };
  } catch (thrown) {
    return { calls, thrown };
  } finally {
    for (const [i, name] of CALLS.entries()) Reflect.set(fs, name, originals[i]);
    syncBuiltinESMExports();
  }
}

function halfWritten(write: Work, [handle, bytes, from]: readonly unknown[]): unknown {
  if (!(bytes instanceof Uint8Array) || typeof from !== "number") throw new Error("another form of writeSync");
  return write(handle, bytes, from, Math.ceil((bytes.byteLength - from) / 2));
}

function halfAppended(append: Work, [file, data]: readonly unknown[]): void {
  const bytes = Buffer.from(data as string | Uint8Array);
  append(file, bytes.subarray(0, bytes.length / 2));
}
