// What genclass setup would bring, told where oneDNN is missing: once on a machine.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GenclassError } from "../base/errors.ts";
import { cacheFolder } from "../data/cache.ts";
import { loadLibrary } from "../runtime/onednn/library.ts";
import { PINNED, whyUnsupported } from "../setup/onednn.ts";

/**
 * The hint; undefined where it was told before, where a library is there (whatever is the matter with it), and where setup has
 * none for this machine.
 */
export function setupHint(isThere: () => boolean = libraryIsThere): string | undefined {
  if (process.env.GENCLASS_ONEDNN || whyUnsupported() !== undefined || isThere()) return undefined;
  try {
    const told = join(cacheFolder("onednn"), "hint-told");
    if (existsSync(told)) return undefined;
    writeFileSync(told, "");
  } catch {
    // A hint that cannot be told once only is not told.
    return undefined;
  }
  return `with oneDNN training is 1.5 to 3 times as fast: "genclass setup" fetches it (${(PINNED.bytes / 1e6).toFixed(0)} MB)`;
}

function libraryIsThere(): boolean {
  try {
    loadLibrary();
    return true;
  } catch (cause) {
    return !(cause instanceof GenclassError && cause.message.startsWith("oneDNN is not found"));
  }
}
