// What a search keeps of its trials: of which point each was begun, and what came of it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { ERRORS, type ErrorCode, fail } from "../base/errors.ts";
import { makeFolder } from "../base/writing.ts";
import { writeAtomically } from "../run/files.ts";
import { readJson } from "./folder.ts";
import { type Trained, trainedSchema } from "./job.ts";
import type { Point } from "./varied.ts";

/** A point that was tried. */
export interface Trial {
  /** From 1. */
  readonly number: number;
  /** Its options. */
  readonly point: Point;
  /** How far it was trained: 0 for the first rung; without halving there is one. */
  readonly rung: number;
  /** What training told; absent where it failed. */
  readonly trained?: Trained;
  /** Why it could not be trained; absent where it could. */
  readonly failed?: { readonly code: ErrorCode; readonly message: string };
}

/** The folder of the results, and that of the runs. */
export const RESULTS = "results";
export const TRIALS = "trials";

const resultSchema = z.object({
  point: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  trained: trainedSchema.optional(),
  failed: z
    .object({ code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]), message: z.string() })
    .optional(),
});
/** Of a trial that was begun and has not ended, the point alone. */
type Result = z.infer<typeof resultSchema>;

/** Which trial, and how far it was trained. */
type Which = Pick<Trial, "number" | "rung">;

const nameOf = (number: number): string => String(number).padStart(4, "0");

/** The results in the folder of a search. */
export class TrialResults {
  constructor(private readonly out: string) {}

  /** The run folder of a trial. */
  runOf = ({ number }: Which): string => join(this.out, TRIALS, nameOf(number));

  /** @throws `E_WRITE` */
  keep(trial: Trial): void {
    const { number, point, trained, failed } = trial;
    makeFolder(join(this.out, RESULTS));
    writeAtomically(this.fileOf(trial), `${JSON.stringify({ number, point, trained, failed })}\n`);
  }

  /** What is kept of a trial; undefined where it was not begun. @throws `E_DATA_FORMAT` */
  known(trial: Which): Result | undefined {
    const file = this.fileOf(trial);
    return existsSync(file) ? readJson(file, resultSchema) : undefined;
  }

  /** The same. @throws `E_RUN_CONFLICT` for one of another point */
  ofPoint(trial: Trial): Result | undefined {
    const known = this.known(trial);
    if (known && !isDeepStrictEqual(known.point, trial.point))
      fail(
        "E_RUN_CONFLICT",
        `${this.fileOf(trial)} is of ${JSON.stringify(known.point)}, and trial ${trial.number} of this search is ${JSON.stringify(trial.point)}; choose another --out`,
      );
    return known;
  }

  private fileOf = ({ number, rung }: Which): string => join(this.out, RESULTS, `${nameOf(number)}-${rung}.json`);
}
