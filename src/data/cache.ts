// The folder for what can be made again: downloads, decoded pictures.
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fail } from "../base/errors.ts";

/**
 * The path of a folder of the cache, which is made when it is missing. The cache is `GENCLASS_CACHE`, or else `genclass` in
 * the system's cache folder.
 * @param parts names of folders below it, the outermost first
 * @throws `E_WRITE` when it cannot be made
 */
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
