// Labelled images and their parts, wherever the bytes lie.
import { hashName } from "../random/random.ts";
import { type Pixels, view } from "./pixels.ts";

/** Images `[h, w, c]` as bytes 0..255, with class numbers; -1 where there is no label. */
export interface ImageSet {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly pixels: Pixels;
  readonly labels: Int32Array;
  /** A picture's own name: its file, or its place in an archive. */
  readonly name?: (index: number) => string;
}

/** Sizes and kinds of pictures as they lie on disk. */
export interface HeaderSummary {
  readonly pictures: number;
  /** Names of those whose header cannot be read. */
  readonly unreadable: readonly string[];
  /** Folders above a picture, below the source: fewest and most. */
  readonly depth: readonly [number, number];
  /** Pixels: smallest, median and largest. */
  readonly height: readonly [number, number, number];
  readonly width: readonly [number, number, number];
  /** How many of each kind, as `jpeg srgb`. */
  readonly kinds: Readonly<Record<string, number>>;
}

export interface Dataset {
  readonly name: string;
  /** Sorted names; labels count into them. */
  readonly classes: readonly string[];
  readonly train: ImageSet;
  readonly validation?: ImageSet;
  readonly test?: ImageSet;
  /** Whether a mirrored picture is still of its class (false for digits and letters). */
  readonly mirror: boolean;
  /** What the files' headers say, where pictures come as files. */
  readonly headers?: () => Promise<HeaderSummary>;
  /** What was skipped or doubtful while reading, one line each; grows while pictures are decoded. */
  readonly warnings: readonly string[];
}

export type Part = "train" | "validation" | "test";
export const PARTS: readonly Part[] = ["train", "validation", "test"];

/** The examples at `index`. */
export function subset(set: ImageSet, index: ArrayLike<number>): ImageSet {
  return {
    ...set,
    pixels: view(set.pixels, index),
    labels: Int32Array.from(index, (i) => set.labels[i]!),
    name: set.name && ((i) => set.name!(index[i]!)),
  };
}

/** The bytes `[n, h, w, c]` of the pictures at `index`, of all when absent. */
export async function gather(
  set: ImageSet,
  index: ArrayLike<number> = numbers(set.labels.length),
): Promise<Uint8Array> {
  const { size } = set.pixels;
  await set.pixels.ready?.(index);
  const out = new Uint8Array(index.length * size);
  for (let i = 0; i < index.length; i++) set.pixels.read(index[i]!, out, i * size);
  return out;
}

/** The set without pictures that do not decode, and all of its bytes ready. */
export async function decoded(set: ImageSet): Promise<ImageSet> {
  const all = numbers(set.labels.length);
  await set.pixels.ready?.(all);
  const usable = all.filter((i) => set.pixels.usable(i));
  return usable.length === all.length ? set : subset(set, usable);
}

/** 0..count-1 */
export const numbers = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

const FINGERPRINT_SAMPLE = 1000;

/**
 * What identifies the data a run was trained on: sizes, class names, and a hash over all labels and over the bytes of up to
 * 1,000 pictures a part, evenly spread.
 */
export async function fingerprint(data: Dataset): Promise<string> {
  const parts: string[] = [];
  for (const set of [data.train, data.validation, data.test]) {
    if (!set) {
      parts.push("-");
      continue;
    }
    const n = set.labels.length;
    const count = Math.min(n, FINGERPRINT_SAMPLE);
    const sample = Int32Array.from({ length: count }, (_, i) => Math.floor((i * n) / count));
    const hash = hashBytes(hashBytes(0x811c9dc5, await gather(set, sample)), set.labels);
    parts.push(`${n}:${(hash >>> 0).toString(16).padStart(8, "0")}`);
  }
  const { height, width, channels } = data.train;
  return `${height}x${width}x${channels} ${parts.join(" ")} ${hashName(data.classes.join("\n")).toString(16)}`;
}

/** FNV-1a, going on from a hash. */
function hashBytes(start: number, values: ArrayLike<number>): number {
  let hash = start;
  for (let i = 0; i < values.length; i++) hash = Math.imul(hash ^ values[i]!, 0x01000193);
  return hash;
}
