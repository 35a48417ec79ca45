// Installs oneDNN for this user: one pinned build, from the Python index, into the cache, where the backend looks for it. It gets its
// name only after a process of its own has computed with it.
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { fail } from "../base/errors.ts";
import { moduleCommand } from "../base/thread.ts";
import { cacheFolder, draftIn, finishDraft } from "../data/cache.ts";
import type { FetchOptions } from "../data/fetch.ts";
import { openZip } from "../data/readers/zip-archive.ts";
import { Notes } from "../data/warnings.ts";
import { INSTALLED, installedPath } from "../runtime/onednn/library.ts";
import { fetchPinned, type PinnedFile } from "./wheel.ts";

/** A wheel that holds the library. */
export interface PinnedLibrary extends PinnedFile {
  /** Of oneDNN. */
  readonly version: string;
  /** Last name of the member that is taken, and its bytes. */
  readonly member: string;
  readonly memberBytes: number;
}

/** oneDNN 3.2 for any Linux x64 with glibc, built with OpenMP: the newest build for one system of which the library is all. */
export const PINNED: PinnedLibrary = {
  package: "onednn-cpu-gomp",
  file: "onednn_cpu_gomp-2023.2.0-py2.py3-none-manylinux1_x86_64.whl",
  bytes: 38_888_991,
  sha256: "2f22a54d6a890ed14bfa185d42a4be65d8b5b1df85dc1f0f3a9abe31620416fb",
  version: "3.2.0",
  member: "libdnnl.so.3",
  memberBytes: 54_569_528,
};

/** What the trial found. */
export interface Installed {
  readonly path: string;
  readonly version: string;
  /** Whether it has fast code for this processor; training takes it then. */
  readonly isFast: boolean;
}

const TRIAL_MS = 60_000;

/** Whether Node.js itself runs on glibc; musl, as of Alpine, gives no version of it. */
function runsOnGlibc(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime !== undefined;
}

/** Why the build is not for this machine, and what is; undefined where it is. */
export function whyUnsupported(
  platform: string = process.platform,
  arch: string = process.arch,
  hasGlibc: boolean = runsOnGlibc(),
): string | undefined {
  if (platform === "linux" && arch === "x64" && hasGlibc) return undefined;
  const here = `${platform} ${arch}${platform === "linux" && !hasGlibc ? " without glibc" : ""}`;
  return `the build of oneDNN that is fetched is for Linux x64 with glibc, and this is ${here}; ${platform === "darwin" ? "brew install onednn" : "see docs/onednn.md for others, or name a file in GENCLASS_ONEDNN"}. Training works without it, on onnxruntime`;
}

/**
 * Fetches, checks and installs the library, in place of one that was installed so before.
 * @param index address of a package index
 * @throws `E_BACKEND` for a machine that the build is not for, a fetch that fails, and a library that does not compute right here;
 *   `E_WRITE` where there is no room
 */
export async function installOnednn({
  pinned = PINNED,
  index,
  progress,
}: {
  pinned?: PinnedLibrary;
  index?: string;
  progress?: FetchOptions["progress"];
} = {}): Promise<Installed> {
  const unsupported = whyUnsupported();
  if (unsupported) fail("E_BACKEND", unsupported);
  const folder = cacheFolder(...INSTALLED.folder);
  const room = pinned.bytes + pinned.memberBytes;
  requireRoom(folder, room);
  const work = draftIn(folder, "setup");
  try {
    mkdirSync(work);
    const wheel = await fetchPinned(pinned, work, index, progress);
    const library = join(work, INSTALLED.file);
    writeFileSync(library, unpacked(wheel, pinned), { mode: 0o755 });
    const tried = await tryLibrary(library);
    const path = installedPath();
    finishDraft(library, path);
    return { path, ...tried };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") refuseRoom(folder, room, cause);
    throw cause;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function requireRoom(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < bytes) refuseRoom(folder, bytes);
}

function refuseRoom(folder: string, bytes: number, cause?: unknown): never {
  fail(
    "E_WRITE",
    `no room in ${folder}: oneDNN takes ${Math.ceil(bytes / 1e6)} MB while it is unpacked; nothing was installed. Free some space, or set GENCLASS_CACHE to another folder`,
    cause,
  );
}

/** The library out of the wheel. */
function unpacked(wheel: string, { file, member, memberBytes }: PinnedLibrary): Uint8Array {
  const { members, read } = openZip(wheel, new Notes());
  const index = members.findIndex(({ name, size }) => basename(name) === member && size === memberBytes);
  if (index < 0) fail("E_BACKEND", `${file} holds no ${member} of ${memberBytes} bytes; nothing was installed`);
  return read(index);
}

/** Computes with a library in a process of its own: one that crashes takes nothing else along. */
async function tryLibrary(path: string): Promise<Omit<Installed, "path">> {
  const [command, ...words] = moduleCommand(import.meta.url, "trial");
  const env = { ...process.env, GENCLASS_ONEDNN: path };
  try {
    const { stdout } = await promisify(execFile)(command!, words, { env, timeout: TRIAL_MS });
    return TRIAL.parse(JSON.parse(stdout));
  } catch (cause) {
    const { signal, stderr } = cause as { signal?: string; stderr?: string };
    const why = signal ? `the process ended by ${signal}` : stderr || String(cause);
    fail(
      "E_BACKEND",
      `oneDNN was fetched and does not compute here (${why}); nothing was installed. Training works without it, on onnxruntime`,
      cause,
    );
  }
}

const TRIAL = z.object({ version: z.string(), isFast: z.boolean() });
