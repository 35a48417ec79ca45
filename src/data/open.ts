// Opens a data source: a built-in name, a folder of IDX or CIFAR-10 files, or a folder of class folders.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fail, nearest } from "../base/errors.ts";
import { type Dataset, type ImageSet, withLabels, withValidation } from "./dataset.ts";
import { parseCifar10 } from "./readers/cifar.ts";
import { isClassFolder, readFolder } from "./readers/folder.ts";
import { parseIdx } from "./readers/idx.ts";
import { BUILT_IN_SETS, type BuiltInSet } from "./sets/builtin.ts";
import { glyphs } from "./sets/glyphs.ts";

export interface OpenOptions {
  /** Keep this many labels a class; the rest is treated as unlabelled. */
  labels?: number;
  /** Size pictures are read at. */
  image?: { height: number; width: number };
  /** Share of the training part held out when the data has no validation part. Default 0.1. */
  validation?: number;
  /** Seed of the splits. Default 0. */
  seed?: number;
}

export const BUILT_IN: readonly string[] = ["glyphs", "glyphs-colour", ...Object.keys(BUILT_IN_SETS)];

const IDX_FILE = /idx[13]-ubyte/;
const CIFAR_FILE = /^(data_batch_\d|test_batch)\.bin(\.gz)?$/;

/**
 * Reads a data source whole.
 * @param source a built-in name, or a folder of class folders, of IDX files or of CIFAR-10 files
 * @throws `E_DATA_NOT_FOUND`, `E_DATA_FORMAT`, `E_DATA_EMPTY`, `E_DATA_LABEL`, `E_IMAGE`
 */
export async function open(source: string, options: OpenOptions = {}): Promise<Dataset> {
  const { labels, image, validation = 0.1, seed = 0 } = options;
  const data = withValidation(await read(source, image), validation, seed);
  if (image && (data.train.height !== image.height || data.train.width !== image.width))
    fail(
      "E_OPTION",
      `--image ${image.height}x${image.width}: ${source} has pictures of ${data.train.height}x${data.train.width}; leave --image out`,
    );
  return labels === undefined ? data : withLabels(data, labels, seed);
}

async function read(source: string, image: OpenOptions["image"]): Promise<Dataset> {
  if (source === "glyphs") return glyphs();
  if (source === "glyphs-colour") return glyphs({ colour: true });
  const folder = Object.hasOwn(BUILT_IN_SETS, source) && !existsSync(source) ? builtInFolder(source) : source;
  if (!existsSync(folder)) {
    const guess = nearest(source, BUILT_IN);
    fail(
      "E_DATA_NOT_FOUND",
      `no data at "${source}"${guess ? `; did you mean ${guess}?` : ""} Expected a folder, or one of: ${BUILT_IN.join(", ")}`,
    );
  }
  if (!statSync(folder).isDirectory())
    fail("E_DATA_FORMAT", `${source} is a file; expected a folder of class folders, of IDX files or of CIFAR-10 files`);
  const files = readdirSync(folder).sort();
  const known = BUILT_IN_SETS[basename(folder)];
  if (files.some((file) => IDX_FILE.test(file)))
    return readIdx(folder, files, known?.format === "idx" ? known : undefined);
  if (files.some((file) => CIFAR_FILE.test(file))) return readCifar10(folder, files);
  if (isClassFolder(folder)) return readFolder(folder, image);
  fail(
    "E_DATA_FORMAT",
    `${source}: no class folders, IDX or CIFAR-10 files in it; expected one folder a class with pictures inside`,
  );
}

function builtInFolder(name: string): string {
  const root = process.env.GENCLASS_DATA;
  const folder = root && join(root, name);
  if (folder && existsSync(folder)) return folder;
  const where = root ? `GENCLASS_DATA=${root} has no folder "${name}"` : "GENCLASS_DATA is not set";
  const files =
    BUILT_IN_SETS[name]!.format === "idx"
      ? "the four IDX files (.gz)"
      : "data_batch_1.bin to data_batch_5.bin and test_batch.bin (.gz or not)";
  fail(
    "E_DATA_NOT_FOUND",
    `${name}: ${where}. Put ${files} into a folder named ${name} and set GENCLASS_DATA to the folder above it; "glyphs" needs no files`,
  );
}

function readCifar10(folder: string, files: readonly string[]): Dataset {
  const load = (part: string) =>
    files
      .filter((file) => CIFAR_FILE.test(file) && file.startsWith(part))
      .map((file) => ({ name: join(folder, file), bytes: readFileSync(join(folder, file)) }));
  const [train, test] = [load("data_batch"), load("test_batch")];
  if (train.length === 0)
    fail("E_DATA_NOT_FOUND", `${folder}: expected data_batch_1.bin and so on, got ${files.join(", ")}`);
  const { classes, mirror } = BUILT_IN_SETS.cifar10!;
  return {
    name: basename(folder),
    classes,
    train: parseCifar10(train),
    test: test.length > 0 ? parseCifar10(test) : undefined,
    mirror,
    warnings: [],
  };
}

function readIdx(folder: string, files: readonly string[], known: BuiltInSet | undefined): Dataset {
  const load = (part: string, kind: string): Uint8Array | undefined => {
    const file = files.find((name) => name.startsWith(part) && name.includes(kind));
    if (!file) return undefined;
    const bytes = readFileSync(join(folder, file));
    const expected = known?.sha256[file];
    if (expected && createHash("sha256").update(bytes).digest("hex") !== expected)
      fail(
        "E_DATA_FORMAT",
        `${join(folder, file)}: its checksum is not the official one: damaged or another version; fetch it again`,
      );
    return bytes;
  };
  const set = (part: string): ImageSet | undefined => {
    const [images, labels] = [load(part, "idx3"), load(part, "idx1")];
    if (!images || !labels) return undefined;
    const [pixels, codes] = [
      parseIdx(images, `${part} images in ${folder}`),
      parseIdx(labels, `${part} labels in ${folder}`),
    ];
    const [n, height, width] = pixels.sizes;
    if (pixels.sizes.length !== 3 || codes.sizes.length !== 1 || n !== codes.sizes[0])
      fail(
        "E_DATA_FORMAT",
        `${folder}: ${part} has images [${pixels.sizes}] and labels [${codes.sizes}]; expected one label an image`,
      );
    return { height: height!, width: width!, channels: 1, pixels: pixels.data, labels: Int32Array.from(codes.data) };
  };
  const train = set("train");
  if (!train)
    fail(
      "E_DATA_NOT_FOUND",
      `${folder}: expected train-images-idx3-ubyte(.gz) and train-labels-idx1-ubyte(.gz), got ${files.join(", ")}`,
    );
  const test = set("t10k") ?? set("test");
  const most = train.labels.reduce((a, b) => Math.max(a, b), 0);
  const classes = known?.classes ?? Array.from({ length: 1 + most }, (_, i) => String(i));
  for (const [part, labels] of [
    ["train", train.labels],
    ["test", test?.labels ?? []],
  ] as const)
    for (const label of labels)
      if (label >= classes.length)
        fail("E_DATA_LABEL", `${folder}: a ${part} label is ${label}; expected 0..${classes.length - 1}`);
  return { name: basename(folder), classes, train, test, mirror: known?.mirror ?? false, warnings: [] };
}
