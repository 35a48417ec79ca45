// One folder for all that the tests of a run put into the system's temporary folder, which goes with it. A test file cleans up after its
// tests; one of which every test is filtered out is read all the same, and makes its folder.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes the folder, for all workers. @returns what takes it away */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "genclass-tests-"));
  // TMPDIR is read elsewhere, TEMP on Windows.
  const before = { TMPDIR: process.env.TMPDIR, TEMP: process.env.TEMP };
  Object.assign(process.env, { TMPDIR: folder, TEMP: folder });
  return () => {
    for (const [name, value] of Object.entries(before))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    rmSync(folder, { recursive: true, force: true });
  };
}
