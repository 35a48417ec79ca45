// How fast the models of a comparison answer: measured together, once for the same runs.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { GenclassError } from "../base/errors.ts";
import { writeAtomically } from "../run/files.ts";
import type { RunLock } from "../run/lock.ts";
import { readJson } from "./folder.ts";
import type { AnswerTime } from "./job.ts";
import { relayed, runJob } from "./run-job.ts";

/** What measuring tells. */
export type TimingEvent =
  /** All cells are done; how fast the models answer is measured. */
  { readonly type: "timing"; readonly models: number } | { readonly type: "note"; readonly text: string };

/** A run that is timed. */
export interface TimedRun {
  readonly folder: string;
  /** The file of what came of it: of a run that was trained anew, it is another. */
  readonly result: string;
}

const timesSchema = z.object({
  rows: z.array(z.string()),
  /** What the results of the rows' runs hash to. */
  runs: z.array(z.string()).default([]),
  times: z.array(z.object({ one: z.number(), many: z.number() })),
});

/**
 * Measures, or reads what was measured for the same runs. What fails is told, and costs the times alone.
 * @param out the folder of the comparison
 * @param runs by the name of their row
 * @returns times by the name of the row; undefined where measuring was stopped
 */
export async function* answerTimes(
  out: string,
  runs: ReadonlyMap<string, TimedRun>,
  lock: RunLock,
  interrupted?: () => boolean,
): AsyncGenerator<TimingEvent, ReadonlyMap<string, AnswerTime> | undefined> {
  try {
    return yield* measured(out, runs, lock, interrupted);
  } catch (cause) {
    if (!(cause instanceof GenclassError)) throw cause;
    yield { type: "note", text: `the table is without the times of answers: ${cause.message}` };
    return new Map();
  }
}

async function* measured(
  out: string,
  runs: ReadonlyMap<string, TimedRun>,
  lock: RunLock,
  interrupted?: () => boolean,
): AsyncGenerator<TimingEvent, ReadonlyMap<string, AnswerTime> | undefined> {
  if (runs.size === 0) return new Map();
  const rows = [...runs.keys()];
  const hashes = Array.from(runs.values(), ({ result }) =>
    createHash("sha256").update(readFileSync(result)).digest("hex"),
  );
  const file = join(out, "times.json");
  const known = existsSync(file) ? readJson(file, timesSchema) : undefined;
  const isSame = (has: readonly string[], wants: readonly string[]) => has.join("\n") === wants.join("\n");
  if (known && isSame(known.rows, rows) && isSame(known.runs, hashes))
    return new Map(rows.map((row, i) => [row, known.times[i]!]));
  yield { type: "timing", models: rows.length };
  const job = runJob({ kind: "time", runs: Array.from(runs.values(), ({ folder }) => folder) }, interrupted);
  // It trains nothing, and tells no event of a run.
  const times = yield* relayed<readonly AnswerTime[] | undefined, TimingEvent>(job, lock, (event) => ({
    type: "note",
    text: event.type,
  }));
  if (!times) return undefined;
  writeAtomically(file, `${JSON.stringify({ rows, runs: hashes, times })}\n`);
  return new Map(rows.map((row, i) => [row, times[i]!]));
}
