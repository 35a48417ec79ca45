// Kills runs at random moments, goes on with them, and compares what they leave with the same runs that never stopped.
// npx tsx results/kills.ts [KILLS] > results/kills.json
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Random } from "../src/random/random.ts";
import { BACKENDS } from "../test/helpers.ts";
import { KILLED_RUNS, type Kill, killAndFinish, leftBy, runProcess } from "../test/run/kills.ts";

/** A run is killed so often, on average half of it, before it may end. */
const KILLS_A_RUN = 6;

const wanted = Number(process.argv[2] ?? 200);
const root = mkdtempSync(join(tmpdir(), "genclass-kills-"));
const random = new Random(0, "kills");
const cases = BACKENDS.flatMap(({ name }) => Object.keys(KILLED_RUNS).map((run) => ({ backend: name, run })));
const moments: Record<Kill["at"], number> = { loading: 0, step: 0, call: 0, report: 0, never: 0 };
const differing: unknown[] = [];
const straight = new Map<string, Record<string, unknown>>();
let [runs, kills] = [0, 0];
for (; kills < wanted; runs++) {
  const { backend, run } = cases[runs % cases.length]!;
  const name = `${run}-${backend}`;
  if (!straight.has(name)) {
    await runProcess(join(root, name), backend, run, { at: "never" });
    straight.set(name, leftBy(join(root, name)));
  }
  const times = Math.min(wanted - kills, 1 + random.integer(KILLS_A_RUN));
  const found = await killAndFinish(join(root, `${name}-killed`), backend, run, times, random);
  kills += found.kills.length;
  for (const { at } of found.kills) moments[at]++;
  const expected = straight.get(name)!;
  const parts = Object.keys(expected).filter((part) => !isDeepStrictEqual(found.left[part], expected[part]));
  if (parts.length > 0) differing.push({ backend, run, parts, kills: found.kills });
  process.stderr.write(`${kills} kills of ${runs + 1} runs, ${differing.length} differ\n`);
}
rmSync(root, { recursive: true });
const { never: _, ...killed } = moments;
process.stdout.write(`${JSON.stringify({ kills, runs, cases, moments: killed, differing }, null, 2)}\n`);
if (differing.length > 0) process.exitCode = 1;
