// A folder of class folders, flat or with train, val, test and unlabelled above them.
import { readdirSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { fail } from "../../base/errors.ts";
import { isPicture } from "./decode.ts";
import { fileState, type PictureEntry, type PictureSource, type Split, splitOf } from "./source.ts";

const subfolders = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();

/** Whether a folder is to be read by `readFolder`: it has folders inside, or pictures, which are then refused with a reason. */
export function isClassFolder(folder: string): boolean {
  return subfolders(folder).length > 0 || readdirSync(folder).some(isPicture);
}

/** Pictures of one split; the class is the name of the folder they lie in. */
function list(folder: string, split: Split, others: Map<string, number>): PictureEntry[] {
  const names = subfolders(folder);
  if (names.length === 0)
    fail(
      "E_DATA_FORMAT",
      `${folder}: expected one folder a class with pictures inside, got ${readdirSync(folder).some(isPicture) ? "pictures without class folders" : "no folder"}; put the pictures of each class into a folder named after it`,
    );
  return names.flatMap((label) => {
    const files = pictures(join(folder, label), others);
    if (files.length === 0) {
      const deeper = subfolders(join(folder, label)).length > 0;
      fail(
        "E_DATA_EMPTY",
        `${join(folder, label)}: class "${label}" has no picture${deeper ? " but folders below it: class folders are one level too deep; name the folder that directly holds the classes" : "; add pictures or remove the folder"}`,
      );
    }
    return files.map((name) => ({ name, split, label }));
  });
}

/** Picture files directly in a folder; files of other kinds are counted by their ending. */
function pictures(folder: string, others: Map<string, number>): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory() || entry.name.startsWith(".")) continue;
    if (isPicture(entry.name)) files.push(join(folder, entry.name));
    else {
      const ending = extname(entry.name).toLowerCase() || "no ending";
      others.set(ending, (others.get(ending) ?? 0) + 1);
    }
  }
  return files.sort();
}

const ofFiles = (folder: string, entries: PictureEntry[], others: Map<string, number>): PictureSource => ({
  name: folder,
  identity: () => entries.map(({ name }) => fileState(name)).join("\n"),
  entries: entries.map((entry) => ({ ...entry, name: relative(folder, entry.name) })),
  input: (index) => entries[index]!.name,
  warnings: [...others].map(
    ([ending, count]) => `ignored: ${count} files of a kind that is not read as a picture (${ending})`,
  ),
});

/**
 * The pictures of a folder of class folders (`cat/1.jpg`), or of one with splits above them (`train/cat/1.jpg`,
 * `unlabelled/…`); `SPLIT_NAMES` has the names of splits. Files that are no pictures are counted in the warnings.
 * @throws `E_DATA_FORMAT` where pictures lie outside class folders, `E_DATA_EMPTY` for a class without pictures
 */
export function readFolder(folder: string): PictureSource {
  const others = new Map<string, number>();
  const splits = new Map<Split, string>();
  for (const name of subfolders(folder)) {
    const split = splitOf(name);
    if (split && !splits.has(split)) splits.set(split, join(folder, name));
  }
  // A data set of vehicles has a class "train": then pictures lie in it directly, beside classes of other names.
  const train = splits.get("train");
  const isClass = train && subfolders(train).length === 0 && subfolders(folder).some((name) => !splitOf(name));
  if (!train || isClass) return ofFiles(folder, list(folder, "train", others), others);
  const entries = [...splits].flatMap(([split, path]) =>
    split === "unlabelled" ? bare(path, others) : list(path, split, others),
  );
  return ofFiles(folder, entries, others);
}

/** Every picture in a folder and below it, without labels. @throws `E_DATA_EMPTY` when there is none */
export function readUnlabelled(folder: string): PictureSource {
  const others = new Map<string, number>();
  const entries = bare(folder, others);
  if (entries.length === 0)
    fail("E_DATA_EMPTY", `${folder}: no picture in it or below it; expected pictures without labels`);
  return ofFiles(folder, entries, others);
}

function bare(folder: string, others: Map<string, number>): PictureEntry[] {
  return [
    ...pictures(folder, others).map((name): PictureEntry => ({ name, split: "unlabelled", label: null })),
    ...subfolders(folder).flatMap((name) => bare(join(folder, name), others)),
  ];
}
