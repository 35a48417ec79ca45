// Images with labels in memory, their splits, and which labels are kept.
import { fail } from "../base/errors.ts";
import { hashName, Random } from "../base/random.ts";

/** Images `[n, h, w, c]` as bytes 0..255, with class numbers; -1 where there is no label. */
export interface ImageSet {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly pixels: Uint8Array;
  readonly labels: Int32Array;
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
  /** What was skipped or doubtful while reading, one line each. */
  readonly warnings: readonly string[];
}

export const imageBytes = (set: ImageSet): number => set.height * set.width * set.channels;

/** The examples at `index`, copied. */
export function subset(set: ImageSet, index: ArrayLike<number>): ImageSet {
  const size = imageBytes(set);
  const pixels = new Uint8Array(index.length * size);
  const labels = new Int32Array(index.length);
  for (let i = 0; i < index.length; i++) {
    const at = index[i]!;
    pixels.set(set.pixels.subarray(at * size, (at + 1) * size), i * size);
    labels[i] = set.labels[at]!;
  }
  return { ...set, pixels, labels };
}

/** Example numbers by class, each class in a seeded random order; unlabelled ones under -1. */
function shuffledByClass(set: ImageSet, classes: number, seed: number, purpose: string): Map<number, number[]> {
  const order = new Random(seed, `split:${purpose}`).permutation(set.labels.length);
  const groups = new Map<number, number[]>(Array.from({ length: classes }, (_, label) => [label, []]));
  for (const i of order) {
    const label = set.labels[i]!;
    if (!groups.has(label)) groups.set(label, []);
    groups.get(label)!.push(i);
  }
  return groups;
}

/** Holds out a stratified share for validation when the data brings none: at least one a class that has two. */
export function withValidation(data: Dataset, share: number, seed: number): Dataset {
  if (data.validation || share === 0) return data;
  const kept: number[] = [];
  const held: number[] = [];
  for (const [label, members] of shuffledByClass(data.train, data.classes.length, seed, "validation")) {
    const count = label < 0 || members.length < 2 ? 0 : Math.max(1, Math.round(members.length * share));
    held.push(...members.slice(0, count));
    kept.push(...members.slice(count));
  }
  const ascending = (a: number, b: number) => a - b;
  return {
    ...data,
    train: subset(data.train, kept.sort(ascending)),
    validation: subset(data.train, held.sort(ascending)),
  };
}

/** Keeps `count` labels a class in the training part and hides the others. */
export function withLabels(data: Dataset, count: number, seed: number): Dataset {
  const labels = new Int32Array(data.train.labels.length).fill(-1);
  for (const [label, members] of shuffledByClass(data.train, data.classes.length, seed, "labels")) {
    if (label < 0) continue;
    if (members.length < count)
      fail(
        "E_OPTION",
        `--labels ${count}: class "${data.classes[label]}" has ${members.length} labelled training pictures; ask for at most that many`,
      );
    for (const i of members.slice(0, count)) labels[i] = label;
  }
  return { ...data, train: { ...data.train, labels } };
}

/** What identifies the data a run was trained on: sizes, class names and a hash over pixels and labels. */
export function fingerprint(data: Dataset): string {
  const parts = [data.train, data.validation, data.test].map((set) =>
    set ? `${set.labels.length}:${hashBytes(set)}` : "-",
  );
  const { height, width, channels } = data.train;
  return `${height}x${width}x${channels} ${parts.join(" ")} ${hashName(data.classes.join("\n")).toString(16)}`;
}

function hashBytes(set: ImageSet): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < set.pixels.length; i++) hash = Math.imul(hash ^ set.pixels[i]!, 0x01000193);
  for (let i = 0; i < set.labels.length; i++) hash = Math.imul(hash ^ set.labels[i]!, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
