// The folder of an experiment: what was asked for, which cannot change while it grows, and what is done.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { fail } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import { makeFolder } from "../base/writing.ts";
import { requireEmpty } from "../data/empty.ts";
import { BUILT_IN } from "../data/open.ts";
import { writeAtomically } from "../run/files.ts";
import { LOCK_FILE, RunLock } from "../run/lock.ts";

/** Version of what is written. */
const FORMAT = 1;
const PLAN = "plan.json";

const planSchema = z.object({
  format: z.literal(FORMAT),
  kind: z.string(),
  plan: z.record(z.string(), z.unknown()),
});

/** What is asked for by an experiment, by name: what JSON can hold. */
export type Plan = Readonly<Record<string, unknown>>;

/** Where a source is, whatever the working directory. */
export const placeOf = (source: string): string =>
  BUILT_IN.includes(source) && !existsSync(source) ? source : resolve(source);

/**
 * Makes the folder of an experiment, or opens that of one that was begun with the same plan, for this process alone.
 * @param kind `comparison`, `search`
 * @param grown the folders in it that hold runs and what they gave: while there is nothing in them, the plan may be another
 * @returns the lock, to be released
 * @throws `E_RUN_CONFLICT` for a folder of another plan or kind, `E_WRITE` for one that holds something else, `E_RUN_LOCKED`
 */
export function openFolder(path: string, kind: string, grown: readonly string[], plan: Plan): RunLock {
  // No lock is left in a folder of something else.
  planIn(path, kind);
  makeFolder(path);
  const lock = RunLock.acquire(path);
  try {
    keepPlan(path, kind, grown, plan);
    return lock;
  } catch (cause) {
    lock.release();
    throw cause;
  }
}

function keepPlan(path: string, kind: string, grown: readonly string[], plan: Plan): void {
  const asked = JSON.parse(JSON.stringify(plan)) as Plan;
  const had = planIn(path, kind);
  const has = (name: string) => existsSync(join(path, name)) && readdirSync(join(path, name)).length > 0;
  if (!had || !grown.some(has)) {
    const text = JSON.stringify({ format: FORMAT, genclass: VERSION, kind, plan }, null, 2);
    writeAtomically(join(path, PLAN), `${text}\n`);
    return;
  }
  for (const name of new Set([...Object.keys(had), ...Object.keys(asked)])) {
    const [was, is] = [had[name], asked[name]];
    if (!isDeepStrictEqual(was, is))
      fail(
        "E_RUN_CONFLICT",
        `${path} was begun with ${name} ${JSON.stringify(was ?? null)}, the call says ${JSON.stringify(is ?? null)}; say the same to go on with it, or choose another --out`,
      );
  }
}

/** The plan that a folder has; undefined for a new one. @throws as `openFolder` */
function planIn(path: string, kind: string): Plan | undefined {
  const file = join(path, PLAN);
  if (!existsSync(file)) {
    requireEmpty(path, [LOCK_FILE]);
    return undefined;
  }
  const found = readJson(file, planSchema, "choose another --out");
  if (found.kind !== kind)
    fail("E_RUN_CONFLICT", `${path} is the folder of a ${found.kind}, not of a ${kind}; choose another --out`);
  return found.plan;
}

/** What a JSON file of an experiment holds. @param wayOut what can be done where it does not @throws `E_DATA_FORMAT` for another file than this version writes */
export function readJson<T>(
  file: string,
  schema: z.ZodType<T>,
  wayOut = "delete it, and what it told is found again",
): T {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    fail("E_DATA_FORMAT", `${file} is not what this genclass writes there; ${wayOut}`, cause);
  }
}
