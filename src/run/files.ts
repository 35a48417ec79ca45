// Files of a run: replaced whole or not at all, or added to and cut back.
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { fail } from "../base/errors.ts";
import { whyUnwritten } from "../base/writing.ts";

/** What a file that is being replaced ends with until it takes the other's place. */
export const DRAFT = ".draft";

/**
 * Writes a file so that a crash at any moment leaves the old one or the new one, never a part.
 * @param parts bytes one after another, or text
 * @throws `E_WRITE`
 */
export function writeAtomically(file: string, parts: readonly Uint8Array[] | string): void {
  replace(file, (draft) => {
    const handle = openSync(draft, "w");
    try {
      for (const part of typeof parts === "string" ? [Buffer.from(parts)] : parts)
        for (let at = 0; at < part.byteLength; ) at += writeSync(handle, part, at);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  });
}

/**
 * Makes a file that no other process has made before, whole or not at all.
 * @returns false where there is one
 * @throws `E_WRITE`
 */
export function createAtomically(file: string, text: string): boolean {
  const draft = `${file}.${process.pid}${DRAFT}`;
  return orRefuse(file, () => {
    writeFileSync(draft, text);
    try {
      // Unlike a change of names, a link does not take another's place.
      linkSync(draft, file);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
      // Not every file system has links.
      if (existsSync(file)) return false;
      renameSync(draft, file);
    } finally {
      rmSync(draft, { force: true });
    }
    syncNames(dirname(file));
    return true;
  });
}

/** Makes `file` another name of what `source` holds now, as atomically. @throws `E_WRITE` */
export function linkAtomically(source: string, file: string): void {
  replace(file, (draft) => {
    try {
      linkSync(source, draft);
    } catch {
      // Not every file system has links.
      copyFileSync(source, draft);
      syncFile(draft);
    }
  });
}

function replace(file: string, make: (draft: string) => void): void {
  const draft = file + DRAFT;
  try {
    // One left by a crash may be another name of a file in use.
    rmSync(draft, { force: true });
    make(draft);
    renameSync(draft, file);
    syncNames(dirname(file));
  } catch (cause) {
    try {
      rmSync(draft, { force: true });
    } catch {
      // Where nothing can be written, nothing can be removed.
    }
    const { why, wayOut } = whyUnwritten(cause);
    fail("E_WRITE", `${file} could not be written (${why}); what was there before is kept: ${wayOut}`, cause);
  }
}

/** Adds to a file, which is made when it is not there. @throws `E_WRITE` */
export function append(file: string, data: Uint8Array | string): void {
  orRefuse(file, () => appendFileSync(file, data));
}

/** The length of a file in bytes, all of which then outlast a power cut; 0 without the file. @throws `E_WRITE` */
export function syncedLength(file: string): number {
  if (!existsSync(file)) return 0;
  return orRefuse(file, () => {
    syncFile(file);
    return statSync(file).size;
  });
}

/** Drops all but the first `length` bytes of a file; the file itself when it is to be empty. @throws `E_WRITE` */
export function cutBack(file: string, length: number): void {
  orRefuse(file, () => {
    if (length === 0) rmSync(file, { force: true });
    // A shorter file is left as it is: cutting would fill it with zeros.
    else if (existsSync(file) && statSync(file).size > length) truncateSync(file, length);
  });
}

function orRefuse<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { why, wayOut } = whyUnwritten(cause);
    fail(
      "E_WRITE",
      `${file} could not be written (${why}); the last checkpoint is kept: ${wayOut}, then --resume`,
      cause,
    );
  }
}

/** Waits until a file is on the disk. Windows syncs only what is open for writing. */
const syncFile = (file: string): void => sync(file, "r+");

/** The same for the names in a folder. Not every system has that; the files themselves are whole either way. */
function syncNames(folder: string): void {
  try {
    sync(folder, "r");
  } catch {}
}

function sync(path: string, flags: string): void {
  const handle = openSync(path, flags);
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
