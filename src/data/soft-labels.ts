// Soft labels: for each training picture how likely each class is, as judged by others; in a table beside class folders.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { parse } from "csv-parse/sync";
import { csvLine } from "../base/csv.ts";
import { fail } from "../base/errors.ts";
import type { Dataset, ImageSet } from "./dataset.ts";

/** The file's name, in the folder that has `train`, or the class folders. */
export const SOFT_LABELS = "soft-labels.csv";

const SIZE_LIMIT = 2 ** 28;
/** Decimals that probabilities are written with. */
const DECIMALS = 4;
/** By how much the probabilities of a picture may miss the sum 1: a hundredth, and what rounding each of `classes` may add. */
const sumSlack = (classes: number): number => 0.01 + (classes * 10 ** -DECIMALS) / 2;

/**
 * The table as text: a header `file` and the classes, then a line a picture.
 * @param files the path of each picture, from the folder of the table
 * @param rows `[n, classes]`, probabilities
 */
export function formatSoftLabels(
  classes: readonly string[],
  files: readonly string[],
  rows: ArrayLike<number>,
): string {
  const k = classes.length;
  const lines = files.map((file, i) =>
    csvLine([file, ...Array.from({ length: k }, (_, c) => Number(rows[i * k + c]!.toFixed(DECIMALS)))]),
  );
  return `${[csvLine(["file", ...classes]), ...lines].join("\n")}\n`;
}

/**
 * A data set with the soft labels that a table in its folder has for its training pictures; the same where there is no table.
 * @throws `E_DATA_FORMAT` for a table that does not fit: other classes, a picture that it does not name, what is no probability
 */
export function withSoftLabels<D extends Pick<Dataset, "train" | "classes">>(data: D, folder: string): D {
  const path = join(folder, SOFT_LABELS);
  if (!existsSync(path)) return data;
  return { ...data, train: { ...data.train, soft: readRows(path, data.train, data.classes) } };
}

function readRows(path: string, { labels, name }: ImageSet, classes: readonly string[]): Float32Array {
  if (statSync(path).size > SIZE_LIMIT)
    fail("E_DATA_FORMAT", `${path}: larger than ${SIZE_LIMIT >> 20} MiB; remove it`);
  const [head = [], ...lines] = table(path);
  const columns = classes.map((one) => head.indexOf(one, 1));
  if (head[0] !== "file" || head.length !== classes.length + 1 || columns.includes(-1))
    fail(
      "E_DATA_FORMAT",
      `${path}: its header is "${head.join(",").slice(0, 80)}"; expected file and the classes ${classes.join(", ").slice(0, 200)}. Remove the table to train on the names of the folders alone`,
    );
  const byFile = new Map<string, number>();
  for (const [i, line] of lines.entries()) {
    const [file, first] = [line[0]!, byFile.get(line[0]!)];
    if (first !== undefined)
      fail("E_DATA_FORMAT", `${path}: line ${i + 2} is of ${file}, as line ${first + 2} is; remove one of the two`);
    byFile.set(file, i);
  }
  const k = classes.length;
  const rows = new Float32Array(labels.length * k);
  for (let i = 0; i < labels.length; i++) {
    const file = name!(i).split(sep).join("/");
    const at = byFile.get(file);
    if (at === undefined)
      fail(
        "E_DATA_FORMAT",
        `${path}: no line for ${file}; remove the table to train on the names of the folders alone`,
      );
    const values = columns.map((column) => Number(lines[at]![column] || Number.NaN));
    const sum = values.reduce((a, b) => a + b, 0);
    if (!values.every((value) => value >= 0 && value <= 1) || Math.abs(sum - 1) > sumSlack(k))
      fail(
        "E_DATA_FORMAT",
        `${path}: line ${at + 2} has ${lines[at]!.slice(1).join(",").slice(0, 80)}; expected a probability of each class, which sum up to 1`,
      );
    for (const [c, value] of values.entries()) rows[i * k + c] = value / sum;
  }
  return rows;
}

function table(path: string): string[][] {
  try {
    return parse(readFileSync(path), { bom: true, skip_empty_lines: true });
  } catch (cause) {
    fail("E_DATA_FORMAT", `${path} is no table of comma-separated values: ${(cause as Error).message}`, cause);
  }
}
