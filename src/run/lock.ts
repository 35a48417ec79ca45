// The lock of a run folder: one process trains in it at a time. A lock whose process is gone is taken over.
import { existsSync, readFileSync, renameSync, statSync, utimesSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { fail } from "../base/errors.ts";
import { refuseUnwritten } from "../base/writing.ts";
import { createAtomically, cutBack, DRAFT } from "./files.ts";

/** The name of the lock in its folder. */
export const LOCK_FILE = "lock.json";

const holderSchema = z.object({ pid: z.number(), host: z.string(), time: z.string() });
/** Who trains in a run folder, and since when (ISO 8601). */
type Holder = z.infer<typeof holderSchema>;

/** Minutes without a checkpoint after which the process of another host, which cannot be asked for, counts as gone. */
const SILENT_MINUTES = 15;
/** Minutes between signs of life, at least. */
const TOUCHED_MINUTES = 1;

/** Folders in which this process trains: its own number in a lock may be that of an earlier process. */
const held = new Set<string>();

/** A run folder that is this process's alone until it is released. */
export class RunLock {
  private touched = Date.now();

  private constructor(
    private readonly folder: string,
    /** Says whose lock was taken over, if one was left behind. */
    readonly tookOver: string | undefined,
  ) {}

  /** @throws `E_RUN_LOCKED` while another process trains in the folder, `E_WRITE` */
  static acquire(folder: string): RunLock {
    // Read once: what is judged to be gone is what is removed.
    const left = refuseLocked(folder);
    const holder: Holder = { pid: process.pid, host: hostname(), time: new Date().toISOString() };
    removeLeft(folder, left);
    // Of processes that come at once, one makes the file.
    if (!createAtomically(join(folder, LOCK_FILE), `${JSON.stringify(holder)}\n`)) refuseHeld(folder, holderOf(folder));
    held.add(resolve(folder));
    return new RunLock(
      folder,
      left && `the run was left by ${describe(left)}, which is gone; going on from its last checkpoint`,
    );
  }

  /** Tells other hosts that the process still trains; may be called as often as one likes. @throws `E_WRITE` */
  touch(): void {
    const now = new Date();
    if (now.getTime() - this.touched < TOUCHED_MINUTES * 60_000) return;
    this.touched = now.getTime();
    if (!this.isOwn) return;
    const file = join(this.folder, LOCK_FILE);
    try {
      utimesSync(file, now, now);
    } catch (cause) {
      refuseUnwritten(file, cause);
    }
  }

  /** Lets others train in the folder. @throws `E_WRITE` */
  release(): void {
    held.delete(resolve(this.folder));
    if (this.isOwn) cutBack(join(this.folder, LOCK_FILE), 0);
  }

  /** False where somebody deleted the lock, or took it over. */
  private get isOwn(): boolean {
    const holder = holderOf(this.folder);
    return holder?.pid === process.pid && holder.host === hostname();
  }
}

/**
 * @returns who left a lock behind, if one did
 * @throws `E_RUN_LOCKED` while a process trains in the folder
 */
export function refuseLocked(folder: string): Holder | undefined {
  const holder = holderOf(folder);
  if (holder && isAlive(holder, folder)) refuseHeld(folder, holder);
  return holder;
}

/** @throws `E_RUN_LOCKED`, always */
function refuseHeld(folder: string, holder: Holder | undefined): never {
  fail(
    "E_RUN_LOCKED",
    `${folder} is being trained by ${holder ? describe(holder) : "another process"}; wait until that ends or stop it. If it is gone, delete ${join(folder, LOCK_FILE)}`,
  );
}

const describe = ({ pid, host, time }: Holder): string => `process ${pid} on ${host} since ${time}`;

/**
 * Removes a lock whose process is gone, or that was cut short. It is moved aside first: one that another process has made since is put
 * back.
 * @throws `E_RUN_LOCKED`, `E_WRITE`
 */
function removeLeft(folder: string, left: Holder | undefined): void {
  const file = join(folder, LOCK_FILE);
  const aside = `${file}.${process.pid}-left${DRAFT}`;
  try {
    renameSync(file, aside);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
    refuseUnwritten(file, cause);
  }
  const found = holderIn(aside);
  const isNew = found !== undefined && !isDeepStrictEqual(found, left);
  if (isNew) createAtomically(file, readFileSync(aside, "utf8"));
  cutBack(aside, 0);
  if (isNew) refuseHeld(folder, found);
}

/** Who holds the lock; nobody where it is missing or was cut short by a crash. */
const holderOf = (folder: string): Holder | undefined => holderIn(join(folder, LOCK_FILE));

function holderIn(file: string): Holder | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return holderSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}

/** Whether a process has ended and only waits to be reaped by its parent, as far as the system tells (Linux). */
function isZombie(pid: number): boolean {
  try {
    // The state stands behind the name, which is in parentheses and may hold anything.
    return /\) [ZX] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

function isAlive({ pid, host }: Holder, folder: string): boolean {
  if (host !== hostname()) return Date.now() - statSync(join(folder, LOCK_FILE)).mtimeMs < SILENT_MINUTES * 60_000;
  if (pid === process.pid) return held.has(resolve(folder));
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (cause) {
    // A process of another user may not be asked, but is there.
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}
