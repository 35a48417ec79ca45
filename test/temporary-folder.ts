// One folder for all that the tests of a run put into the system's temporary folder, which goes with it. A test file cleans up after its
// tests; one of which every test is filtered out is read all the same, and makes its folder.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Names of variables that say where it is: TEMP on Windows. */
const NAMES = ["TMPDIR", "TEMP"] as const;
/** Set while there is one: each of the projects asks for it. */
const MADE = "GENCLASS_TESTS_FOLDER";

/** Makes the folder, for all workers. @returns what takes it away */
export default function setup(): (() => void) | undefined {
  if (process.env[MADE] !== undefined) return undefined;
  // A short name: a browser puts a socket below it, whose path may have 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), "gc-"));
  // Some tests are those of another user.
  chmodSync(folder, 0o755);
  const before = NAMES.map((name) => process.env[name]);
  for (const name of [...NAMES, MADE]) process.env[name] = folder;
  return () => {
    delete process.env[MADE];
    for (const [i, name] of NAMES.entries())
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    rmSync(folder, { recursive: true, force: true });
  };
}
