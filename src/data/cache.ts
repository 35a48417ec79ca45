// The folder for what can be made again: downloads, decoded pictures. A file in it is made as a draft, and gets its name when it
// is whole.
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { cachePath } from "../base/cache-path.ts";
import { fail } from "../base/errors.ts";

/**
 * The path of a folder of the cache, which is made when it is missing.
 * @param parts names of folders below it, the outermost first
 * @throws `E_WRITE` when it cannot be made
 */
export function cacheFolder(...parts: string[]): string {
  const folder = cachePath(process.env, ...parts);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    fail(
      "E_WRITE",
      `the cache folder ${folder} could not be made (${(cause as Error).message}); set GENCLASS_CACHE to another folder`,
      cause,
    );
  }
  return folder;
}

/** Milliseconds after which a draft of another machine is nobody's. */
const ABANDONED = 7 * 24 * 3600 * 1000;
const DRAFT = /\.([^.]+)-(\d+)-\d+\.draft$/;
/** Name of this machine, without what separates the parts of a draft's name. */
const MACHINE = hostname().replace(/[^A-Za-z0-9_]/g, "_");
let drafts = 0;

/**
 * A path for a file or folder in a folder of the cache while it is made; no other draft has it. Drafts that killed processes left in the
 * folder are removed.
 */
export function draftIn(folder: string, name: string): string {
  for (const file of readdirSync(folder))
    if (isAbandoned(folder, file)) rmSync(join(folder, file), { force: true, recursive: true });
  return newDraft(folder, name);
}

const newDraft = (folder: string, name: string): string =>
  join(folder, `${name}.${MACHINE}-${process.pid}-${++drafts}.draft`);

/**
 * As `draftIn`, with what a process has left of the same file, if one did: of several, that of one alone.
 * @param part where it is left by who gives up; a killed process leaves its draft
 */
export function draftLeftIn(folder: string, name: string, part: string): string {
  const draft = newDraft(folder, name);
  const left = readdirSync(folder).filter((file) => file.startsWith(`${name}.`) && isAbandoned(folder, file));
  for (const file of [part, ...left.map((other) => join(folder, other))])
    try {
      // Who renames a file has it: for the others it is not there.
      renameSync(file, draft);
      break;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    }
  return draft;
}

function isAbandoned(folder: string, file: string): boolean {
  const [, machine, pid] = DRAFT.exec(file) ?? [];
  if (machine === MACHINE) return !lives(Number(pid));
  const state = machine === undefined ? undefined : statSync(join(folder, file), { throwIfNoEntry: false });
  return state !== undefined && Date.now() - state.mtimeMs > ABANDONED;
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    // EPERM: it is another user's.
    return (cause as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Gives a whole draft its name, so that after a crash of the machine it is there with all its bytes, or not at all. */
export function finishDraft(draft: string, file: string): void {
  sync(draft);
  renameSync(draft, file);
  // Windows has no handles of folders.
  if (process.platform !== "win32") sync(dirname(file));
}

function sync(path: string): void {
  const handle = openSync(path, process.platform === "win32" ? "r+" : "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
