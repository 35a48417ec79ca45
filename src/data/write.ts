// Data sets as files: class folders of PNG, a NumPy archive, or WebDataset tar shards.
import { createWriteStream, existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { zipSync } from "fflate";
import { pack } from "tar-stream";
import { fail } from "../base/errors.ts";
import { makeFolder } from "../base/writing.ts";
import { type Dataset, gather, type ImageSet, keptPartner, PARTS, range } from "./dataset.ts";
import { requireEmpty } from "./empty.ts";
import { loadSharp } from "./readers/decode.ts";
import { formatNpy, formatNpyText } from "./readers/npy.ts";
import { formatSoftLabels, SOFT_LABELS } from "./soft-labels.ts";

/** Is called after each picture with the number of pictures written so far. */
export type WriteProgress = (written: number) => void;

async function png(set: ImageSet, index: number): Promise<Buffer> {
  const { width, height, channels } = set;
  const sharp = await loadSharp();
  return sharp(await gather(set, [index]), { raw: { width, height, channels: channels as 1 | 3 } })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .png()
    .toBuffer();
}

/** Makes a folder that does not hold anything yet. @throws `E_WRITE` */
function emptyFolder(path: string): void {
  requireEmpty(path);
  makeFolder(path);
}

/** Labels are folder and member names: no separators, no leading dot. */
const safeName = (label: string): string => label.replaceAll(/[/\\:*?"<>|\0]/g, "_").replace(/^\.+/, "_");

/** @throws `E_DATA_FORMAT` for pairs, of which a format of single pictures would lose one side */
function requireSingles(data: Dataset): void {
  const part = PARTS.find((name) => data[name] && keptPartner(data[name]) !== undefined);
  if (part !== undefined)
    fail(
      "E_DATA_FORMAT",
      `${data.name} has pairs of pictures (${part}), which no format that is written has a place for; train on the folder of pairs as it is`,
    );
}

/** Names of class folders. @throws `E_DATA_LABEL` for classes that would have the same one, on some file system at least */
function folderNames(classes: readonly string[]): string[] {
  const names = classes.map(safeName);
  const known = new Map<string, string>();
  for (const [k, name] of names.entries()) {
    const other = known.get(name.toLowerCase());
    if (other !== undefined)
      fail(
        "E_DATA_LABEL",
        `the classes "${other}" and "${classes[k]}" would share the folder ${name}; rename one, or write an archive (.npz) or shards, which keep names as they are`,
      );
    known.set(name.toLowerCase(), classes[k]!);
  }
  return names;
}

/** @throws `E_DATA_LABEL` for pictures without a label that training may not see: a folder has no place for them */
function requireHeldLabels(data: Dataset): void {
  for (const part of ["validation", "test"] as const) {
    const n = data[part]?.labels.filter((label) => label < 0).length ?? 0;
    if (n > 0)
      fail(
        "E_DATA_LABEL",
        `${n} pictures of the ${part} part have no label, and unlabelled/ is for training; label them, leave them out, or write an archive (.npz) or shards, which keep parts as they are`,
      );
  }
}

/**
 * Writes a data set as class folders of PNG: `OUT/train/CLASS/000001.png`, and unlabelled training pictures in
 * `OUT/unlabelled`.
 * A class without pictures has no folder. Characters of class names that file systems refuse become `_`. Soft labels of training
 * pictures, all of which then have a label, go into a table beside.
 * @returns the number of pictures written
 * @throws `E_WRITE` when the folder is not empty; `E_DATA_LABEL` for classes whose folders would have one name, and for held-out pictures
 * without a label; `E_DATA_FORMAT` for pairs
 */
export async function writeFolders(data: Dataset, out: string, progress?: WriteProgress): Promise<number> {
  requireSingles(data);
  requireHeldLabels(data);
  const names = folderNames(data.classes);
  emptyFolder(out);
  let written = 0;
  for (const part of PARTS) {
    const set = data[part];
    if (!set) continue;
    const folders = names.map((name) => join(out, part, name));
    const placeOf = (label: number) => folders[label] ?? join(out, "unlabelled");
    // A folder without pictures would be refused when it is read.
    for (const label of new Set(set.labels)) makeFolder(placeOf(label));
    for (let i = 0; i < set.labels.length; i++) {
      writeFileSync(join(placeOf(set.labels[i]!), `${String(i).padStart(6, "0")}.png`), await png(set, i));
      progress?.(++written);
    }
    if (part !== "train" || !set.soft) continue;
    const files = Array.from(
      set.labels,
      (label, i) => `${part}/${names[label] ?? ""}/${String(i).padStart(6, "0")}.png`,
    );
    writeFileSync(join(out, SOFT_LABELS), formatSoftLabels(names, files, set.soft));
  }
  return written;
}

/**
 * Writes a data set as a NumPy archive: `x_train`, `x_validation`, … are uint8 `[n, h, w, c]`, `y_train`, … int32 `[n]` with
 * -1 for no label, and `classes` holds the names.
 * @returns the number of pictures written
 * @throws `E_WRITE` when the file exists; `E_DATA_FORMAT` for pairs
 */
export async function writeNpz(data: Dataset, out: string): Promise<number> {
  requireSingles(data);
  if (existsSync(out)) fail("E_WRITE", `${out} exists; nothing is overwritten. Choose another --out`);
  const arrays: Record<string, Uint8Array> = { "classes.npy": formatNpyText(data.classes) };
  let written = 0;
  for (const part of PARTS) {
    const set = data[part];
    if (!set) continue;
    const n = set.labels.length;
    arrays[`x_${part}.npy`] = formatNpy("|u1", [n, set.height, set.width, set.channels], await gather(set));
    const labels = new Uint8Array(set.labels.slice().buffer);
    arrays[`y_${part}.npy`] = formatNpy("<i4", [n], labels);
    written += n;
  }
  makeFolder(dirname(out));
  writeFileSync(out, zipSync(arrays, { level: 1 }));
  return written;
}

/**
 * Writes a data set as WebDataset shards `OUT/train-000000.tar`, …, with a PNG and its class name in a `.cls` member for each
 * picture.
 * @param size most pictures in a shard
 * @returns the number of pictures written
 * @throws `E_WRITE` when the folder is not empty; `E_DATA_FORMAT` for pairs
 */
export async function writeShards(data: Dataset, out: string, size: number, progress?: WriteProgress): Promise<number> {
  requireSingles(data);
  emptyFolder(out);
  let written = 0;
  for (const part of PARTS) {
    const set = data[part];
    if (!set) continue;
    for (let from = 0, shard = 0; from < set.labels.length; from += size, shard++) {
      const archive = pack();
      const file = createWriteStream(join(out, `${part}-${String(shard).padStart(6, "0")}.tar`));
      const done = pipeline(archive, file);
      for (const i of range(from, Math.min(from + size, set.labels.length))) {
        const key = String(i).padStart(8, "0");
        const label = set.labels[i]!;
        await member(archive, `${key}.png`, await png(set, i));
        if (label >= 0) await member(archive, `${key}.cls`, Buffer.from(data.classes[label]!));
        progress?.(++written);
      }
      archive.finalize();
      await done;
    }
  }
  return written;
}

const member = (archive: ReturnType<typeof pack>, name: string, content: Buffer) =>
  new Promise<void>((resolve, reject) => {
    archive.entry({ name }, content, (error) => (error ? reject(error) : resolve()));
  });
