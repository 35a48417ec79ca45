// metrics.json of a run: what it reached, by the part of the data, for people and programs that do not read its logs.
import { existsSync, readFileSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";
import { z } from "zod";
import type { Interval } from "../metrics/intervals.ts";
import type { Evaluation } from "../predict/evaluate.ts";
import type { EndEvent, RunEvent } from "../train/events.ts";
import { cutBack, writeAtomically } from "./files.ts";
import type { RunFolder } from "./folder.ts";

/** The name of the file in a run folder. */
export const FIGURES = "metrics.json";

const interval = z.tuple([z.number(), z.number()]).transform((ends): Interval => ends);
const partSchema = z.object({
  /** Pictures that the numbers are of; null where an older version wrote what training told. */
  pictures: z.int().min(1).nullable(),
  /** Whether training told the numbers, and no evaluation; absent where one did. */
  ofTraining: z.literal(true).optional(),
  /** By name, as `evaluate --json` has them. A number that is not finite is left out. */
  metrics: z.record(z.string(), z.number()),
  /** 95 %, of the metrics that have one. */
  intervals: z.record(z.string(), interval).optional(),
  classes: z
    .array(
      z.object({
        name: z.string(),
        precision: z.number(),
        recall: z.number(),
        f1: z.number(),
        support: z.number(),
      }),
    )
    .optional(),
});

const figuresSchema = z.object({
  /** How training ended, when (ISO 8601), and its seconds over all its processes. */
  training: z.object({
    reason: z.string(),
    ended: z.string(),
    epoch: z.number(),
    step: z.number(),
    seconds: z.number(),
  }),
  /** What it ended on. */
  machine: z.object({
    processor: z.string(),
    cores: z.number(),
    memoryGiB: z.number(),
    system: z.string(),
    node: z.string(),
  }),
  /** By the name of the part. */
  parts: z.record(z.string(), partSchema),
});

/** What metrics.json holds. */
export type Figures = z.infer<typeof figuresSchema>;
/** What was found on one part of the data. */
export type PartFigures = z.infer<typeof partSchema>;

/** Whether training told the numbers of a part: trackers have them from its log. */
export const isOfTraining = ({ pictures, ofTraining }: PartFigures): boolean => ofTraining ?? pictures === null;

/** What metrics.json of a run says; undefined where it is not there, or is no such file. */
export function readFigures(run: Pick<RunFolder, "file">): Figures | undefined {
  const file = run.file(FIGURES);
  if (!existsSync(file)) return undefined;
  try {
    return figuresSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}

/** Removes metrics.json as a run goes on: its weights are no longer those that were evaluated. @throws `E_WRITE` */
export const removeFigures = (run: RunFolder): void => cutBack(run.file(FIGURES), 0);

/**
 * Begins metrics.json when training ends: with the validation metrics of the best checkpoint, or of the last one where validation
 * chose none. What was evaluated of earlier weights is gone with it.
 * @param pictures of the validation part that decode
 * @throws `E_WRITE`
 */
export function writeTrainingFigures(
  run: RunFolder,
  end: EndEvent,
  events: readonly RunEvent[],
  pictures: number,
): void {
  const { reason, epoch, step, seconds } = end;
  const epochs = events.filter((event) => event.type === "epoch");
  const chosen = (epochs.findLast(({ best }) => best) ?? end).metrics;
  const prefix = "validation/";
  const validation = Object.entries(chosen).flatMap(([name, value]) =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
  );
  write(run, {
    training: { reason, ended: new Date().toISOString(), epoch, step, seconds },
    machine: machineFacts(),
    parts: validation.length > 0 ? { validation: { pictures, ofTraining: true, metrics: finite(validation) } } : {},
  });
}

/**
 * Adds what an evaluation of the run's own data found. Of numbers that it did not look for, those that an earlier one found on the same
 * pictures stay.
 * @returns what the file then holds
 * @throws `E_WRITE`; an error where there is no metrics.json: the run has not ended
 */
export function addEvaluation(run: RunFolder, part: string, found: Evaluation): Figures {
  const figures = readFigures(run);
  if (!figures) throw new Error(`internal: ${run.path} has no ${FIGURES} to add to`);
  const { n, known, metrics, intervals, classification } = found;
  const before = figures.parts[part];
  const earlier = before && before.pictures === n && !isOfTraining(before) ? before : undefined;
  const lookedFor = new Set(known.map(({ name }) => name));
  const kept = <T>(values: Readonly<Record<string, T>> = {}) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !lookedFor.has(name)));
  const allIntervals = { ...kept(earlier?.intervals), ...intervals };
  const figuresOfPart: PartFigures = {
    pictures: n,
    metrics: { ...kept(earlier?.metrics), ...finite(Object.entries(metrics)) },
    ...(Object.keys(allIntervals).length > 0 ? { intervals: allIntervals } : {}),
    ...(classification ? { classes: [...classification.classes] } : {}),
  };
  const more = { ...figures, parts: { ...figures.parts, [part]: figuresOfPart } };
  write(run, more);
  return more;
}

/** What was evaluated by the names that trackers have it by: training told those of validation by epoch, of other weights. */
export const evaluatedMetrics = (part: string, values: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `${part === "validation" ? "evaluated/validation" : part}/${name}`,
      value,
    ]),
  );

const write = (run: RunFolder, figures: Figures): void =>
  writeAtomically(run.file(FIGURES), `${JSON.stringify(figures, null, 2)}\n`);

const finite = (entries: readonly (readonly [string, number])[]): Record<string, number> =>
  Object.fromEntries(entries.filter(([, value]) => Number.isFinite(value)));

/** What computes, without a name of the machine or of who uses it. */
function machineFacts(): Figures["machine"] {
  const cores = cpus();
  return {
    processor: cores[0]?.model.trim() ?? "unknown",
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
    node: process.version,
  };
}
