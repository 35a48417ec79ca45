// A folder of class folders, flat or with train, val and test above them. Pictures are decoded by sharp, in parallel.
import { existsSync, readdirSync, statSync } from "node:fs";
import { cpus } from "node:os";
import { basename, extname, join, relative } from "node:path";
import { fail } from "../../base/errors.ts";
import type { Dataset, ImageSet } from "../dataset.ts";
import { loadSharp } from "./sharp.ts";

export const PICTURE_TYPES = [".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif"];
const SPLITS = {
  train: ["train"],
  validation: ["val", "valid", "validation"],
  test: ["test"],
  unlabelled: ["unlabelled"],
} as const;
type Split = keyof typeof SPLITS;
/** Above this share of undecodable pictures the folder is refused. */
const BAD_SHARE = 0.05;
const PIXEL_LIMIT = 100_000_000;
const DEFAULT_SIDE = 64;

export interface ImageShape {
  height: number;
  width: number;
  channels: number;
}

interface Listing {
  file: string;
  label: string;
}

export const isPicture = (file: string): boolean => PICTURE_TYPES.includes(extname(file).toLowerCase());

const subfolders = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();

/** Whether a folder holds class folders, here or below `train`. */
export function isClassFolder(folder: string): boolean {
  return subfolders(folder).length > 0 || readdirSync(folder).some(isPicture);
}

/** Pictures of one split; the class is the name of the folder they lie in. */
function list(folder: string): Listing[] {
  const names = subfolders(folder);
  if (names.length === 0)
    fail(
      "E_DATA_FORMAT",
      `${folder}: expected one folder a class with pictures inside, got ${readdirSync(folder).some(isPicture) ? "pictures without class folders" : "no folder"}; put the pictures of each class into a folder named after it`,
    );
  return names.flatMap((label) => {
    const inside = readdirSync(join(folder, label)).sort();
    const files = inside.filter(isPicture).map((file) => ({ file: join(folder, label, file), label }));
    if (files.length === 0) {
      const deeper = subfolders(join(folder, label)).length > 0;
      fail(
        "E_DATA_EMPTY",
        `${join(folder, label)}: class "${label}" has no picture${deeper ? " but folders below it: class folders are one level too deep; name the folder that directly holds the classes" : "; add pictures or remove the folder"}`,
      );
    }
    return files;
  });
}

/** Reads a whole folder. `image` forces a size; else pictures keep theirs when all agree and are small, or become 64x64. */
export async function readFolder(folder: string, image?: { height: number; width: number }): Promise<Dataset> {
  const splitFolder = (split: Split) =>
    SPLITS[split].map((name) => join(folder, name)).find((path) => existsSync(path));
  const trainFolder = splitFolder("train");
  const lists: Partial<Record<Split, Listing[]>> = { train: list(trainFolder ?? folder) };
  if (trainFolder) {
    for (const split of ["validation", "test"] as const) {
      const path = splitFolder(split);
      if (path) lists[split] = list(path);
    }
    const bare = splitFolder("unlabelled");
    if (bare)
      lists.unlabelled = readdirSync(bare)
        .sort()
        .filter(isPicture)
        .map((file) => ({ file: join(bare, file), label: "" }));
  }
  const classes = [...new Set(lists.train!.map(({ label }) => label))].sort();
  if (classes.length < 2)
    fail("E_DATA_EMPTY", `${folder}: one class only ("${classes[0]}"); a classifier needs at least two class folders`);
  for (const split of ["validation", "test"] as const)
    for (const { label } of lists[split] ?? [])
      if (!classes.includes(label))
        fail(
          "E_DATA_LABEL",
          `${folder}: class "${label}" of ${split} is not in the training part, which has ${classes.join(", ")}; remove it or add training pictures`,
        );
  const all = Object.values(lists).flat();
  const warnings: string[] = [];
  const shape = await chooseShape(all, image, warnings);
  const sets: Partial<Record<Split, ImageSet>> = {};
  const bad: string[] = [];
  for (const [split, listing] of Object.entries(lists) as [Split, Listing[]][])
    sets[split] = await decodeAll(listing, classes, shape, bad);
  for (const file of bad) warnings.push(`skipped, does not decode: ${relative(folder, file)}`);
  if (bad.length > all.length * BAD_SHARE)
    fail(
      "E_IMAGE",
      `${folder}: ${bad.length} of ${all.length} pictures do not decode (more than ${100 * BAD_SHARE} %): ${bad
        .slice(0, 5)
        .map((file) => relative(folder, file))
        .join(", ")}${bad.length > 5 ? ", …" : ""}; replace or remove them`,
    );
  const present = new Set(sets.train!.labels);
  classes.forEach((label, i) => {
    if (!present.has(i))
      fail("E_DATA_EMPTY", `${folder}: no picture of class "${label}" decodes; replace them or remove the folder`);
  });
  const train = sets.unlabelled ? join2(sets.train!, sets.unlabelled) : sets.train!;
  return {
    name: basename(folder),
    classes,
    train,
    validation: sets.validation,
    test: sets.test,
    mirror: shape.channels === 3,
    warnings,
  };
}

function join2(a: ImageSet, b: ImageSet): ImageSet {
  const pixels = new Uint8Array(a.pixels.length + b.pixels.length);
  pixels.set(a.pixels);
  pixels.set(b.pixels, a.pixels.length);
  return { ...a, pixels, labels: Int32Array.from([...a.labels, ...b.labels]) };
}

async function chooseShape(
  all: Listing[],
  image: { height: number; width: number } | undefined,
  warnings: string[],
): Promise<ImageShape> {
  const sizes = new Set<string>();
  let grey = 0;
  let seen = 0;
  await inParallel(all, async ({ file }) => {
    try {
      const meta = await (await openPicture(file)).metadata();
      sizes.add(`${meta.height}x${meta.width}`);
      if (meta.space === "b-w" || meta.space === "grey16") grey++;
      seen++;
    } catch {
      // Counted when decoding, with its name.
    }
  });
  const channels = seen > 0 && grey === seen ? 1 : 3;
  if (channels === 3 && grey > 0) warnings.push(`${grey} of ${seen} pictures are greyscale; they are read as colour`);
  if (image) return { ...image, channels };
  const [first] = sizes;
  const [height, width] = (first ?? "").split("x").map(Number) as [number, number];
  if (sizes.size === 1 && Math.max(height, width) <= 96) return { height, width, channels };
  warnings.push(
    `${sizes.size} picture sizes; all are read as ${DEFAULT_SIDE}x${DEFAULT_SIDE} (--image HxW changes that)`,
  );
  return { height: DEFAULT_SIDE, width: DEFAULT_SIDE, channels };
}

async function openPicture(file: string) {
  if (statSync(file).size === 0) throw new Error("empty file");
  const sharp = await loadSharp();
  return sharp(file, { limitInputPixels: PIXEL_LIMIT, failOn: "error" });
}

/** One picture as bytes `[h, w, c]`: upright (EXIF), sRGB, without alpha, stretched to the size. */
export async function decodePicture(file: string, { height, width, channels }: ImageShape): Promise<Uint8Array> {
  const upright = (await openPicture(file)).rotate().flatten({ background: "white" });
  const coloured = channels === 1 ? upright.toColourspace("b-w") : upright.toColourspace("srgb");
  const { data, info } = await coloured
    .resize(width, height, { fit: "fill" })
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels === channels) return data;
  const out = new Uint8Array(height * width * channels);
  for (let i = 0; i < height * width; i++)
    for (let k = 0; k < channels; k++)
      out[i * channels + k] = data[i * info.channels + Math.min(k, info.channels - 1)]!;
  return out;
}

async function decodeAll(
  listing: Listing[],
  classes: readonly string[],
  shape: ImageShape,
  bad: string[],
): Promise<ImageSet> {
  const decoded = new Array<Uint8Array | undefined>(listing.length);
  await inParallel(listing, async ({ file }, i) => {
    try {
      decoded[i] = await decodePicture(file, shape);
    } catch {
      bad.push(file);
    }
  });
  const good = listing.map((_, i) => i).filter((i) => decoded[i]);
  const size = shape.height * shape.width * shape.channels;
  const pixels = new Uint8Array(good.length * size);
  good.forEach((i, at) => {
    pixels.set(decoded[i]!, at * size);
  });
  return { ...shape, pixels, labels: Int32Array.from(good, (i) => classes.indexOf(listing[i]!.label)) };
}

/** Runs `work` on every item, a few at a time. */
async function inParallel<T>(items: readonly T[], work: (item: T, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      await work(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: 2 * cpus().length }, worker));
}
