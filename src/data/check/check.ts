// What is in a data set and what is wrong with it, as plain values; the command line and the HTML page show them.
import { type Dataset, gather, type ImageSet, PARTS, type Part, range } from "../dataset.ts";
import { type Duplicate, findDuplicates } from "./duplicates.ts";

export interface PartSummary {
  readonly pictures: number;
  readonly unlabelled: number;
  /** Pictures by class, in the order of the classes. */
  readonly counts: readonly number[];
}

export interface DataCheck {
  readonly name: string;
  readonly classes: readonly string[];
  readonly size: { readonly height: number; readonly width: number; readonly channels: number };
  readonly parts: Readonly<Partial<Record<Part, PartSummary>>>;
  /** Largest class of the training part over its smallest. */
  readonly imbalance: number;
  readonly missing: readonly { readonly part: Part; readonly class: string }[];
  readonly exact: readonly Duplicate[];
  readonly near: readonly Duplicate[];
  /** What reading told: skipped files, greyscale among colour, … */
  readonly warnings: readonly string[];
  /** Mean picture of each class of the training part, bytes `[classes, h, w, c]`. */
  readonly means: Uint8Array;
}

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

export async function checkData(data: Dataset): Promise<DataCheck> {
  const { name, classes, train } = data;
  const parts = summarise(data);
  const counts = parts.train!.counts;
  const duplicates = await findDuplicates(data);
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
    warnings: [...data.warnings],
    means: await meanPictures(train, classes.length),
  };
}

const STEP = 2000;

async function meanPictures(set: ImageSet, classes: number): Promise<Uint8Array> {
  const { size } = set.pixels;
  const sums = new Float64Array(classes * size);
  const counts = new Float64Array(classes);
  for (let from = 0; from < set.labels.length; from += STEP) {
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
