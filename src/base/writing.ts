// Places to write to: whether the system lets anything be written there, known before the work whose results it is for.
import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fail, GenclassError } from "./errors.ts";
import { type Refusal, refusalOf } from "./system-errors.ts";

/** Why something could not be written: in the system's words where its code is unknown. */
export const whyUnwritten = (cause: unknown): Refusal =>
  refusalOf(cause) ?? { why: (cause as Error).message, wayOut: "choose another path" };

/**
 * Refuses a path of a file or folder to be made that the system lets nobody write to, as far as it tells before.
 * @throws `E_WRITE`
 */
export function requireWritable(path: string): void {
  let place = resolve(path);
  while (!existsSync(place) && place !== dirname(place)) place = dirname(place);
  if (place !== resolve(path) && !isFolder(place)) refuse(path, `ENOTDIR: ${place} is a file, not a folder`);
  try {
    accessSync(place, constants.W_OK);
  } catch (cause) {
    const { why, wayOut } = whyUnwritten(cause);
    refuse(path, place === resolve(path) ? why : `${why} at ${place}`, wayOut, cause);
  }
}

/** Makes a folder and those above it, where they are not there yet. @throws `E_WRITE` */
export function makeFolder(path: string): void {
  try {
    make(resolve(path));
  } catch (cause) {
    if (cause instanceof GenclassError) throw cause;
    refuseUnwritten(path, cause);
  }
}

/** @throws `E_WRITE` always, with why the system refused to write to `path` */
export function refuseUnwritten(path: string, cause: unknown): never {
  const { why, wayOut } = whyUnwritten(cause);
  refuse(path, why, wayOut, cause);
}

/** As `mkdirSync` with `recursive`, which never returns where the system says ENOENT though the folder above is there, as in /proc. */
function make(path: string): void {
  try {
    mkdirSync(path);
  } catch (cause) {
    if (isFolder(path)) return;
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    if (existsSync(dirname(path)))
      refuse(path, `the system lets nothing be made in ${dirname(path)}`, undefined, cause);
    make(dirname(path));
    make(path);
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

function refuse(path: string, why: string, wayOut = "choose another path", cause?: unknown): never {
  fail("E_WRITE", `${path} cannot be written (${why}); ${wayOut}`, cause);
}
