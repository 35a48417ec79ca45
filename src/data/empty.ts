// Folders to write into, which must be new or empty.
import { existsSync, readdirSync, statSync } from "node:fs";
import { fail } from "../base/errors.ts";
import { requireWritable } from "../base/writing.ts";

/**
 * Refuses a path at which a file or anything but an empty folder is, or where nothing may be written.
 * @param besides names of what may be in it
 * @throws `E_WRITE`
 */
export function requireEmpty(path: string, besides: readonly string[] = []): void {
  requireWritable(path);
  if (!existsSync(path)) return;
  if (!statSync(path).isDirectory())
    fail("E_WRITE", `${path} is a file; nothing is overwritten. Name a folder that is new or empty`);
  if (readdirSync(path).some((name) => !besides.includes(name)))
    fail("E_WRITE", `${path} is not empty; nothing is overwritten. Name a folder that is new or empty`);
}
