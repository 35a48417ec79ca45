// What is in a data set and what is wrong with it, as plain values; the command line and the HTML page show them.
import type { StopSignal } from "../../base/stop-signal.ts";
import { type Dataset, gather, type ImageSet, PARTS, type Part, range } from "../dataset.ts";
import { warningLine } from "../warnings.ts";
import { type Duplicate, findDuplicates } from "./duplicates.ts";

/** How many pictures a part has. */
export interface PartSummary {
  /** All of them. */
  readonly pictures: number;
  /** Those without a label. */
  readonly unlabelled: number;
  /** Those of each class, in the order of the classes. */
  readonly counts: readonly number[];
}

/** What a data set holds and what may be wrong with it. */
export interface DataCheck {
  /** The data set's name. */
  readonly name: string;
  /** Class names, by class number. */
  readonly classes: readonly string[];
  /** Size in pixels and channels of every picture, as it is read. */
  readonly size: { readonly height: number; readonly width: number; readonly channels: number };
  /** How many pictures each part has; only the parts that are there. */
  readonly parts: Readonly<Partial<Record<Part, PartSummary>>>;
  /** Size of the largest class of the training part over that of the smallest, which counts as 1 when it is empty. */
  readonly imbalance: number;
  /** Classes of which a part has no picture. */
  readonly missing: readonly { readonly part: Part; readonly class: string }[];
  /** Pairs of the same picture. */
  readonly exact: readonly Duplicate[];
  /** Pairs of nearly the same picture, the most similar first. */
  readonly near: readonly Duplicate[];
  /** What was ignored or is doubtful in reading, one line each with all names. */
  readonly warnings: readonly string[];
  /** Mean picture of each class of the training part, bytes `[classes, h, w, c]`; black for a class without pictures. */
  readonly means: Uint8Array;
}

/** Counts the pictures of each part and class. */
export function summarise({ classes, ...data }: Dataset): DataCheck["parts"] {
  const parts: Partial<Record<Part, PartSummary>> = {};
  for (const part of PARTS) {
    const set = data[part];
    if (!set) continue;
    const counts = new Array<number>(classes.length).fill(0);
    for (const label of set.labels) if (label >= 0) counts[label]!++;
    const labelled = counts.reduce((a, b) => a + b, 0);
    parts[part] = { pictures: set.labels.length, unlabelled: set.labels.length - labelled, counts };
  }
  return parts;
}

/**
 * Looks for what may be wrong with a data set: classes that are missing or rare, and pictures that are there twice. It
 * compares all pairs of pictures, so that the time grows with the square of their number.
 * @param options `signal` ends the work: the call then throws its reason
 * @throws `E_IMAGE` when more pictures do not decode than the source allows
 */
export async function checkData(data: Dataset, { signal }: { readonly signal?: StopSignal } = {}): Promise<DataCheck> {
  const { name, classes, train } = data;
  const parts = summarise(data);
  const counts = parts.train!.counts;
  const duplicates = await findDuplicates(data, { signal });
  return {
    name,
    classes,
    size: { height: train.height, width: train.width, channels: train.channels },
    parts,
    imbalance: Math.max(...counts) / Math.max(1, Math.min(...counts)),
    missing: (Object.entries(parts) as [Part, PartSummary][]).flatMap(([part, summary]) =>
      classes.filter((_, k) => summary.counts[k] === 0).map((missing) => ({ part, class: missing })),
    ),
    ...duplicates,
    warnings: data.warnings.map((warning) => warningLine(warning, Number.POSITIVE_INFINITY)),
    means: await meanPictures(train, classes.length, signal),
  };
}

const STEP = 2000;

async function meanPictures(set: ImageSet, classes: number, signal?: StopSignal): Promise<Uint8Array> {
  const { size } = set.pixels;
  const sums = new Float64Array(classes * size);
  const counts = new Float64Array(classes);
  for (let from = 0; from < set.labels.length; from += STEP) {
    signal?.throwIfAborted();
    const index = range(from, Math.min(from + STEP, set.labels.length));
    const bytes = await gather(set, index);
    index.forEach((at, i) => {
      const label = set.labels[at]!;
      if (label < 0) return;
      counts[label]!++;
      for (let k = 0; k < size; k++) sums[label * size + k]! += bytes[i * size + k]!;
    });
  }
  return Uint8Array.from(sums, (sum, i) => Math.round(sum / Math.max(1, counts[Math.floor(i / size)]!)));
}
