// A comparison: several models on equal data, each with several numbers of labels and seeds, one run folder a cell. Whatever is done
// is not done again: a comparison that was stopped, or killed, goes on, and one that is asked for more cells computes those.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { shown } from "../base/checked-options.ts";
import { type ErrorCode, fail, GenclassError } from "../base/errors.ts";
import { shellLine } from "../base/shell.ts";
import type { LabelAmount } from "../data/splits.ts";
import { findModel, parseOptions } from "../models/index.ts";
import { writeAtomically } from "../run/files.ts";
import { RunFolder } from "../run/folder.ts";
import { fetchBackbone } from "../run/named-backbones.ts";
import { labelAmount } from "../run/option-types.ts";
import type { OptionName, RunOptions } from "../run/options.ts";
import { optionWords } from "../run/repeat.ts";
import { planRun } from "../run/train.ts";
import type { BackendWish } from "../runtime/wish.ts";
import type { RunEvent } from "../train/events.ts";
import { answerTimes, type TimedRun, type TimingEvent } from "./answer-times.ts";
import { type Cell, type Comparison, compared, type DoneCell, type FailedCell } from "./comparison.ts";
import { openFolder, placeOf, readJson } from "./folder.ts";
import { type AnswerTime, type Trained, type TrainJob, trainedSchema } from "./job.ts";
import { relayed, runJob, timeLeft } from "./run-job.ts";
import { refuseOtherTest } from "./same-test.ts";
import { NOT_OF_TRIALS } from "./search.ts";
import { requireTest, tryNewSource } from "./source.ts";
import { folderName, parseVariant, type Variant } from "./variant.ts";

/** Options of a run that cells differ in, or that begin with another run. */
export const NOT_SHARED = ["labels", ...NOT_OF_TRIALS] as const satisfies readonly OptionName[];

/** Options of a run that all cells have. */
export type SharedRunOptions = Omit<RunOptions, (typeof NOT_SHARED)[number]>;

/** A call of `compare`. */
export interface CompareCall extends SharedRunOptions {
  /** A built-in name, or the path of a source. It needs a test part. */
  readonly data: string;
  /**
   * What is compared: names from `MODELS` (each cell is computed by a process of its own, which knows no other). Options of the model, or
   * `batch`, `augment`, `emaDecay`, `classWeights` and `sampling` of its runs, may follow after colons: `cnn:net=fast:augment=none`.
   */
  readonly models: readonly string[];
  /** Numbers of labels to keep of the training part. Default: all alone. */
  readonly labels?: readonly (LabelAmount | "all")[];
  /** How many seeds, from 0 on: of splits, kept labels, first weights and order. Default 3. */
  readonly seeds?: number;
  /** Options of the models, by model; one that `models` gives wins over one given here. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The folder of the comparison: new, or that of the same one, which goes on. */
  readonly out: string;
  /** What trains. Default `auto`. */
  readonly backend?: BackendWish["backend"];
  /** Asked all the time until it is so; the comparison then ends with all saved. */
  readonly interrupted?: () => boolean;
}

/** What a comparison tells. */
export type CompareEvent =
  /** `done` of the `cells` were done before. */
  | { readonly type: "start"; readonly cells: number; readonly done: number }
  | { readonly type: "cell"; readonly state: "begins" | "goes on"; readonly cell: Cell; readonly index: number }
  | { readonly type: "cell"; readonly state: "done"; readonly cell: DoneCell; readonly index: number }
  | { readonly type: "cell"; readonly state: "failed"; readonly cell: FailedCell; readonly index: number }
  /** What the training of a cell tells; `remaining` seconds of all cells, where that can be told. */
  | {
      readonly type: "run";
      readonly event: RunEvent;
      readonly index: number;
      readonly remaining: number | undefined;
    }
  | TimingEvent
  | {
      readonly type: "end";
      readonly reason: "done" | "interrupted";
      /** Of the cells that are done. */
      readonly comparison: Comparison;
      /** The path of the page. */
      readonly report: string;
    };

/** What fails of a cell alone; other failures would be those of every cell. */
const OF_THE_CELL: readonly ErrorCode[] = ["E_NAN", "E_BACKEND", "E_SHAPE", "E_HEAD", "E_EXPORT", "E_OPTION"];
const isOfTheCell = (cause: unknown): cause is GenclassError =>
  cause instanceof GenclassError && OF_THE_CELL.includes(cause.code);

/** A number of labels as text: what `--labels` takes, or `all`. */
export const labelsText = (amount: LabelAmount | "all"): string =>
  amount === "all" ? amount : labelAmount.write(amount);

/**
 * Compares models and yields what happens; leaving the loop stops it. The last event has the table.
 * @throws `E_NAME`, `E_OPTION`, `E_HEAD` for a call that cannot be done, and as `open` for its data, before anything is made;
 * `E_RUN_CONFLICT` for a folder of another comparison, or for data that changed; `E_DATA_EMPTY` for data without a test part;
 * `E_DATA_NOT_FOUND` for a named network that cannot be fetched
 */
export async function* compare(call: CompareCall): AsyncGenerator<CompareEvent, void> {
  const { data, models, labels = ["all"], seeds = 3, options: _, out, backend = "auto", interrupted, ...run } = call;
  // Once, and not by each of the processes.
  await fetchBackbone(run.backbone);
  const variants = checkCall(call);
  const [first] = variants.values();
  await tryNewSource(data, out, planned(run, first!).options, (found) => requireTest(data, found));
  const lock = openFolder(out, "comparison", ["cells"], { data: placeOf(data), backend, ...run });
  try {
    const cells = cellsOf(models, labels.map(labelsText), seeds);
    const done = new Map<Cell, Trained>();
    const failed: FailedCell[] = [];
    const variantOf = (cell: Cell) => variants.get(cell.model)!;
    for (const cell of cells) {
      refuseOtherOptions(runFolder(out, cell), variantOf(cell));
      const known = knownResult(out, cell);
      if (known) done.set(cell, known);
    }
    yield { type: "start", cells: cells.length, done: done.size };
    let stopped = false;
    let refused: GenclassError | undefined;
    for (const [index, cell] of cells.entries()) {
      if (done.has(cell)) continue;
      stopped = interrupted?.() ?? false;
      if (stopped) break;
      const folder = runFolder(out, cell);
      yield { type: "cell", state: existsSync(join(folder, "config.json")) ? "goes on" : "begins", cell, index };
      const { model, options, run: own } = variantOf(cell);
      const amount = cell.labels === "all" ? {} : { labels: amountOf(cell.labels) };
      const job: TrainJob = {
        ...{ kind: "train", model, options, run: { ...run, ...own, seed: cell.seed, ...amount } },
        ...{ source: data, backend, out: folder, evaluates: true },
        testAs: [...done.values()][0]?.fingerprint,
      };
      const show = (event: RunEvent): CompareEvent => ({
        ...{ type: "run", event, index },
        remaining: timeLeft(event, secondsOf(done), cells.length - done.size - failed.length - 1),
      });
      try {
        const trained = yield* relayed<Trained | undefined, CompareEvent>(runJob(job, interrupted), lock, show);
        stopped = trained === undefined;
        if (!trained) break;
        writeAtomically(resultFile(folder), `${JSON.stringify({ cell, trained })}\n`);
        done.set(cell, trained);
        yield { type: "cell", state: "done", cell: { ...cell, trained }, index };
      } catch (cause) {
        if (!isOfTheCell(cause)) throw cause;
        if (cause.code === "E_OPTION") refused ??= cause;
        const failure: FailedCell = { ...cell, code: cause.code, message: cause.message };
        failed.push(failure);
        yield { type: "cell", state: "failed", cell: failure, index };
      }
    }
    // Some models refuse some numbers of pictures or labels; what every cell refuses is wrong with the call.
    if (refused && failed.length === cells.length) throw refused;
    const found = cells.flatMap((cell) => (done.has(cell) ? [{ ...cell, trained: done.get(cell)! }] : []));
    refuseOtherData(found);
    const times = stopped
      ? new Map<string, AnswerTime>()
      : yield* answerTimes(out, firstRuns(out, found), lock, interrupted);
    const rows = compared(found, (model, amount) => times?.get(rowName(model, amount)));
    const comparison = { out, data, rows, cells: found, failed };
    // The chart library loads only now.
    const { writeComparison } = await import("./comparison-report.ts");
    const report = writeComparison(comparison, repeatComparison(call));
    yield { type: "end", reason: stopped || !times ? "interrupted" : "done", comparison, report };
  } finally {
    lock.release();
  }
}

/** The command line that makes a comparison again: what was asked for, though it be the default, as a model may choose another. */
function repeatComparison({
  data,
  models,
  labels = ["all"],
  seeds = 3,
  options = {},
  out,
  ...call
}: CompareCall): string {
  const { backend = "auto", interrupted, ...run } = call;
  const words = ["genclass", "compare", "--data", data, "--models", models.join(",")];
  words.push(
    "--labels",
    labels.map(labelsText).join(","),
    "--seeds",
    String(seeds),
    ...optionWords(run, Object.keys(run)),
  );
  for (const [model, values] of Object.entries(options))
    for (const [name, value] of Object.entries(values)) words.push("--set", `${model}.${name}=${String(value)}`);
  return shellLine([...words, ...(backend === "auto" ? [] : ["--backend", backend]), "--out", out]);
}

/** What is compared, by name, with all options of its model that were asked for. @throws `E_USAGE`, and as `planRun` */
function checkCall({
  data,
  models,
  labels = ["all"],
  seeds = 3,
  options = {},
  out,
  backend,
  interrupted,
  ...run
}: CompareCall): ReadonlyMap<string, Variant> {
  if (models.length === 0) fail("E_USAGE", "nothing to compare; name some models, as in --models vae,cnn");
  if (!Number.isInteger(seeds) || seeds < 1) fail("E_OPTION", `seeds: ${seeds}; expected a whole number of at least 1`);
  for (const amount of labels) {
    const parsed = amount === "all" || labelAmount.schema.safeParse(amount);
    if (parsed !== true && !parsed.success)
      fail("E_OPTION", `labels: ${shown(amount)}: ${parsed.error.issues[0]!.message}, or "all"`);
  }
  for (const [what, words] of [
    ["model", models],
    ["number of labels", labels.map(labelsText)],
  ] as const) {
    const twice = words.find((word, i) => words.indexOf(word) < i);
    if (twice !== undefined) fail("E_USAGE", `the ${what} ${twice} is given twice; give it once`);
  }
  const asked = models.map(parseVariant);
  const variants = asked.map((one): Variant => ({ ...one, options: { ...options[one.model], ...one.options } }));
  for (const name of Object.keys(options))
    if (!variants.some(({ model }) => model === name))
      fail("E_OPTION", `options are given for ${name}, which is not compared; compared are ${models.join(", ")}`);
  for (const variant of variants) {
    const { name, model } = variant;
    const { modelOptions, data: pictures } = planned(run, variant);
    const { heads } = findModel(model).build(modelOptions, pictures);
    if (!Object.hasOwn(heads, "classify"))
      fail("E_HEAD", `${name} does not classify, and has no accuracy to be compared by; leave it out`);
  }
  return new Map(variants.map((one) => [one.name, one]));
}

/** A run of a variant. @throws as `planRun` */
const planned = (shared: SharedRunOptions, { model, options, run }: Variant) =>
  planRun(model, { ...shared, ...run, options });

/** Seed by seed, so that a comparison that was stopped has as many seeds of each model. */
const cellsOf = (models: readonly string[], labels: readonly string[], seeds: number): Cell[] =>
  Array.from({ length: seeds }, (_, seed) => seed).flatMap((seed) =>
    labels.flatMap((amount) => models.map((model) => ({ model, labels: amount, seed }))),
  );

const rowName = (model: string, labels: string): string =>
  `${folderName(model)}-${labels.replace("%", "-percent").replace("=", "-")}`;
const runFolder = (out: string, { model, labels, seed }: Cell): string =>
  join(out, "cells", `${rowName(model, labels)}-seed-${seed}`);
const resultFile = (folder: string): string => join(folder, "cell.json");

const secondsOf = (done: ReadonlyMap<Cell, Trained>): number[] => [...done.values()].map(({ seconds }) => seconds);

const amountOf = (text: string): LabelAmount => labelAmount.schema.parse(labelAmount.read(text));

/** @throws `E_RUN_CONFLICT` for a cell that was begun with other options of its model */
function refuseOtherOptions(folder: string, { model, options }: Variant): void {
  if (!existsSync(join(folder, "config.json"))) return;
  const has = RunFolder.open(folder).config.options;
  for (const [name, wants] of Object.entries(parseOptions(findModel(model), options)))
    if (!isDeepStrictEqual(has[name], wants))
      fail(
        "E_RUN_CONFLICT",
        `${folder} was begun with ${name}=${String(has[name])}, the call says ${String(wants)}; say the same to go on with it, or choose another --out`,
      );
}

/** The result of a cell that is done. */
function knownResult(out: string, cell: Cell): Trained | undefined {
  const file = resultFile(runFolder(out, cell));
  return existsSync(file) ? readJson(file, z.object({ trained: trainedSchema })).trained : undefined;
}

/** @throws `E_RUN_CONFLICT` where cells have seen other test pictures, or those of the same seed and labels any others */
function refuseOtherData(cells: readonly DoneCell[]): void {
  const seen = new Map<string, DoneCell>();
  for (const cell of cells) {
    const [first] = cells as [DoneCell];
    refuseOtherTest(first.trained.fingerprint, cell.trained.fingerprint, cell.model);
    const key = `${cell.seed} ${cell.labels}`;
    const other = seen.get(key) ?? cell;
    seen.set(key, other);
    if (other.trained.fingerprint !== cell.trained.fingerprint)
      fail(
        "E_RUN_CONFLICT",
        `${other.model} and ${cell.model} were trained on other data with ${cell.labels} labels and seed ${cell.seed}; the source changed in between: compare anew, with another --out`,
      );
  }
}

/** The first seed's run of each row, by `rowName`. */
function firstRuns(out: string, cells: readonly DoneCell[]): ReadonlyMap<string, TimedRun> {
  const first = new Map<string, TimedRun>();
  for (const cell of cells) {
    const row = rowName(cell.model, cell.labels);
    const folder = runFolder(out, cell);
    if (!first.has(row)) first.set(row, { folder, result: resultFile(folder) });
  }
  return first;
}
