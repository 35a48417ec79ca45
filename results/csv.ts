// CSV files of results/: written row by row by the scripts that measure, and read by the tables.
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

/** A row by the names of the columns, in their order. The last value alone may have commas: what `records` gives of it ends there. */
export type Row = Readonly<Record<string, string | number>>;

const pathOf = (file: string) => resolve(import.meta.dirname, file);
/** None without the file. */
const linesOf = (file: string) =>
  existsSync(pathOf(file)) ? readFileSync(pathOf(file), "utf8").trim().split("\n") : [];

/** The rows of a file, by the names in its first line; none without the file. */
export function records(file: string): Record<string, string>[] {
  const [head, ...lines] = linesOf(file).map((line) => line.split(","));
  return lines.map((cells) => Object.fromEntries(head!.map((name, i) => [name, cells[i] ?? ""])));
}

/** Adds a row, and the names where the file is new. */
export function addRow(file: string, row: Row): void {
  if (!existsSync(pathOf(file))) writeFileSync(pathOf(file), `${Object.keys(row).join(",")}\n`);
  appendFileSync(pathOf(file), `${Object.values(row).join(",")}\n`);
}

/** Adds a row in place of one with the same values in the first `keys` columns; the lines of the file are in order. */
export function putRow(file: string, row: Row, keys: number): void {
  const cells = Object.values(row);
  const others = linesOf(file)
    .slice(1)
    .filter((line) => !line.startsWith(`${cells.slice(0, keys).join(",")},`));
  writeFileSync(pathOf(file), `${[Object.keys(row).join(","), ...[...others, cells.join(",")].sort()].join("\n")}\n`);
}

/** Numbers as text, to so many decimals. */
export const fixed = (numbers: Readonly<Record<string, number>>, decimals: number): Record<string, string> =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, value.toFixed(decimals)]));

const head = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
/** The commit that is measured: the one that was there when the script began. */
export const commit = (): string => head;
