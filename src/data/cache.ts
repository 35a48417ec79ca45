// The folder for what can be made again: downloads, decoded pictures.
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fail } from "../base/errors.ts";

/** `GENCLASS_CACHE`, else the system's cache folder; made when missing. @throws `E_WRITE` */
export function cacheFolder(...parts: string[]): string {
  const system = process.env.XDG_CACHE_HOME ?? process.env.LOCALAPPDATA ?? join(homedir(), ".cache");
  const folder = join(process.env.GENCLASS_CACHE ?? join(system, "genclass"), ...parts);
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
