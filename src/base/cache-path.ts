// Where the cache is: what is there can be made or fetched again.
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * A path in the cache, which is `GENCLASS_CACHE`, or else `genclass` in the system's cache folder; a variable that is empty is as if not set. Nothing is made.
 * @param parts names below it, the outermost first
 */
export function cachePath(env: NodeJS.ProcessEnv, ...parts: string[]): string {
  const system = env.XDG_CACHE_HOME || env.LOCALAPPDATA || join(homedir(), ".cache");
  return join(env.GENCLASS_CACHE || join(system, "genclass"), ...parts);
}
