// What every reader of encoded pictures gives: their names, splits and labels, and a way to their bytes.
import { statSync } from "node:fs";
import type { Warning } from "../warnings.ts";

/** What a picture is for; `unlabelled` ones are trained on without a label. */
export type Split = "train" | "validation" | "test" | "unlabelled";

/** The words that name each split as a folder, as a value in a table or in a file name, in lower case. */
export const SPLIT_NAMES: Readonly<Record<Split, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["val", "valid", "validation", "dev"],
  test: ["test", "testing"],
  unlabelled: ["unlabelled", "unlabeled", "unsup"],
};

/** The split that a word names, in any case of letters; undefined for another word. */
export const splitOf = (word: string): Split | undefined =>
  (Object.keys(SPLIT_NAMES) as Split[]).find((split) => SPLIT_NAMES[split].includes(word.toLowerCase()));

/** One picture of a source. */
export interface PictureEntry {
  /** The name by which the user knows it: a path below the source, or a member of an archive. */
  readonly name: string;
  readonly split: Split;
  /** Name of its class; null where it has none. */
  readonly label: string | null;
}

/** Encoded pictures, numbered by their place in `entries`. */
export interface PictureSource {
  /** What messages call it. */
  readonly name: string;
  /** A text that changes when the files change; the cache of decoded pictures is found by it. */
  identity(): string;
  readonly entries: readonly PictureEntry[];
  /** Where picture number `index` is: the path of its file, or its encoded bytes. */
  input(index: number): string | Promise<Uint8Array>;
  /** Whether reading out of order is slow. All pictures are then decoded in order before training. */
  readonly inOrder?: boolean;
  /** The other pictures of pairs, in the order of `entries`; of theirs only the names count. */
  readonly partners?: PictureSource;
  /** Classes that the source names and of which it has no training picture. */
  readonly emptyClasses?: readonly string[];
  /** What was ignored or is doubtful. */
  readonly warnings: readonly Warning[];
}

/** The label that stands for none in every format. */
export const NO_LABEL = "-1";

/** Whether a file or folder of an archive or folder is a note that macOS leaves beside the others. */
export const isMacNote = (path: string): boolean =>
  path.split(/[/\\]/).some((part) => part === "__MACOSX" || part.startsWith("._"));

/** The distinct class names among labels: in the order of numbers where all are whole numbers, else by code point. */
export function sortedClasses(labels: Iterable<string>): string[] {
  const names = [...new Set(labels)];
  const numeric = names.every((name) => /^\d{1,9}$/.test(name));
  return names.sort(numeric ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : 1));
}

/** Size in bytes and time of change of a file, as a text that is another one after the file has changed. */
export function fileState(file: string): string {
  const { size, mtimeMs } = statSync(file);
  return `${size} ${mtimeMs}`;
}
