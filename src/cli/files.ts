// Files on the command line: pictures to read, by name or pattern, and a free name for what is written.
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { globSync } from "tinyglobby";
import { fail } from "../base/errors.ts";
import { isPicture } from "../data/readers/decode.ts";

/**
 * The paths of the picture files that words name, in the order of the words. A word is a file, a folder (every picture in it
 * and below) or a pattern with `*`, `?`, `**`, `{a,b}` and `[0-9]`; what a folder or a pattern gives is sorted by path, without
 * hidden files.
 * @throws `E_DATA_NOT_FOUND` naming a word that names no picture
 */
export function pictureFiles(words: readonly string[]): string[] {
  return words.flatMap((word) => {
    const found = expand(word);
    if (found.length === 0)
      fail(
        "E_DATA_NOT_FOUND",
        `"${word}" names no picture; expected a picture file, a folder with pictures, or a pattern such as "photos/**/*.{jpg,png}"`,
      );
    return found;
  });
}

function expand(word: string): string[] {
  if (existsSync(word)) return statSync(word).isDirectory() ? matches(word, "**") : [word];
  // Folders that exist are taken by name, so that brackets in their names are no pattern; the rest is matched below the last of them.
  let folder = dirname(word);
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  return matches(folder, relative(folder, word).split(sep).join("/"));
}

/** The pictures below a folder that a pattern matches, sorted by path. */
function matches(folder: string, pattern: string): string[] {
  return globSync(pattern, { cwd: folder, expandDirectories: false })
    .filter(isPicture)
    .sort()
    .map((name) => join(folder, name));
}

/**
 * The path of a file to write: the one asked for, or else the first of `runs/STEM-1ENDING`, `runs/STEM-2ENDING`, … that does
 * not exist. The folder that it lies in is made.
 * @param ending with its dot, such as `.png`
 * @throws `E_WRITE` when the file asked for exists
 */
export function freeFile(asked: string | undefined, stem: string, ending: string): string {
  if (asked !== undefined) {
    if (existsSync(asked)) fail("E_WRITE", `${asked} exists; nothing is overwritten. Choose another --out`);
    mkdirSync(dirname(asked), { recursive: true });
    return asked;
  }
  mkdirSync("runs", { recursive: true });
  for (let n = 1; ; n++) {
    const file = join("runs", `${stem}-${n}${ending}`);
    if (!existsSync(file)) return file;
  }
}
