// A folder of class folders, flat or with train, val, test and unlabelled above them.
import { readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { fail } from "../../base/errors.ts";
import { SOFT_LABELS } from "../soft-labels.ts";
import { Notes } from "../warnings.ts";
import { isPicture } from "./decode.ts";
import { fileState, isMacNote, type PictureEntry, type PictureSource, type Split, splitOf } from "./source.ts";

/** What lies directly in a folder, links followed, sorted by name; hidden files are no part of it. */
interface Listing {
  readonly folders: readonly string[];
  readonly pictures: readonly string[];
  /** Why everything else is not read, by name. */
  readonly ignored: ReadonlyMap<string, string>;
}

function listing(folder: string): Listing {
  const [folders, pictures, ignored] = [[] as string[], [] as string[], new Map<string, string>()];
  for (const name of readdirSync(folder).sort()) {
    if (isMacNote(name)) ignored.set(name, "ignored, as macOS left them as notes");
    if (name.startsWith(".") || isMacNote(name)) continue;
    const found = stateOf(join(folder, name));
    if (!found) ignored.set(name, "ignored, as they are links that lead nowhere");
    else if (found.isDirectory()) folders.push(name);
    else if (!found.isFile()) ignored.set(name, "ignored, as they are neither files nor folders");
    else if (isPicture(name)) pictures.push(name);
    else
      ignored.set(
        name,
        `ignored, as ${extname(name).toLowerCase() || "a file without an ending"} is not read as a picture`,
      );
  }
  return { folders, pictures, ignored };
}

const stateOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });

/** Whether a folder is to be read by `readFolder`: it has folders inside, or pictures, which are then refused with a reason. */
export function isClassFolder(folder: string): boolean {
  const { folders, pictures } = listing(folder);
  return folders.length > 0 || pictures.length > 0;
}

interface EmptyClass {
  readonly label: string;
  readonly place: string;
  /** Whether there are folders in it. */
  readonly tooDeep: boolean;
}

/** @throws `E_DATA_EMPTY` always */
function refuseEmpty({ label, place, tooDeep }: EmptyClass): never {
  fail(
    "E_DATA_EMPTY",
    `${place}: class "${label}" has no picture${tooDeep ? " but folders below it: class folders are one level too deep; name the folder that directly holds the classes" : "; add pictures or remove the folder"}`,
  );
}

/** Walks a folder once, noting what it passes over. */
class FolderReader {
  readonly notes = new Notes();
  private readonly emptyClasses: string[] = [];

  /** @param allowEmpty whether class folders without pictures are noted, and not refused, where others have some */
  constructor(
    private readonly root: string,
    private readonly allowEmpty = false,
  ) {}

  private list(folder: string): Listing {
    const found = listing(folder);
    for (const [name, why] of found.ignored) {
      // Where it lies elsewhere, nothing reads it.
      if (name === SOFT_LABELS && folder === this.root) continue;
      this.notes.add(why, relative(this.root, join(folder, name)));
    }
    return found;
  }

  private ignore(why: string, folder: string, names: readonly string[]): void {
    for (const name of names) this.notes.add(why, relative(this.root, join(folder, name)));
  }

  source(entries: readonly PictureEntry[]): PictureSource {
    return {
      name: this.root,
      identity: () => entries.map(({ name }) => fileState(name)).join("\n"),
      entries: entries.map((entry) => ({ ...entry, name: relative(this.root, entry.name) })),
      input: (index) => entries[index]!.name,
      emptyClasses: this.emptyClasses,
      warnings: this.notes.warnings,
    };
  }

  /** The pictures of a folder with class folders, or with splits above them. */
  read(): PictureEntry[] {
    const { root } = this;
    const { folders } = listing(root);
    const splits = new Map<Split, string>();
    for (const name of folders) {
      const split = splitOf(name);
      if (split && !splits.has(split)) splits.set(split, name);
    }
    // A data set of vehicles has a class "train": then pictures lie in it directly, beside classes of other names.
    const train = splits.get("train");
    const isClass = train && listing(join(root, train)).folders.length === 0 && folders.some((name) => !splitOf(name));
    if (!train || isClass) return this.classes(root, "train");
    const { pictures } = this.list(root);
    this.ignore("ignored, as they lie outside the class folders", root, pictures);
    const read = [...splits.values()];
    this.ignore(
      `ignored, as they lie beside ${train} and are not split names`,
      root,
      folders.filter((name) => !splitOf(name)),
    );
    this.ignore(
      "ignored, as another folder is of the same split",
      root,
      folders.filter((name) => splitOf(name) && !read.includes(name)),
    );
    return [...splits].flatMap(([split, name]) =>
      split === "unlabelled" ? this.unlabelled(join(root, name)) : this.classes(join(root, name), split),
    );
  }

  /** Pictures of one split; the class is the name of the folder they lie in. */
  private classes(folder: string, split: Split): PictureEntry[] {
    const { folders, pictures } = this.list(folder);
    if (folders.length === 0)
      fail(
        "E_DATA_FORMAT",
        `${folder}: expected one folder a class with pictures inside, got ${pictures.length > 0 ? "pictures without class folders" : "no folder"}; put the pictures of each class into a folder named after it`,
      );
    this.ignore("ignored, as they lie outside the class folders", folder, pictures);
    const empty: EmptyClass[] = [];
    const entries = folders.flatMap((label) => {
      const place = join(folder, label);
      const found = this.list(place);
      if (found.pictures.length === 0) empty.push({ label, place, tooDeep: found.folders.length > 0 });
      else this.ignore("ignored, as they are folders inside class folders", place, found.folders);
      return found.pictures.map((name) => ({ name: join(place, name), split, label }));
    });
    if (empty.length > 0 && (!this.allowEmpty || (split === "train" && entries.length === 0))) refuseEmpty(empty[0]!);
    for (const { label, place, tooDeep } of empty) {
      this.notes.add(
        `class folders without a picture${tooDeep ? " but with folders below them" : ""}, which training refuses; add pictures or remove them`,
        relative(this.root, place),
      );
      if (split === "train") this.emptyClasses.push(label);
    }
    return entries;
  }

  /** Every picture in a folder and below it, each folder once, whatever links lead to it. */
  unlabelled(folder: string, seen = new Set<string>()): PictureEntry[] {
    const place = realpathSync(folder);
    if (seen.has(place)) return [];
    seen.add(place);
    const { folders, pictures } = this.list(folder);
    return [
      ...pictures.map((name): PictureEntry => ({ name: join(folder, name), split: "unlabelled", label: null })),
      ...folders.flatMap((name) => this.unlabelled(join(folder, name), seen)),
    ];
  }
}

/**
 * The pictures of a folder of class folders (`cat/1.jpg`), or of one with splits above them (`train/cat/1.jpg`,
 * `unlabelled/…`); `SPLIT_NAMES` has the names of splits. Links are followed. What is passed over is told in the warnings.
 * @param allowEmpty whether class folders without pictures are allowed, where other classes have some
 * @throws `E_DATA_FORMAT` where pictures lie outside class folders alone, `E_DATA_EMPTY` for a class without pictures
 */
export function readFolder(folder: string, allowEmpty = false): PictureSource {
  const reader = new FolderReader(folder, allowEmpty);
  return reader.source(reader.read());
}

/** Every picture in a folder and below it, without labels. @throws `E_DATA_EMPTY` when there is none */
export function readUnlabelled(folder: string): PictureSource {
  const reader = new FolderReader(folder);
  const entries = reader.unlabelled(folder);
  if (entries.length === 0)
    fail("E_DATA_EMPTY", `${folder}: no picture in it or below it; expected pictures without labels`);
  return reader.source(entries);
}
