// Makes a data set of a folder of IDX or CIFAR files: finds the files of each part and checks that they agree.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../base/errors.ts";
import type { Dataset, ImageSet } from "../dataset.ts";
import { inMemory } from "../pixels.ts";
import { BUILT_IN_SETS, type BuiltInSet } from "../sets/builtin.ts";
import { Notes } from "../warnings.ts";
import { parseCifar } from "./cifar.ts";
import { parseIdx } from "./idx.ts";

const CIFAR10_FILE = /^(data_batch_\d|test_batch)\.bin(\.gz)?$/;
const CIFAR100_FILE = /^(train|test)\.bin(\.gz)?$/;

/** Whether a file name is one of the MNIST family's, such as `train-images-idx3-ubyte.gz`. */
export const isIdx = (file: string): boolean => /idx[13]-ubyte/.test(file);
/** Whether a file name is one of CIFAR-10's or CIFAR-100's binary version, such as `data_batch_1.bin`. */
export const isCifar = (file: string): boolean => CIFAR10_FILE.test(file) || CIFAR100_FILE.test(file);

/**
 * The data set in a folder of CIFAR files: CIFAR-10 where a file has one of its names, else CIFAR-100 with its fine classes.
 * @param files names of the files in the folder
 * @throws `E_DATA_NOT_FOUND` without training files; `E_DATA_FORMAT`, `E_DATA_LABEL` for a damaged one
 */
export function readCifarFolder(folder: string, files: readonly string[]): Omit<Dataset, "name"> {
  const fine = !files.some((file) => CIFAR10_FILE.test(file));
  const pattern = fine ? CIFAR100_FILE : CIFAR10_FILE;
  const load = (part: string) =>
    files
      .filter((file) => pattern.test(file) && file.startsWith(part))
      .map((file) => ({ name: join(folder, file), bytes: readFileSync(join(folder, file)) }));
  const [train, test] = [load(fine ? "train" : "data_batch"), load("test")];
  if (train.length === 0)
    fail(
      "E_DATA_NOT_FOUND",
      `${folder}: expected ${fine ? "train.bin" : "data_batch_1.bin and so on"}, got ${files.join(", ")}`,
    );
  const { classes, mirror } = BUILT_IN_SETS[fine ? "cifar100" : "cifar10"]!;
  const notes = new Notes();
  for (const file of fine
    ? ["train.bin", "test.bin"]
    : [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`).concat("test_batch.bin"))
    if (!files.includes(file) && !files.includes(`${file}.gz`))
      notes.add(
        `doubtful: not all files of ${fine ? "CIFAR-100" : "CIFAR-10"} are there, and it is read without`,
        file,
      );
  const count = fine ? 100 : 10;
  return {
    classes,
    train: parseCifar(train, count),
    test: test.length > 0 ? parseCifar(test, count) : undefined,
    mirror,
    warnings: notes.warnings,
  };
}

/**
 * The data set in a folder of IDX files. Its classes are those of the built-in set, else `0` to the largest training label.
 * @param files names of the files in the folder
 * @param known the built-in set that the folder is named after, whose checksums must then be right
 * @throws `E_DATA_NOT_FOUND` without training files; `E_DATA_FORMAT`, `E_DATA_LABEL` for damaged ones; `E_DATA_EMPTY` for
 * fewer than two classes
 */
export function readIdxFolder(
  folder: string,
  files: readonly string[],
  known: BuiltInSet | undefined,
): Omit<Dataset, "name"> {
  const load = (part: string, kind: string): Uint8Array | undefined => {
    const file = files.find((name) => new RegExp(`(^|-)${part}-`).test(name) && name.includes(kind));
    if (!file) return undefined;
    const bytes = readFileSync(join(folder, file));
    const expected = known?.downloads.find((download) => download.file === file)?.md5;
    if (expected && createHash("md5").update(bytes).digest("hex") !== expected)
      fail(
        "E_DATA_FORMAT",
        `${join(folder, file)}: its checksum is not the official one: damaged or another version; fetch it again`,
      );
    return bytes;
  };
  const set = (part: string): ImageSet | undefined => {
    const [images, labels] = [load(part, "idx3"), load(part, "idx1")];
    if (!images || !labels) return undefined;
    const pixels = parseIdx(images, `${part} images in ${folder}`);
    const codes = parseIdx(labels, `${part} labels in ${folder}`);
    const [n, height, width] = pixels.sizes as [number, number, number];
    if (pixels.sizes.length !== 3 || codes.sizes.length !== 1 || n !== codes.sizes[0])
      fail(
        "E_DATA_FORMAT",
        `${folder}: ${part} has images [${pixels.sizes}] and labels [${codes.sizes}]; expected one label an image`,
      );
    const first = known?.firstLabel ?? 0;
    const data = known?.transposed ? transposed(pixels.data, height, width) : pixels.data;
    return {
      height: known?.transposed ? width : height,
      width: known?.transposed ? height : width,
      channels: 1,
      pixels: inMemory(height * width, data),
      labels: Int32Array.from(codes.data, (code) => code - first),
    };
  };
  const train = set("train");
  if (!train)
    fail(
      "E_DATA_NOT_FOUND",
      `${folder}: expected train-images-idx3-ubyte(.gz) and train-labels-idx1-ubyte(.gz), got ${files.join(", ")}`,
    );
  const test = set("t10k") ?? set("test");
  if (test && (test.height !== train.height || test.width !== train.width))
    fail(
      "E_DATA_FORMAT",
      `${folder}: train has images of ${train.height}x${train.width}, test of ${test.height}x${test.width}`,
    );
  const most = train.labels.reduce((a, b) => Math.max(a, b), 0);
  const classes = known?.classes ?? Array.from({ length: 1 + most }, (_, i) => String(i));
  for (const [part, labels] of [
    ["train", train.labels],
    ["test", test?.labels ?? []],
  ] as const)
    for (const label of labels)
      if (label < 0 || label >= classes.length) {
        const first = known?.firstLabel ?? 0;
        fail(
          "E_DATA_LABEL",
          `${folder}: a ${part} label is ${label + first}; expected ${first}..${classes.length - 1 + first}`,
        );
      }
  if (classes.length < 2) fail("E_DATA_EMPTY", `${folder}: one class only; a classifier needs at least two`);
  return { classes, train, test, mirror: known?.mirror ?? false, warnings: [] };
}

function transposed(data: Uint8Array, height: number, width: number): Uint8Array {
  const out = new Uint8Array(data.length);
  const size = height * width;
  for (let from = 0; from < data.length; from += size)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) out[from + x * height + y] = data[from + y * width + x]!;
  return out;
}
