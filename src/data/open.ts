// Opens a data source. What kind it is follows from what is found there: a built-in name, a folder of a known form, or a file.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { shown } from "../base/checked-options.ts";
import { fail, nearest } from "../base/errors.ts";
import { shellWord } from "../base/shell.ts";
import { withAdded } from "./added.ts";
import { placeName } from "./check/duplicates.ts";
import { fewLevels } from "./contrast.ts";
import type { Dataset } from "./dataset.ts";
import { whyNotMirrored } from "./mirrored.ts";
import { type AddedPictures, checkedOpenOptions, type OpenOptions, type OpenProgress } from "./open-options.ts";
import { withPairs } from "./pairs.ts";
import { isArchive, readArchives } from "./readers/archives.ts";
import { assemble, type PictureOptions, withUnlabelled } from "./readers/assemble.ts";
import { isClassFolder, readFolder, readUnlabelled } from "./readers/folder.ts";
import { readNpz } from "./readers/npz.ts";
import { isPairFolder, readPairFolder } from "./readers/pair-folder.ts";
import { readParquet } from "./readers/parquet.ts";
import { pixelColumns, readPixelTable } from "./readers/pixel-table.ts";
import { cifarIn, isIdx, readCifarFolder, readIdxFolder } from "./readers/records.ts";
import { isTable, readTable } from "./readers/table.ts";
import { binarisedMnist } from "./sets/binarised-mnist.ts";
import { BUILT_IN_SETS } from "./sets/builtin.ts";
import { builtInFolder } from "./sets/download.ts";
import { glyphs } from "./sets/glyphs.ts";
import { rotatedMnistFolder } from "./sets/rotated-mnist.ts";
import { isInMemory, sharedPictures } from "./shared.ts";
import { withSoftLabels } from "./soft-labels.ts";
import { withLabels, withValidation } from "./splits.ts";
import { Notes, type Warning } from "./warnings.ts";

export type { AddedPictures, OpenOptions, OpenProgress } from "./open-options.ts";

/** Names of the built-in data sets: those that the program draws, those made from MNIST, and those that are downloaded. */
export const BUILT_IN: readonly string[] = [
  ...["glyphs", "glyphs-colour", "rotated-mnist", "binarised-mnist"],
  ...Object.keys(BUILT_IN_SETS),
];

/** What a source can be, for messages. */
const EXPECTED =
  "a folder of class folders, of pairs (A and B), of IDX or CIFAR files, of .tar shards or .parquet files; or a .npz, .csv, .jsonl, .tar, .zip or .parquet file";

/**
 * Opens a data source: reads labels and class names, brings pictures to one size, and splits as the options ask.
 * @param source a built-in name, or the path of a folder or file (docs/data.md lists the forms)
 * @throws `E_USAGE` for a source that is no text, `E_OPTION` for an option that is not known or out of its range, before anything
 * is read; `E_DATA_NOT_FOUND` where nothing is there; `E_DATA_FORMAT`, `E_DATA_LABEL` for a damaged file or a wrong label;
 * `E_DATA_EMPTY` for fewer than two classes, or one without pictures; `E_IMAGE` where too many pictures do not decode;
 * `E_OPTION` for options that do not fit the data; as `withAdded` for pictures that are added, and as `withPairs` for pairs
 */
export async function open(source: string, options: OpenOptions = {}): Promise<Dataset> {
  if (typeof source !== "string")
    fail("E_USAGE", `open: the source is ${shown(source)}; expected a name or a path, as in await open("glyphs")`);
  const {
    labels,
    unlabelled,
    add,
    pairs,
    image,
    photographs,
    resize,
    memory,
    maxUndecodable,
    emptyClasses,
    validation = 0.1,
    seed = 0,
    progress,
  } = checkedOpenOptions(options);
  const pictures: PictureOptions = {
    ...{ image, photographs },
    resize,
    memory,
    maxUndecodable,
    emptyClasses,
    progress: progress && ((done, total) => progress("decode", source, done, total)),
  };
  const whole = await read(source, pictures, progress);
  if (image && (whole.train.height !== image.height || whole.train.width !== image.width))
    fail(
      "E_OPTION",
      `${source} has pictures of ${whole.train.height}x${whole.train.width}, as plain numbers, which are not read at ${image.height}x${image.width}; ask for no other size, or make picture files of them: genclass data convert ${shellWord(source)} --to folders --out NEW`,
    );
  const split = withValidation(whole, validation, seed);
  const kept = labels === undefined ? split : withLabels(split, labels, seed);
  const all =
    unlabelled === undefined ? kept : await withUnlabelled(kept, readUnlabelled(existing(unlabelled)), pictures);
  const more = add === undefined ? all : await withMore(all, add, pictures);
  const paired = await mirroredOrNot(pairs === undefined ? more : withPairs(more, pairs, seed));
  return {
    ...paired,
    warnings: [...paired.warnings, ...unlabelledClasses(more), ...(await pale(more)), ...leaks(more, source)],
  };
}

/** Pictures of hardly any contrast. */
async function pale({ train }: Dataset): Promise<readonly Warning[]> {
  const found = await fewLevels(train);
  if (!found) return [];
  const text = `doubtful: all values of pictures lie in ${found.join("..")} of 0..255; bring them to the whole range before, or what is in them is hard to learn and to see`;
  return [{ text, names: [] }];
}

/** Takes back that pictures may be mirrored where mirror images look like pictures of another class. */
async function mirroredOrNot(data: Dataset): Promise<Dataset> {
  const why = data.mirror ? await whyNotMirrored(data.train, data.classes) : undefined;
  if (why === undefined) return data;
  const text = `pictures are not mirrored, as mirror images seem to be of another class: ${why} (--augment light,flip mirrors them all the same)`;
  return { ...data, mirror: false, warnings: [...data.warnings, { text, names: [] }] };
}

/** Classes that nothing in the training part shows. */
function unlabelledClasses({ classes, train }: Dataset): readonly Warning[] {
  const known = new Set(train.labels);
  const names = classes.filter((_, label) => !known.has(label));
  return names.length === 0 ? [] : [{ text: "doubtful: classes without a labelled training picture", names }];
}

/** Adds the training part of another source, read as the data is. */
async function withMore(data: Dataset, { path, share }: AddedPictures, options: PictureOptions): Promise<Dataset> {
  const { height, width, channels } = data.train;
  const more = await read(path, { ...options, image: { height, width, channels }, classes: data.classes });
  return withAdded(data, more, share);
}

/** Held-out pictures that are trained on too. */
function leaks(data: Dataset, source: string): readonly Warning[] {
  const notes = new Notes();
  for (const part of ["validation", "test"] as const) {
    const set = data[part];
    if (!set) continue;
    if (!isInMemory(set) || !isInMemory(data.train)) {
      notes.add(
        `not looked for, as the source is large: held-out pictures that are in the training part too; "genclass data check ${shellWord(source)}" looks for them`,
      );
      continue;
    }
    for (const [held, train] of sharedPictures(set, data.train))
      notes.add(
        `doubtful: pictures of ${part} that are in the training part too`,
        `${placeName(data, { part, index: held })} = ${placeName(data, { part: "train", index: train })}`,
      );
  }
  return notes.warnings;
}

/** What messages and reports call a source: the last part of its path, without the ending of a file. */
export const sourceName = (source: string): string =>
  basename(resolve(source)).replace(/\.(npz|csv|tsv|jsonl|parquet|zip|tar|tgz|tar\.gz)$/i, "");

function existing(path: string): string {
  if (existsSync(path) && statSync(path).isDirectory()) return path;
  fail("E_DATA_NOT_FOUND", `no folder at "${path}"; expected a folder of pictures without labels`);
}

async function read(source: string, options: PictureOptions, progress?: OpenProgress): Promise<Dataset> {
  if (source === "glyphs") return glyphs();
  if (source === "glyphs-colour") return glyphs({ colour: true });
  if (source === "rotated-mnist" && !existsSync(source)) {
    const folder = await rotatedMnistFolder(() => read("mnist", options, progress));
    return { name: source, ...(await readDirectory(folder, options)) };
  }
  if (source === "binarised-mnist" && !existsSync(source))
    // MNIST may have been read from a place of its own, which has grey levels.
    return { ...(await binarisedMnist(await read("mnist", options, progress))), name: source, location: undefined };
  const path =
    Object.hasOwn(BUILT_IN_SETS, source) && !existsSync(source)
      ? await builtInFolder(source, progress && ((...state) => progress("fetch", ...state)))
      : source;
  if (!existsSync(path)) {
    const guess = nearest(source, BUILT_IN);
    fail(
      "E_DATA_NOT_FOUND",
      `no data at "${source}"${guess ? `; did you mean ${guess}?` : "."} Expected ${EXPECTED}; or one of: ${BUILT_IN.join(", ")}`,
    );
  }
  const location = path === source ? resolve(path) : undefined;
  return {
    name: sourceName(path),
    location,
    ...(await (statSync(path).isDirectory() ? readDirectory(path, options) : readOne(path, options))),
  };
}

type Unnamed = Omit<Dataset, "name">;

async function readOne(file: string, options: PictureOptions): Promise<Unnamed> {
  if (/\.npz$/i.test(file)) return readNpz(readFileSync(file), file);
  const columns = pixelColumns(file);
  if (columns) return readPixelTable(file, columns);
  if (isTable(file)) return assemble(readTable(file), options);
  if (isArchive(file)) return assemble(await readArchives([file], file), options);
  if (/\.parquet$/i.test(file)) return fromParquet([file], file, options);
  refuseArrow(dirname(file), [basename(file)]);
  fail("E_DATA_FORMAT", `${file} is of no known kind; expected ${EXPECTED}`);
}

async function readDirectory(folder: string, options: PictureOptions): Promise<Unnamed> {
  const files = readdirSync(folder).sort();
  // Where torchvision puts the files of its sets.
  const inside = TORCHVISION.find((name) => holdsRecords(join(folder, name)));
  if (inside) return readDirectory(join(folder, inside), options);
  const set = basename(folder) === "raw" ? basename(dirname(folder)).toLowerCase() : basename(folder);
  const known = BUILT_IN_SETS[set === "fashionmnist" ? "fashion-mnist" : set];
  if (files.some(isIdx)) return readIdxFolder(folder, files, known?.format === "idx" ? known : undefined);
  const cifar = cifarIn(files);
  if (cifar?.found.every((name) => statSync(join(folder, name)).isFile())) return readCifarFolder(folder, files, cifar);
  const paths = (test: (file: string) => boolean) => files.filter(test).map((file) => join(folder, file));
  const archives = paths(isArchive);
  if (archives.length > 0) return assemble(await readArchives(archives, folder), options);
  const parquet = paths((file) => file.endsWith(".parquet"));
  if (parquet.length > 0) return fromParquet(parquet, folder, options);
  // Hugging Face keeps a table beside pictures, or the Parquet files of a data set in data/ or in a folder a configuration.
  const metadata = files.find((file) => /^metadata\.(csv|jsonl)$/.test(file));
  if (metadata) return assemble(readTable(join(folder, metadata)), options);
  const configurations = files.filter((file) => parquetIn(join(folder, file)).length > 0);
  if (configurations.length > 1)
    fail(
      "E_DATA_FORMAT",
      `${folder}: holds several data sets (${configurations.join(", ")}); name one of them, as ${join(folder, configurations[0]!)}`,
    );
  if (configurations[0]) return fromParquet(parquetIn(join(folder, configurations[0])), folder, options);
  refuseArrow(folder, files);
  if (isPairFolder(folder)) return assemble(readPairFolder(folder), options);
  if (isClassFolder(folder))
    return withSoftLabels(await assemble(readFolder(folder, options.emptyClasses), options), folder);
  fail("E_DATA_FORMAT", `${folder}: nothing in it that is known; expected ${EXPECTED}`);
}

/** Refuses what Hugging Face's `save_to_disk` writes, saying how to write it as Parquet. @throws `E_DATA_FORMAT` */
function refuseArrow(place: string, files: readonly string[]): void {
  if (files.some((name) => name === "dataset_dict.json" || name === "dataset_info.json" || name.endsWith(".arrow")))
    fail(
      "E_DATA_FORMAT",
      `${place} holds Arrow files, as save_to_disk writes them, which are not read; write them as Parquet, in Python: from datasets import load_from_disk; d = load_from_disk("${place}"); [part.to_parquet(f"NEW/{name}.parquet") for name, part in (d.items() if hasattr(d, "items") else [("train", d)])], and give the folder NEW`,
    );
}

/** Folders below the one that torchvision is given. */
const TORCHVISION = ["raw", "MNIST/raw", "FashionMNIST/raw", "KMNIST/raw", "cifar-10-batches-py", "cifar-100-python"];

/** Whether a path is a folder with IDX or CIFAR files. */
function holdsRecords(path: string): boolean {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return false;
  const names = readdirSync(path);
  return names.some(isIdx) || cifarIn(names) !== undefined;
}

/** The Parquet files in a folder, none for anything else. */
function parquetIn(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [];
  const names = readdirSync(path).sort();
  return names.filter((name) => name.endsWith(".parquet")).map((name) => join(path, name));
}

async function fromParquet(files: readonly string[], name: string, options: PictureOptions): Promise<Unnamed> {
  const { source, classes } = await readParquet(files, name);
  return assemble(source, options, classes);
}
