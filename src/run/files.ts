// Files of a run: replaced whole or not at all, or added to.
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { fail } from "../base/errors.ts";

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

/** Makes `file` another name of what `source` holds now, as atomically. @throws `E_WRITE` */
export function linkAtomically(source: string, file: string): void {
  replace(file, (draft) => {
    try {
      linkSync(source, draft);
    } catch {
      // Not every file system has links.
      copyFileSync(source, draft);
    }
  });
}

function replace(file: string, make: (draft: string) => void): void {
  const draft = `${file}.draft`;
  try {
    // One left by a crash may be another name of a file in use.
    rmSync(draft, { force: true });
    make(draft);
    renameSync(draft, file);
  } catch (cause) {
    rmSync(draft, { force: true });
    fail(
      "E_WRITE",
      `${file} could not be written (${(cause as Error).message}); what was there before is kept. Free some space or choose another --out`,
      cause,
    );
  }
}

/** Adds to a file, which is made when it is not there. @throws `E_WRITE` */
export function append(file: string, data: Uint8Array | string): void {
  try {
    appendFileSync(file, data);
  } catch (cause) {
    fail(
      "E_WRITE",
      `${file} could not be written (${(cause as Error).message}); the last checkpoint is kept: free some space and --resume`,
      cause,
    );
  }
}
