// Pictures in tar and zip archives: WebDataset (KEY.jpg beside KEY.cls or KEY.json) or class folders inside. They are read
// where they lie: nothing is ever written by a name from an archive.
import { statSync } from "node:fs";
import { basename, extname } from "node:path";
import { fail } from "../../base/errors.ts";
import { Notes, tellingNotes } from "../warnings.ts";
import type { Archive, ArchiveMember } from "./archive.ts";
import { isPicture } from "./decode.ts";
import { expansionLimit, refuseExpansion } from "./expansion.ts";
import { fileState, isMacNote, type PictureEntry, type PictureSource, type Split, splitOf } from "./source.ts";
import { isTar, openTar } from "./tar.ts";
import { isZip, openZip } from "./zip-archive.ts";

/** Bytes of a picture file, at most: nothing larger is read into memory. */
const PICTURE_LIMIT = 2 ** 28;
/** Bytes of the note that says the label of a picture, at most. */
const NOTE_LIMIT = 2 ** 20;

/** Whether a file is an archive by its ending. */
export const isArchive = (file: string): boolean => isTar(file) || isZip(file);

/**
 * Opens an archive.
 * @param notes gets what is passed over
 * @throws `E_DATA_FORMAT` when it is damaged, or expands to more than pictures do
 */
export const openArchive = async (file: string, notes: Notes): Promise<Archive> =>
  isZip(file) ? openZip(file, notes) : openTar(file, notes);

/**
 * The pictures of archives. The split of an archive is the first word of its name: `test-0001.tar`. Members whose names
 * lead out of the archive are passed over with a warning.
 * @param files archives in the order in which their pictures are numbered
 * @param name what messages call them together
 * @throws `E_DATA_FORMAT` for an archive that is damaged, or expands to more than pictures do; `E_DATA_EMPTY` when there is no picture
 */
export function readArchives(files: readonly string[], name: string): Promise<PictureSource> {
  const notes = new Notes();
  return tellingNotes(
    () => notes.warnings,
    () => indexed(files, name, notes),
  );
}

async function indexed(files: readonly string[], name: string, notes: Notes): Promise<PictureSource> {
  const entries: PictureEntry[] = [];
  const places: { archive: Archive; index: number }[] = [];
  for (const file of files) {
    const archive = await openArchive(file, notes);
    const kept = archive.members.flatMap((member, index) => {
      const why = whyIgnored(member);
      if (why) notes.add(why, `${basename(file)}/${member.name}`);
      return why ? [] : [index];
    });
    // The directory of a zip archive may list the same few bytes any number of times.
    const limit = expansionLimit(statSync(file).size);
    if (kept.reduce((sum, index) => sum + archive.members[index]!.size, 0) > limit) refuseExpansion(file, limit);
    const labels = labelNotes(archive, kept);
    const split = splitOf(basename(file).split(/[-_.]/)[0] ?? "") ?? "train";
    for (const index of kept) {
      const member = archive.members[index]!.name;
      if (!isPicture(member)) continue;
      entries.push({ name: `${basename(file)}/${member}`, ...placeOf(member, labels, split) });
      places.push({ archive, index });
    }
  }
  if (entries.length === 0)
    fail(
      "E_DATA_EMPTY",
      `${name}: no picture in it; expected members such as 000001.jpg beside 000001.cls, or cat/1.jpg`,
    );
  return {
    name,
    identity: () => files.map(fileState).join("\n"),
    entries,
    async input(index) {
      const place = places[index]!;
      return place.archive.read(place.index);
    },
    warnings: notes.warnings,
  };
}

/** Why a member is neither a picture nor the label of one; undefined where it is. */
function whyIgnored({ name, size }: ArchiveMember): string | undefined {
  if (isUnsafe(name)) return "ignored, as their names lead out of the archive";
  if (isMacNote(name)) return "ignored, as macOS left them as notes";
  if (isNote(name)) return undefined;
  if (!isPicture(name))
    return `ignored, as ${extname(name).toLowerCase() || "a file without an ending"} is not read as a picture`;
  return size > PICTURE_LIMIT ? "ignored, as they are larger than 256 MiB" : undefined;
}

const isUnsafe = (name: string): boolean =>
  name.startsWith("/") || /^[A-Za-z]:/.test(name) || name.includes("\\") || name.split("/").includes("..");

/** Whether a member says the label of a picture. */
const isNote = (name: string): boolean => name.endsWith(".json") || name.endsWith(".cls");

/** `a/b/000001.seg.jpg` -> `a/b/000001`: what the members of one example share. */
const keyOf = (name: string): string => {
  const slash = name.lastIndexOf("/") + 1;
  const dot = name.indexOf(".", slash);
  return dot < 0 ? name : name.slice(0, dot);
};

/** Labels by key, from `.cls` (text) and `.json` (`label` or `class`). */
function labelNotes(archive: Archive, kept: readonly number[]): Map<string, string> {
  const labels = new Map<string, string>();
  for (const index of kept) {
    const { name, size } = archive.members[index]!;
    if (!isNote(name) || size > NOTE_LIMIT) continue;
    const text = new TextDecoder().decode(archive.read(index));
    const label = name.endsWith(".json") ? labelOfJson(text) : text.trim();
    if (label) labels.set(keyOf(name), label);
  }
  return labels;
}

function labelOfJson(content: string): string | undefined {
  try {
    const { label, class: other } = JSON.parse(content) as { label?: unknown; class?: unknown };
    const found = label ?? other;
    return typeof found === "string" || typeof found === "number" ? String(found) : undefined;
  } catch {
    return undefined;
  }
}

/** Split and label of a member: from its note, else from the folders above it (`test/cat/1.jpg`). */
function placeOf(name: string, notes: Map<string, string>, ofArchive: Split): Pick<PictureEntry, "split" | "label"> {
  const folders = name
    .split("/")
    .slice(0, -1)
    .filter((part) => part !== "." && part !== "");
  const split = folders.map(splitOf).find((found) => found !== undefined) ?? ofArchive;
  const label = notes.get(keyOf(name)) ?? folders.filter((folder) => !splitOf(folder)).at(-1) ?? null;
  if (split === "unlabelled" || (label === null && split === "train")) return { split: "unlabelled", label: null };
  return { split, label };
}
