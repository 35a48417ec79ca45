// A folder for the runs of a test file, with a cache of its own.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** A new folder, which is removed after the tests of the file; the cache is below it, as `cache`. */
export function workplace(name: string): string {
  const root = mkdtempSync(join(tmpdir(), `genclass-${name}-`));
  const before = process.env.GENCLASS_CACHE;
  process.env.GENCLASS_CACHE = join(root, "cache");
  afterAll(() => {
    if (before === undefined) delete process.env.GENCLASS_CACHE;
    else process.env.GENCLASS_CACHE = before;
    rmSync(root, { recursive: true });
  });
  return root;
}
