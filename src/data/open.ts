// Opens a data source, told by what is there: a built-in name, a folder, or a file.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fail, nearest } from "../base/errors.ts";
import type { Dataset } from "./dataset.ts";
import { assemble, type PictureOptions, withUnlabelled } from "./readers/assemble.ts";
import { readCsv } from "./readers/csv.ts";
import type { Resize } from "./readers/decode.ts";
import { isClassFolder, readFolder, readUnlabelled } from "./readers/folder.ts";
import { readNpz } from "./readers/npz.ts";
import { readParquet } from "./readers/parquet.ts";
import { isCifar, isIdx, readCifarFolder, readIdxFolder } from "./readers/records.ts";
import { isTar, readTars } from "./readers/tar.ts";
import { BUILT_IN_SETS } from "./sets/builtin.ts";
import { builtInFolder } from "./sets/download.ts";
import { glyphs } from "./sets/glyphs.ts";
import { type LabelAmount, withLabels, withValidation } from "./splits.ts";

export interface OpenOptions {
  /** Keep so many labels: a number a class, or a share of them (`{ share: 0.1 }`); the rest is treated as unlabelled. */
  labels?: LabelAmount;
  /** A folder of pictures without labels, for the training part. */
  unlabelled?: string;
  /** Size pictures are read at. */
  image?: { height: number; width: number };
  /** How a picture of another shape becomes that size. Default `fit`. */
  resize?: Resize;
  /** Share of the training part held out when the data has no validation part. Default 0.1. */
  validation?: number;
  /** Seed of the splits. Default 0. */
  seed?: number;
  /** Bytes of decoded pictures that may be kept in memory; more go to a cache file. Default 1 GiB. */
  memory?: number;
  /** Share of undecodable pictures above which the data is refused. Default 0.05. */
  maxUndecodable?: number;
  /** Told how far long work is. */
  progress?: OpenProgress;
}

/** `fetch`: bytes of a file; `decode`: pictures of the source. */
export type OpenProgress = (task: "fetch" | "decode", what: string, done: number, total: number | undefined) => void;

export const BUILT_IN: readonly string[] = ["glyphs", "glyphs-colour", ...Object.keys(BUILT_IN_SETS)];

/** What a source can be, for messages. */
const EXPECTED =
  "a folder of class folders, of IDX or CIFAR files, of .tar shards or .parquet files; or a .npz, .csv, .tar or .parquet file";

/**
 * Opens a data source.
 * @param source a built-in name, or the path of a folder or file
 * @throws `E_DATA_NOT_FOUND`, `E_DATA_FORMAT`, `E_DATA_EMPTY`, `E_DATA_LABEL`, `E_IMAGE`
 */
export async function open(source: string, options: OpenOptions = {}): Promise<Dataset> {
  const { labels, image, resize, memory, maxUndecodable, validation = 0.1, seed = 0, progress } = options;
  const pictures: PictureOptions = {
    image,
    resize,
    memory,
    maxUndecodable,
    progress: progress && ((done, total) => progress("decode", source, done, total)),
  };
  const whole = await read(source, pictures, progress);
  if (image && (whole.train.height !== image.height || whole.train.width !== image.width))
    fail(
      "E_OPTION",
      `--image ${image.height}x${image.width}: ${source} has pictures of ${whole.train.height}x${whole.train.width}; leave --image out`,
    );
  const split = withValidation(whole, validation, seed);
  const kept = labels === undefined ? split : withLabels(split, labels, seed);
  return options.unlabelled === undefined
    ? kept
    : withUnlabelled(kept, readUnlabelled(existing(options.unlabelled)), pictures);
}

function existing(path: string): string {
  if (existsSync(path) && statSync(path).isDirectory()) return path;
  fail("E_DATA_NOT_FOUND", `no folder at "${path}"; expected a folder of pictures without labels`);
}

async function read(source: string, options: PictureOptions, progress?: OpenProgress): Promise<Dataset> {
  if (source === "glyphs") return glyphs();
  if (source === "glyphs-colour") return glyphs({ colour: true });
  const path =
    Object.hasOwn(BUILT_IN_SETS, source) && !existsSync(source)
      ? await builtInFolder(source, progress && ((...state) => progress("fetch", ...state)))
      : source;
  if (!existsSync(path)) {
    const guess = nearest(source, BUILT_IN);
    fail(
      "E_DATA_NOT_FOUND",
      `no data at "${source}"${guess ? `; did you mean ${guess}?` : ""} Expected ${EXPECTED}; or one of: ${BUILT_IN.join(", ")}`,
    );
  }
  const name = basename(path).replace(/\.(npz|csv|tsv|parquet|tar|tgz|tar\.gz)$/i, "");
  return { name, ...(await (statSync(path).isDirectory() ? readDirectory(path, options) : readOne(path, options))) };
}

type Unnamed = Omit<Dataset, "name">;

async function readOne(file: string, options: PictureOptions): Promise<Unnamed> {
  if (/\.npz$/i.test(file)) return readNpz(readFileSync(file), file);
  if (/\.(csv|tsv)$/i.test(file)) return assemble(readCsv(file), options);
  if (isTar(file)) return assemble(await readTars([file], file), options);
  if (/\.parquet$/i.test(file)) return fromParquet([file], file, options);
  fail("E_DATA_FORMAT", `${file} is of no known kind; expected ${EXPECTED}`);
}

async function readDirectory(folder: string, options: PictureOptions): Promise<Unnamed> {
  const files = readdirSync(folder).sort();
  const known = BUILT_IN_SETS[basename(folder)];
  if (files.some(isIdx)) return readIdxFolder(folder, files, known?.format === "idx" ? known : undefined);
  if (files.some(isCifar)) return readCifarFolder(folder, files);
  const paths = (test: (file: string) => boolean) => files.filter(test).map((file) => join(folder, file));
  const tars = paths(isTar);
  if (tars.length > 0) return assemble(await readTars(tars, folder), options);
  const parquet = paths((file) => file.endsWith(".parquet"));
  if (parquet.length > 0) return fromParquet(parquet, folder, options);
  // Hugging Face keeps the files of a data set in data/.
  if (files.includes("data") && statSync(join(folder, "data")).isDirectory()) {
    const below = readdirSync(join(folder, "data")).sort();
    const shards = below.filter((file) => file.endsWith(".parquet"));
    if (shards.length > 0)
      return fromParquet(
        shards.map((file) => join(folder, "data", file)),
        folder,
        options,
      );
  }
  if (isClassFolder(folder)) return assemble(readFolder(folder), options);
  fail("E_DATA_FORMAT", `${folder}: nothing in it that is known; expected ${EXPECTED}`);
}

async function fromParquet(files: readonly string[], name: string, options: PictureOptions): Promise<Unnamed> {
  const { source, classes } = await readParquet(files, name);
  return assemble(source, options, classes);
}
