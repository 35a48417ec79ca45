// Picture arguments: files, folders and globs.
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fail } from "../base/errors.ts";
import { isPicture } from "../data/readers/decode.ts";

/** The picture files that words name, in order. @throws `E_DATA_NOT_FOUND` naming a word that matches nothing */
export function pictureFiles(words: readonly string[]): string[] {
  return words.flatMap((word) => {
    const found = expand(word);
    if (found.length === 0)
      fail(
        "E_DATA_NOT_FOUND",
        `"${word}" names no picture; expected a picture file, a folder with pictures, or a pattern such as "photos/*.jpg"`,
      );
    return found;
  });
}

function expand(word: string): string[] {
  if (existsSync(word)) return statSync(word).isDirectory() ? inFolder(word) : [word];
  if (!/[*?]/.test(basename(word)) || !existsSync(dirname(word))) return [];
  const pattern = new RegExp(
    `^${basename(word)
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );
  return readdirSync(dirname(word))
    .filter((name) => pattern.test(name) && isPicture(name))
    .sort()
    .map((name) => join(dirname(word), name));
}

function inFolder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter(isPicture)
    .sort()
    .map((name) => join(folder, name));
}

/** A file to write: the one asked for, which must not exist, or the first free number under `runs/`. @throws `E_WRITE` */
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
