// What benches have measured, as JSON files of results/.
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

/** What a file holds; undefined without the file. */
export function json<T>(file: string): T | undefined {
  const path = resolve(import.meta.dirname, "..", file);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;
}
