// A folder of pairs: A has what is translated, B what that should be, under equal names, flat or with train, val and test below.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../base/errors.ts";
import { isClassFolder, readUnlabelled } from "./folder.ts";
import { type PictureEntry, type PictureSource, splitOf } from "./source.ts";

/** The folder of what is translated, and that of what it should be. */
const [GIVEN, WANTED] = ["A", "B"] as const;
/** The class of every pair: data has classes, and these have none. */
const PAIR = "pair";

/** Whether there are the folders A and B alone in a folder, and pictures below both of which the first have one name. */
export function isPairFolder(folder: string): boolean {
  const names = readdirSync(folder).filter((name) => !name.startsWith("."));
  if (names.sort().join() !== `${GIVEN},${WANTED}`) return false;
  if (!names.every((name) => isClassFolder(join(folder, name)))) return false;
  const [given, wanted] = sides(folder);
  return given.entries[0]!.name === wanted.entries[0]!.name;
}

const sides = (folder: string) => [readUnlabelled(join(folder, GIVEN)), readUnlabelled(join(folder, WANTED))] as const;

/**
 * The pairs of a folder: the pictures of `B`, with those of `A` as their partners. `train`, `val` and `test` below both are the
 * splits; without them all are of the training part.
 * @throws `E_DATA_FORMAT` for a picture that has no counterpart
 */
export function readPairFolder(folder: string): PictureSource {
  const [given, wanted] = sides(folder);
  requireCounterparts(folder, [GIVEN, given], [WANTED, wanted]);
  requireCounterparts(folder, [WANTED, wanted], [GIVEN, given]);
  const note = "read as pairs, A to be translated to B; rename a folder where these are two classes";
  return {
    ...wanted,
    entries: wanted.entries.map(pairEntry),
    warnings: [...given.warnings, ...wanted.warnings, { text: note, names: [] }],
    // Both are listed in the order of their names.
    partners: given,
  };
}

function pairEntry({ name }: PictureEntry): PictureEntry {
  const [first, ...rest] = name.split(/[/\\]/);
  const split = rest.length > 0 ? splitOf(first!) : undefined;
  return { name, split: split ?? "train", label: PAIR };
}

type Side = readonly [folder: string, source: PictureSource];

function requireCounterparts(folder: string, [from, own]: Side, [to, other]: Side): void {
  const known = new Set(other.entries.map(({ name }) => name));
  const alone = own.entries.find(({ name }) => !known.has(name));
  if (alone)
    fail(
      "E_DATA_FORMAT",
      `${join(folder, from, alone.name)} has no counterpart; expected pictures of equal names in ${GIVEN} and ${WANTED}: add ${join(folder, to, alone.name)}, take the other away, or rename a folder where these are two classes`,
    );
}
