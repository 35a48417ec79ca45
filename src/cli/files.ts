// Files on the command line: pictures to read, by name or pattern, and a free name for what is written.
import { existsSync, statSync } from "node:fs";
import { dirname, extname, join, relative, sep } from "node:path";
import { fail } from "../base/errors.ts";
import { makeFolder, requireWritable } from "../base/writing.ts";
import { requireEmpty } from "../data/empty.ts";
import { isPicture } from "../data/readers/decode.ts";
import { writeAtomically } from "../run/files.ts";
import { type PictureReader, type ReadPictures, readEach } from "../run/pictures.ts";
import { complain } from "./render.ts";

/**
 * The paths of the picture files that words name, in the order of the words. A word is a file, a folder (every picture in it
 * and below) or a pattern with `*`, `?`, `**`, `{a,b}` and `[0-9]`; what a folder or a pattern gives is sorted by path, without
 * hidden files.
 * @throws `E_DATA_NOT_FOUND` for a word that names no picture: what is missing
 */
export async function pictureFiles(words: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const word of words) {
    const found = await expand(word);
    if (found.length === 0)
      fail(
        "E_DATA_NOT_FOUND",
        `${missing(word)}; expected a picture file, a folder with pictures, or a pattern such as "photos/**/*.{jpg,png}"`,
      );
    files.push(...found);
  }
  return files;
}

/** Why a word names no picture. */
function missing(word: string): string {
  if (existsSync(word)) return `there is no picture in "${word}" or below`;
  return /[*?[\]{}]/.test(word) ? `"${word}" matches no picture` : `there is no file or folder "${word}"`;
}

async function expand(word: string): Promise<string[]> {
  if (existsSync(word)) return statSync(word).isDirectory() ? picturesBelow(word) : [word];
  // Folders that exist are taken by name, so that brackets in their names are no pattern; the rest is matched below the last of them.
  let folder = dirname(word);
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  return matches(folder, relative(folder, word).split(sep).join("/"));
}

/** The paths of all pictures in a folder and below, but hidden ones, sorted. */
export const picturesBelow = (folder: string): Promise<string[]> => matches(folder, "**");

/** The pictures below a folder that a pattern matches, sorted by path. */
async function matches(folder: string, pattern: string): Promise<string[]> {
  // Loaded when a word is no file: most often, words are files.
  const { globSync } = await import("tinyglobby");
  return globSync(pattern, { cwd: folder, expandDirectories: false })
    .filter(isPicture)
    .sort()
    .map((name) => join(folder, name));
}

/**
 * The pictures of files that decode. The others are told on standard error, and the command will exit with 1.
 * @throws `E_IMAGE` when none decodes
 */
export async function readPictures(model: PictureReader, files: readonly string[]): Promise<ReadPictures> {
  const read = await readEach(files, model);
  const [first, ...others] = read.failures;
  if (!first) return read;
  if (read.files.length === 0 && others.length === 0) throw first;
  for (const { code, message } of read.failures) complain(code, message);
  if (read.files.length === 0) fail("E_IMAGE", `none of the ${files.length} pictures decodes`);
  process.exitCode = 1;
  return read;
}

/**
 * The path of a file to write: the one asked for, or else the first of `STEM-1ENDING`, `STEM-2ENDING`, … that does not exist.
 * Nothing is made yet: a call is checked before its work begins, and `writeNew` writes at its end.
 * @param ending with its dot, such as `.png`
 * @throws `E_OPTION` when the file asked for has another ending, `E_WRITE` when it exists or may not be written
 */
export function freeFile(asked: string | undefined, stem: string, ending: string): string {
  if (asked !== undefined) {
    if (extname(asked).toLowerCase() !== ending)
      fail("E_OPTION", `--out ${asked}: what is written is a ${ending} file; expected a name that ends in ${ending}`);
    if (existsSync(asked)) fail("E_WRITE", `${asked} exists; nothing is overwritten. Choose another --out`);
  }
  const file = asked ?? freeName(stem, ending);
  requireWritable(file);
  return file;
}

/** The first of `STEM-1ENDING`, `STEM-2ENDING`, … at which nothing is. */
export function freeName(stem: string, ending = ""): string {
  for (let n = 1; ; n++) if (!existsSync(`${stem}-${n}${ending}`)) return `${stem}-${n}${ending}`;
}

/**
 * Refuses a folder to write into that is not new or empty, and a name that promises a file.
 * @param otherwise what else may be asked for, as the end of a sentence
 * @throws `E_OPTION` for a name with the ending of a file of pictures or data, `E_WRITE` where something is there
 */
export function requireFreeFolder(asked: string, otherwise = ""): void {
  const [ending] =
    /\.(npz|npy|csv|tsv|json|jsonl|parquet|tar|tgz|gz|zip|onnx|html?|bmp|pdf|svg)$/i.exec(asked) ??
    (isPicture(asked) ? [extname(asked)] : []);
  if (ending)
    fail(
      "E_OPTION",
      `--out ${asked}: ${ending} is the ending of a file, and a folder is written; leave the ending out${otherwise}`,
    );
  requireEmpty(asked);
}

/** Writes a file whose path `freeFile` gave, and the folder that it lies in. @throws `E_WRITE` */
export function writeNew(file: string, parts: readonly Uint8Array[] | string): void {
  makeFolder(dirname(file));
  writeAtomically(file, parts);
}
