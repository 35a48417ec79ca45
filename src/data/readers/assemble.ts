// Makes a data set of encoded pictures with labels, whatever format they come from: classes, splits, and one size for all.
// A `PictureStore` decodes them.
import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { fail } from "../../base/errors.ts";
import { scattered } from "../../base/scattered.ts";
import {
  type Dataset,
  decoded,
  type HeaderSummary,
  type ImageSet,
  joined,
  keptPartner,
  range,
  subset,
} from "../dataset.ts";
import type { Resize } from "../picture.ts";
import { Notes, tellingNotes } from "../warnings.ts";
import { pictureInfo } from "./decode.ts";
import { NO_LABEL, type PictureEntry, type PictureSource, type Split, sortedClasses } from "./source.ts";
import { PictureStore } from "./store.ts";

/** How encoded pictures are read; see `OpenOptions`, which these come from. */
export interface PictureOptions {
  /** Size in pixels; by default pictures keep theirs where all have the same of at most 96x96, and else are photographs. */
  readonly image?: { readonly height: number; readonly width: number; readonly channels?: number };
  /** Pixels a side of photographs. Default 64. */
  readonly photographs?: number;
  /** The classes that labels must be among. Default: those of the labelled training pictures. */
  readonly classes?: readonly string[];
  /** How a picture of another shape becomes that size. Default `fit`. */
  readonly resize?: Resize;
  /** Bytes of decoded pictures that may be kept in memory. Default 1 GiB. */
  readonly memory?: number;
  /** Share of pictures that do not decode above which the data is refused, 0..1. Default 0.05. */
  readonly maxUndecodable?: number;
  /** Whether classes without pictures are told in the warnings, and not refused. Default false. */
  readonly emptyClasses?: boolean;
  /** Is called with the number of decoded pictures while they are decoded before training; not while training goes on. */
  readonly progress?: (done: number, total: number) => void;
}

const PHOTOGRAPHS = 64;
const LARGEST_KEPT = 96;
const MEMORY = 2 ** 30;
const MAX_UNDECODABLE = 0.05;
/** Pictures whose headers are read to choose the size. */
const SAMPLE = 64;
/** Up to so many are decoded before training begins, so that what is wrong with them is known at once. */
const DECODED_AT_ONCE = 20_000;

/** Headers of pictures are read a few at a time. */
const readingHeaders = pLimit(2 * availableParallelism());

/**
 * The data set of a source. Up to 20,000 pictures are decoded at once, so that those which do not decode are left out and
 * named in the warnings; of a larger source each is decoded when it is first asked for.
 * @param classNames names by label where the source brings them; by default those of the labelled training pictures, sorted
 * @throws `E_DATA_EMPTY` for fewer than two classes of single pictures, or one of which no picture decodes; `E_DATA_LABEL` for a label that is
 * no class; `E_IMAGE` where too many pictures do not decode
 */
export function assemble(
  given: PictureSource,
  options: PictureOptions,
  classNames?: readonly string[],
): Promise<Omit<Dataset, "name">> {
  const notes = new Notes();
  const work = () => assembled({ ...given, entries: given.entries.map(withPlainLabel) }, options, classNames, notes);
  return tellingNotes(() => [...given.warnings, ...notes.warnings], work);
}

/** @param notes gets what is left out or doubtful */
async function assembled(
  source: PictureSource,
  options: PictureOptions,
  classNames: readonly string[] | undefined,
  notes: Notes,
): Promise<Omit<Dataset, "name">> {
  const { entries, name } = source;
  const ofTrain = entries.filter(({ split, label }) => split === "train" && label !== null);
  const known = classNames ?? options.classes;
  const empty = (source.emptyClasses ?? []).map(plainLabel);
  const classes = known ?? sortedClasses([...ofTrain.map(({ label }) => label!), ...empty]);
  checkClasses(source, classes, known !== undefined);
  const shape = await chooseShape(source, options, notes);
  const atOnce = source.inOrder === true || entries.length <= DECODED_AT_ONCE;
  const store = new PictureStore(source, shape, storeOptions(options, atOnce));
  const codes = new Map(classes.map((label, i) => [label, i]));
  const labels = Int32Array.from(entries, ({ label, split }) =>
    label === null || split === "unlabelled" ? -1 : codes.get(label)!,
  );
  const partner = source.partners && new PictureStore(source.partners, shape, storeOptions(options, atOnce));
  const all: ImageSet = { ...shape, pixels: store, partner, labels, name: (i) => entries[i]!.name };
  const of = (...splits: Split[]) => range(0, entries.length).filter((i) => splits.includes(entries[i]!.split));
  let [train, validation, test] = [of("train", "unlabelled"), of("validation"), of("test")].map((index) =>
    index.length > 0 ? subset(all, index) : undefined,
  );
  if (atOnce) {
    [train, validation, test] = [await usable(train), await usable(validation), await usable(test)];
    const bad = new Set([...store.bad, ...(partner?.bad ?? [])]);
    const isRefused = [store, partner].some((one) => (one?.bad.length ?? 0) > MAX_UNDECODABLE * entries.length);
    for (const i of inOrder([...bad])) notes.add(undecodable(entries.length, isRefused), entries[i]!.name);
    const present = new Set(train!.labels);
    classes.forEach((label, i) => {
      if (!present.has(i) && !known && !options.emptyClasses)
        fail("E_DATA_EMPTY", `${name}: no picture of class "${label}" decodes; replace them or remove the class`);
    });
  }
  return {
    classes,
    train: train!,
    validation,
    test,
    mirror: shape.channels === 3 && !areCharacters(classes),
    headers: () => headers(source),
    warnings: [...source.warnings, ...notes.warnings],
  };
}

/** Pictures are decoded in no order. */
const inOrder = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

/** @param isRefused whether they are more than data may have that is opened without a word about it */
const undecodable = (pictures: number, isRefused = false): string =>
  `left out of ${pictures} pictures, as they do not decode${isRefused ? `: more than ${100 * MAX_UNDECODABLE} %, which genclass train refuses; replace or remove them` : ""}`;

/** A label as every format means it: Unicode names in one form (NFC), and none where it is the number -1. */
function withPlainLabel({ name, split, label }: PictureEntry): PictureEntry {
  if (label === null || label === NO_LABEL)
    return { name, split: split === "train" ? "unlabelled" : split, label: null };
  return { name, split, label: plainLabel(label) };
}

const plainLabel = (label: string): string => label.normalize("NFC");

/** Reads the header of every picture. */
async function headers(source: PictureSource): Promise<HeaderSummary> {
  const kinds: Record<string, number> = {};
  const unreadable: string[] = [];
  const [heights, widths]: [number[], number[]] = [[], []];
  await readingHeaders.map(source.entries, async ({ name }, i) => {
    try {
      const { height, width, kind } = await pictureInfo(await source.input(i));
      heights.push(height);
      widths.push(width);
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    } catch {
      unreadable.push(name);
    }
  });
  const spread = (values: number[]): [number, number, number] => {
    values.sort((a, b) => a - b);
    return [values[0] ?? 0, values[values.length >> 1] ?? 0, values.at(-1) ?? 0];
  };
  const depths = source.entries.map(({ name }) => name.split(/[/\\]/).length - 1);
  const depth = [depths.reduce((a, b) => Math.min(a, b)), depths.reduce((a, b) => Math.max(a, b))] as const;
  return { pictures: source.entries.length, depth, unreadable, height: spread(heights), width: spread(widths), kinds };
}

const storeOptions = (
  { resize = "fit", memory = MEMORY, maxUndecodable = MAX_UNDECODABLE, progress }: PictureOptions,
  atOnce: boolean,
) => ({
  resize,
  memory,
  maxUndecodable,
  progress: atOnce ? progress : undefined,
});

/** Classes named by one character each are taken for drawings of characters, which a mirror makes into others. */
const areCharacters = (classes: readonly string[]): boolean => classes.every((name) => [...name].length === 1);

const usable = async (set: ImageSet | undefined) => set && (await decoded(set));

function checkClasses({ entries, name, partners }: PictureSource, classes: readonly string[], given: boolean): void {
  if (classes.length < 2 && !partners)
    fail(
      "E_DATA_EMPTY",
      classes.length === 0
        ? `${name}: no labelled training picture; a classifier needs at least two classes`
        : `${name}: one class only ("${classes[0]}"); a classifier needs at least two`,
    );
  const known = new Set(classes);
  for (const { split, label, name: picture } of entries)
    if (label !== null && split !== "unlabelled" && !known.has(label))
      fail(
        "E_DATA_LABEL",
        given
          ? `${name}: ${picture} has the label "${label}", which the data does not name; expected one of ${classes.join(", ")}`
          : `${name}: class "${label}" of ${split} is not in the training part, which has ${classes.join(", ")}; remove it or add training pictures`,
      );
}

/** A size for all pictures, partners too. */
async function chooseShape(
  source: PictureSource,
  { image, photographs: side = PHOTOGRAPHS }: PictureOptions,
  notes: Notes,
) {
  const { partners } = source;
  const entries = [...source.entries, ...(partners?.entries ?? [])];
  const own = source.entries.length;
  const inputOf = (i: number) => (i < own ? source.input(i) : partners!.input(i - own));
  const count = Math.min(entries.length, SAMPLE);
  const sample = source.inOrder ? range(0, count) : scattered(entries.length, count);
  const sizes = new Set<string>();
  let [grey, seen] = [0, 0];
  await readingHeaders.map(sample, async (i) => {
    try {
      const info = await pictureInfo(await inputOf(i));
      sizes.add(`${info.height}x${info.width}`);
      grey += Number(info.grey);
      seen++;
    } catch {
      // Counted when decoded, with its name.
    }
  });
  const channels = seen > 0 && grey === seen ? 1 : 3;
  if (channels === 3 && grey > 0) notes.add("some pictures are greyscale; they are read as colour");
  if (image) return { channels, ...image };
  const [first] = sizes;
  const [height, width] = (first ?? "").split("x").map(Number) as [number, number];
  if (sizes.size === 1 && Math.max(height, width) <= LARGEST_KEPT) return { height, width, channels };
  notes.add(
    `${sizes.size === 1 ? `pictures are ${first}` : "pictures differ in size"}; all are read as ${side}x${side} (--image HxW changes that)`,
  );
  return { height: side, width: side, channels };
}

/** Adds the pictures of a source to the training part, read at its size and without labels. @throws `E_IMAGE` */
export async function withUnlabelled(data: Dataset, source: PictureSource, options: PictureOptions): Promise<Dataset> {
  const { height, width, channels } = data.train;
  if (keptPartner(data.train))
    fail("E_OPTION", `--unlabelled: ${data.name} has pairs of pictures, and single ones cannot be added; leave it out`);
  const store = new PictureStore(source, { height, width, channels }, storeOptions(options, true));
  const unlabelled = new Int32Array(store.count).fill(-1);
  const name = (index: number) => source.entries[index]!.name;
  const more = await decoded({ height, width, channels, pixels: store, labels: unlabelled, name });
  const notes = new Notes();
  for (const i of inOrder(store.bad)) notes.add(undecodable(store.count), name(i));
  return {
    ...data,
    train: joined(data.train, more),
    warnings: [...data.warnings, ...source.warnings, ...notes.warnings],
  };
}
