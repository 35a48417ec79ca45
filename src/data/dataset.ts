// Labelled images and their parts, wherever the bytes lie.
import { atEqualDistances } from "../base/scattered.ts";
import { hashName } from "../random/random.ts";
import type { PictureChange } from "./picture.ts";
import { concatenated, type Pixels, view } from "./pixels.ts";
import type { Warning } from "./warnings.ts";

/** Pictures that were added to a training part from elsewhere: the last `count` of the set. */
export interface Added {
  /** How many they are. */
  readonly count: number;
  /** The share of a batch's places that they take, 0..1. */
  readonly share: number;
  /** Their `ImageSet.soft`, by the classes of the data that they were added to. */
  readonly soft?: Float32Array;
}

/** Pictures of one size, each with a label or none. */
export interface ImageSet {
  /** Pixels of every picture from top to bottom. */
  readonly height: number;
  /** Pixels of every picture from left to right. */
  readonly width: number;
  /** 1 for greyscale, 3 for red, green and blue. */
  readonly channels: number;
  /** The pictures, each `[height, width, channels]` bytes 0..255. */
  readonly pixels: Pixels;
  /** The class number of each picture, `[n]`; -1 where there is no label. */
  readonly labels: Int32Array;
  /**
   * The other picture of each pair, of the same shape, where the data has pairs: kept ones, or how one is made of the picture
   * itself, anew at each visit.
   */
  readonly partner?: Pixels | PictureChange;
  /**
   * How likely each class is for each picture, `[n, classes]` row by row, where others have judged them. Pictures that are added to a
   * training part are learnt from by it, in place of their labels.
   */
  readonly soft?: Float32Array;
  /** Present where pictures were added to a training part (see `withAdded`). */
  readonly added?: Added;
  /** The name of the picture of a number: its file, or its place in an archive. Absent where pictures have no names. */
  readonly name?: (index: number) => string;
}

/** How many pictures of a set there are with and without a label. */
export interface ExampleCounts {
  /** Pictures with a label. */
  readonly labelled: number;
  /** Pictures without one. */
  readonly unlabelled: number;
}

/** Counts the pictures of a set with and without a label. */
export function exampleCounts({ labels }: Pick<ImageSet, "labels">): ExampleCounts {
  const labelled = labels.reduce((count, label) => count + Number(label >= 0), 0);
  return { labelled, unlabelled: labels.length - labelled };
}

/** Sizes and kinds of pictures as they lie on disk, before they are brought to one size. */
export interface HeaderSummary {
  /** Number of pictures. */
  readonly pictures: number;
  /** Names of those whose header cannot be read. */
  readonly unreadable: readonly string[];
  /** How many folders lie between the source and a picture: fewest and most. */
  readonly depth: readonly [fewest: number, most: number];
  /** Heights in pixels. */
  readonly height: readonly [smallest: number, median: number, largest: number];
  /** Widths in pixels. */
  readonly width: readonly [smallest: number, median: number, largest: number];
  /** Number of pictures of each format and colour space, such as `jpeg srgb`. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** A data set: classes, and the parts that are trained on, validated on and tested on. All parts have pictures of one size. */
export interface Dataset {
  /** What messages and reports call it. */
  readonly name: string;
  /** The absolute path that it was opened from; absent for a built-in set and for data that was made in memory. */
  readonly location?: string;
  /** Class names; label k stands for `classes[k]`. */
  readonly classes: readonly string[];
  /** Trained on. */
  readonly train: ImageSet;
  /** Held out to choose the best checkpoint; absent where the data brings none and none was split off. */
  readonly validation?: ImageSet;
  /** Held out to evaluate a finished model. */
  readonly test?: ImageSet;
  /** Pictures of a second source, for models that learn from two. */
  readonly second?: ImageSet;
  /** Whether a mirrored picture is still of its class (false for digits and letters). */
  readonly mirror: boolean;
  /** Reads what the files' headers say; absent where pictures do not come as files. */
  readonly headers?: () => Promise<HeaderSummary>;
  /** What was ignored or is doubtful. */
  readonly warnings: readonly Warning[];
}

/** A part of a data set. */
export type Part = "train" | "validation" | "test";
/** All parts, in the order in which they are listed. */
export const PARTS: readonly Part[] = ["train", "validation", "test"];

/** How many pictures of a set are its own, and were not added to it: the first ones. */
export const ownCount = ({ labels, added }: ImageSet): number => labels.length - (added?.count ?? 0);

/** The partners of a set's pictures where they are kept; none where they are made anew at each visit. */
export const keptPartner = ({ partner }: Pick<ImageSet, "partner">): Pixels | undefined =>
  typeof partner === "object" ? partner : undefined;

/** Whether picture `i` of a set that was made ready turned out to decode, and its partner where that is kept. */
export const isUsable = (set: ImageSet, i: number): boolean =>
  set.pixels.usable(i) && (keptPartner(set)?.usable(i) ?? true);

/** The pictures of two sets of one shape as one set, those of the second last. */
export function joined(first: ImageSet, second: ImageSet): ImageSet {
  const n = first.labels.length;
  const labels = new Int32Array(n + second.labels.length);
  labels.set(first.labels);
  labels.set(second.labels, n);
  return {
    ...first,
    pixels: concatenated([first.pixels, second.pixels]),
    labels,
    soft: undefined,
    name: (index) =>
      index < n ? (first.name?.(index) ?? `train[${index}]`) : (second.name?.(index - n) ?? `added[${index - n}]`),
  };
}

/** The pictures of a set at the numbers `index`, in that order, with their labels and names. Bytes are not copied. */
export function subset(set: ImageSet, index: ArrayLike<number>): ImageSet {
  return {
    ...set,
    added: undefined,
    soft: set.soft && rowsOf(set.soft, set.soft.length / set.labels.length, index),
    pixels: view(set.pixels, index),
    partner: typeof set.partner === "object" ? view(set.partner, index) : set.partner,
    labels: Int32Array.from(index, (i) => set.labels[i]!),
    name: set.name && ((i) => set.name!(index[i]!)),
  };
}

/** The rows `[n, width]` of the numbers `index`. */
function rowsOf(rows: Float32Array, width: number, index: ArrayLike<number>): Float32Array {
  const chosen = new Float32Array(index.length * width);
  for (let i = 0; i < index.length; i++)
    chosen.set(rows.subarray(index[i]! * width, (index[i]! + 1) * width), i * width);
  return chosen;
}

/**
 * Reads pictures into memory, decoding those that are not yet decoded.
 * @param index numbers of the pictures, by default all
 * @returns bytes `[index.length, h, w, c]`; zeros for a picture that does not decode
 * @throws `E_IMAGE` when more pictures do not decode than the source allows
 */
export async function gather(
  set: ImageSet,
  index: ArrayLike<number> = range(0, set.labels.length),
): Promise<Uint8Array> {
  const { size } = set.pixels;
  await set.pixels.ready?.(index);
  const out = new Uint8Array(index.length * size);
  for (let i = 0; i < index.length; i++) set.pixels.read(index[i]!, out, i * size);
  return out;
}

/** Decodes every picture of a set and gives the set without those, and pairs, that do not decode. @throws `E_IMAGE` as `gather` does */
export async function decoded(set: ImageSet): Promise<ImageSet> {
  const all = range(0, set.labels.length);
  await set.pixels.ready?.(all);
  await keptPartner(set)?.ready?.(all);
  const usable = all.filter((i) => isUsable(set, i));
  return usable.length === all.length ? set : subset(set, usable);
}

/** The whole numbers from `start` to `end` - 1, in order. */
export const range = (start: number, end: number): Int32Array =>
  Int32Array.from({ length: end - start }, (_, i) => start + i);

const FINGERPRINT_SAMPLE = 1000;

/**
 * A line of text by which the data that a run was trained on is recognised: the pictures' size, and for each part the number
 * of pictures with a hash over all labels and the bytes of up to 1,000 pictures at equal distances, a hash of the class names, and
 * the same of the second data source and of added pictures (with their soft labels, which are learnt, and their share) where there are any.
 */
export async function fingerprint(data: Dataset): Promise<string> {
  const part = async (set: ImageSet | undefined, soft?: Float32Array): Promise<string> => {
    if (!set) return "-";
    const n = set.labels.length;
    const sample = atEqualDistances(n, Math.min(n, FINGERPRINT_SAMPLE));
    let hash = hashBytes(set.labels, hashBytes(await gather(set, sample)));
    const partner = keptPartner(set);
    if (partner) hash = hashBytes(await gather({ ...set, pixels: partner }, sample), hash);
    if (soft) hash = hashBytes(new Uint8Array(soft.buffer, soft.byteOffset, soft.byteLength), hash);
    return `${n}:${(hash >>> 0).toString(16).padStart(8, "0")}`;
  };
  const { height, width, channels } = data.train;
  const words = [`${height}x${width}x${channels}`];
  const { train } = data;
  const { added } = train;
  const [own, more] = added
    ? [subset(train, range(0, ownCount(train))), subset(train, range(ownCount(train), train.labels.length))]
    : [train];
  for (const set of [own, data.validation, data.test]) words.push(await part(set));
  words.push(hashName(data.classes.join("\n")).toString(16));
  if (data.second || added) words.push(await part(data.second));
  if (added) words.push(`${await part(more, added.soft)}@${added.share}`);
  return words.join(" ");
}

/** Whether data had a part when its fingerprint was taken. */
export const fingerprintHas = (of: string, part: Part): boolean =>
  (of.split(" ")[1 + PARTS.indexOf(part)] ?? "-") !== "-";

/**
 * What differs between two fingerprints, in words.
 * @param parts the parts that are compared
 * @returns nothing where the size of pictures, the class names and those parts are the same
 */
export function fingerprintDifferences(was: string, is: string, parts: readonly Part[] = PARTS): string[] {
  const [before, after] = [was.split(" "), is.split(" ")];
  const different = (at: number): boolean => (before[at] ?? "-") !== (after[at] ?? "-");
  const pictures = (part: string | undefined): string =>
    part === undefined || part === "-" ? "none" : `${part.split(":")[0]} pictures`;
  return [
    ...(different(0) ? [`pictures were ${before[0]}, now ${after[0]}`] : []),
    ...parts.flatMap((part) => {
      const at = 1 + PARTS.indexOf(part);
      if (!different(at)) return [];
      const [had, has] = [pictures(before[at]), pictures(after[at])];
      return [had === has ? `${part} has ${has}, but others or with other labels` : `${part} had ${had}, now ${has}`];
    }),
    ...(different(1 + PARTS.length) ? ["the class names are others"] : []),
    ...(different(2 + PARTS.length) ? ["the second data source is another"] : []),
    ...(parts.includes("train") && different(3 + PARTS.length)
      ? ["the added pictures are others, or take another share of a batch"]
      : []),
  ];
}

/** The hash FNV-1a of values, of which each counts as one unit; it goes on from the hash `start`. */
export function hashBytes(values: ArrayLike<number>, start = 0x811c9dc5): number {
  let hash = start;
  for (let i = 0; i < values.length; i++) hash = Math.imul(hash ^ values[i]!, 0x01000193);
  return hash;
}
