// How fast the models of a comparison answer: measured together, once for the same models.
import { existsSync } from "node:fs";
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

const timesSchema = z.object({
  rows: z.array(z.string()),
  times: z.array(z.object({ one: z.number(), many: z.number() })),
});

/**
 * Measures, or reads what was measured for the same rows. What fails is told, and costs the times alone.
 * @param out the folder of the comparison
 * @param runs run folders by the name of their row
 * @returns times by the name of the row; undefined where measuring was stopped
 */
export async function* answerTimes(
  out: string,
  runs: ReadonlyMap<string, string>,
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
  runs: ReadonlyMap<string, string>,
  lock: RunLock,
  interrupted?: () => boolean,
): AsyncGenerator<TimingEvent, ReadonlyMap<string, AnswerTime> | undefined> {
  if (runs.size === 0) return new Map();
  const rows = [...runs.keys()];
  const file = join(out, "times.json");
  const known = existsSync(file) ? readJson(file, timesSchema) : undefined;
  if (known && known.rows.join("\n") === rows.join("\n")) return new Map(rows.map((row, i) => [row, known.times[i]!]));
  yield { type: "timing", models: rows.length };
  const job = runJob({ kind: "time", runs: [...runs.values()] }, interrupted);
  // It trains nothing, and tells no event of a run.
  const times = yield* relayed<readonly AnswerTime[] | undefined, TimingEvent>(job, lock, (event) => ({
    type: "note",
    text: event.type,
  }));
  if (!times) return undefined;
  writeAtomically(file, `${JSON.stringify({ rows, times })}\n`);
  return new Map(rows.map((row, i) => [row, times[i]!]));
}
