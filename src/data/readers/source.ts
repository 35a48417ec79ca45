// What a reader of encoded pictures gives: their names, parts and labels, and a way to their bytes.
import { statSync } from "node:fs";

export type Split = "train" | "validation" | "test" | "unlabelled";

/** Names that a split has as a folder, a column value or in a file name. */
export const SPLIT_NAMES: Readonly<Record<Split, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["val", "valid", "validation", "dev"],
  test: ["test", "testing"],
  unlabelled: ["unlabelled", "unlabeled", "unsup"],
};

/** The split that a word names. */
export const splitOf = (word: string): Split | undefined =>
  (Object.keys(SPLIT_NAMES) as Split[]).find((split) => SPLIT_NAMES[split].includes(word.toLowerCase()));

export interface PictureEntry {
  /** As the user knows it: a path, or an archive's member. */
  readonly name: string;
  readonly split: Split;
  /** Class name; null where there is none. */
  readonly label: string | null;
}

export interface PictureSource {
  /** What messages call it. */
  readonly name: string;
  /** Changes when the files change; names the cache of decoded pictures. */
  identity(): string;
  readonly entries: readonly PictureEntry[];
  /** A file's path or a picture's encoded bytes. */
  input(index: number): string | Promise<Uint8Array>;
  /** Whether reading out of order is slow, so that all are decoded in order at first. */
  readonly inOrder?: boolean;
  readonly warnings: readonly string[];
}

/** Class names in an order that does not depend on where they were found: by number when all are numbers, else by code point. */
export function sortedClasses(labels: Iterable<string>): string[] {
  const names = [...new Set(labels)];
  const numeric = names.every((name) => /^\d{1,9}$/.test(name));
  return names.sort(numeric ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : 1));
}

/** Size and time of a file: what changes when it does. */
export function fileState(file: string): string {
  const { size, mtimeMs } = statSync(file);
  return `${size} ${mtimeMs}`;
}
