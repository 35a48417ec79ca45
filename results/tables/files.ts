// The files of results/, as tables are made of them.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file of results/ as a path. */
const here = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The lines of a CSV file, by the names in its first one; none without the file. */
export function records(file: string): Record<string, string>[] {
  if (!existsSync(here(file))) return [];
  const [head, ...lines] = readFileSync(here(file), "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  return lines.map((cells) => Object.fromEntries(head!.map((name, i) => [name, cells[i] ?? ""])));
}

/** What a JSON file holds; undefined without the file. */
export const json = <T>(file: string): T | undefined =>
  existsSync(here(file)) ? (JSON.parse(readFileSync(here(file), "utf8")) as T) : undefined;
