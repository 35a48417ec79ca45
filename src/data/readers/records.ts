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
import { cifarRecords } from "./cifar-python.ts";
import { parseIdx } from "./idx.ts";

/** Whether a file name is one of the MNIST family's, such as `train-images-idx3-ubyte.gz`. */
export const isIdx = (file: string): boolean => /idx[13]-ubyte/.test(file);

/** A version of CIFAR: the names of its files without ending, and what each record says. */
interface CifarVersion {
  readonly set: "cifar10" | "cifar100";
  readonly title: string;
  readonly train: readonly string[];
  readonly test: string;
  readonly classes: 10 | 100;
  /** Keys of the labels in the Python version, in the order of a record. */
  readonly labels: readonly string[];
  /** A file that only the Python version has. */
  readonly meta: string;
}

const VERSIONS: readonly CifarVersion[] = [
  {
    set: "cifar10",
    title: "CIFAR-10",
    train: [1, 2, 3, 4, 5].map((n) => `data_batch_${n}`),
    test: "test_batch",
    classes: 10,
    labels: ["labels"],
    meta: "batches.meta",
  },
  {
    set: "cifar100",
    title: "CIFAR-100",
    train: ["train"],
    test: "test",
    classes: 100,
    labels: ["coarse_labels", "fine_labels"],
    meta: "meta",
  },
];

/** A folder with files of CIFAR: which version, and what its files end with. */
export interface CifarFolder {
  readonly version: CifarVersion;
  /** Of the Python version, whose files are pickles, the empty text. */
  readonly endings: readonly string[];
  /** Names of those that are there. */
  readonly found: readonly string[];
}

/** What of CIFAR is in a folder of these files; undefined where nothing is. */
export function cifarIn(files: readonly string[]): CifarFolder | undefined {
  for (const version of VERSIONS)
    for (const endings of [[".bin", ".bin.gz"], [""]]) {
      // Class folders may lie in folders called train and test, too: the Python version is known by what it has besides.
      const isComplete = endings[0] !== "" || files.includes(version.meta);
      const names = [...version.train, version.test].flatMap((name) => endings.map((ending) => name + ending));
      const found = names.filter((name) => files.includes(name));
      if (isComplete && found.length > 0) return { version, endings, found };
    }
  return undefined;
}

/**
 * The data set in a folder of CIFAR files, with the fine classes of CIFAR-100.
 * @param files names of the files in the folder
 * @throws `E_DATA_NOT_FOUND` without training files; `E_DATA_FORMAT`, `E_DATA_LABEL` for a damaged one
 */
export function readCifarFolder(
  folder: string,
  files: readonly string[],
  { version, endings }: CifarFolder,
): Omit<Dataset, "name"> {
  const notes = new Notes();
  const load = (names: readonly string[]) =>
    names.flatMap((name) => {
      const file = endings.map((ending) => name + ending).find((one) => files.includes(one));
      if (file === undefined)
        notes.add(`doubtful: not all files of ${version.title} are there, and it is read without`, name + endings[0]);
      if (file === undefined) return [];
      const bytes = readFileSync(join(folder, file));
      return {
        name: join(folder, file),
        bytes: endings[0] ? bytes : cifarRecords(bytes, version.labels, join(folder, file)),
      };
    });
  const [train, test] = [load(version.train), load([version.test])];
  if (train.length === 0)
    fail("E_DATA_NOT_FOUND", `${folder}: expected ${version.train[0]}${endings[0]} and so on, got ${files.join(", ")}`);
  const { classes, mirror } = BUILT_IN_SETS[version.set]!;
  return {
    classes,
    train: parseCifar(train, version.classes),
    test: test.length > 0 ? parseCifar(test, version.classes) : undefined,
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
