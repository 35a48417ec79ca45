// The folder of an experiment: what was asked for, which cannot change while it grows, and what is done.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { fail } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import { requireEmpty } from "../data/empty.ts";
import { BUILT_IN } from "../data/open.ts";
import { writeAtomically } from "../run/files.ts";

/** Version of what is written. */
const FORMAT = 1;
const PLAN = "plan.json";

/** What is asked for by an experiment, by name: what JSON can hold. */
export type Plan = Readonly<Record<string, unknown>>;

/** Where a source is, whatever the working directory. */
export const placeOf = (source: string): string =>
  BUILT_IN.includes(source) && !existsSync(source) ? source : resolve(source);

/**
 * Makes the folder of an experiment, or opens that of one that was begun with the same plan.
 * @param kind `comparison`, `search`
 * @param runs the folder in it that holds runs: before there is one, the plan may be another
 * @throws `E_RUN_CONFLICT` for a folder of another plan, `E_WRITE` for one that holds something else
 */
export function openFolder(path: string, kind: string, runs: string, plan: Plan): void {
  const file = join(path, PLAN);
  const asked: unknown = JSON.parse(JSON.stringify(plan));
  const isNew = !existsSync(file);
  if (isNew) requireEmpty(path);
  if (isNew || !existsSync(join(path, runs))) {
    mkdirSync(path, { recursive: true });
    writeAtomically(file, `${JSON.stringify({ format: FORMAT, genclass: VERSION, kind, plan }, null, 2)}\n`);
    return;
  }
  const known = z.object({ format: z.literal(FORMAT), kind: z.literal(kind), plan: z.record(z.string(), z.unknown()) });
  const had = readJson(file, known, "choose another --out").plan;
  for (const name of new Set([...Object.keys(had), ...Object.keys(asked as Plan)])) {
    const [was, is] = [had[name], (asked as Plan)[name]];
    if (!isDeepStrictEqual(was, is))
      fail(
        "E_RUN_CONFLICT",
        `${path} was begun with ${name} ${JSON.stringify(was ?? null)}, the call says ${JSON.stringify(is ?? null)}; say the same to go on with it, or choose another --out`,
      );
  }
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
