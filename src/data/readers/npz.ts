// NumPy archives: a zip of .npy arrays, found by their names (x_train, train_images, images, y_test, labels, …).
import { sizeOf } from "../../base/array.ts";
import { fail, GenclassError } from "../../base/errors.ts";
import type { Dataset, ImageSet } from "../dataset.ts";
import { inMemory } from "../pixels.ts";
import { Notes } from "../warnings.ts";
import { CONTENT_LIMIT, expansionLimit, refuseExpansion } from "./expansion.ts";
import { type NpyArray, numberReader, parseNpy, texts } from "./npy.ts";
import { bytesOfNumbers } from "./pixel-values.ts";
import { NO_LABEL, type Split, sortedClasses, splitOf } from "./source.ts";
import { type ReadBytes, zipContent, zipMembers } from "./zip.ts";

const MOST_MEMBERS = 64;
/** Pictures of one array, at most: as many as 512 bytes each fill what is read into memory at once. */
const MOST_PICTURES = 2 ** 22;
/** Class names, and columns of one-hot labels, at most. */
const MOST_CLASSES = 2 ** 16;

/**
 * The arrays of a `.npz` archive by their names without `.npy`.
 * @throws `E_DATA_FORMAT` naming the file when it is damaged, or expands to more than pictures do
 */
export function parseNpz(bytes: Uint8Array, file: string): Map<string, NpyArray> {
  const read: ReadBytes = (from, size) => {
    if (from + size > bytes.length) throw new Error("it is cut short");
    return bytes.subarray(from, from + size);
  };
  const limit = Math.min(CONTENT_LIMIT, expansionLimit(bytes.length));
  try {
    const members = zipMembers(read, bytes.length).filter(({ name }) => name.endsWith(".npy"));
    if (members.length > MOST_MEMBERS) throw new Error(`it has ${members.length} arrays`);
    if (members.reduce((sum, { size }) => sum + size, 0) > limit) refuseExpansion(file, limit);
    return new Map(
      members.map((member) => [member.name.slice(0, -4), parseNpy(zipContent(read, member), `${file}/${member.name}`)]),
    );
  } catch (cause) {
    if (cause instanceof GenclassError) throw cause;
    return fail("E_DATA_FORMAT", `${file}: damaged .npz archive (${(cause as Error).message}); save it again`, cause);
  }
}

const IMAGES = ["x", "images", "image", "data", "imgs"];
const LABELS = ["y", "labels", "label", "targets", "target"];

type ArrayPart = Exclude<Split, "unlabelled">;

/** Splits and roles by member name: words around one underscore, in any order. */
function role(name: string): { split: ArrayPart; kind: "images" | "labels" } | undefined {
  const words = name.toLowerCase().split("_");
  const kind = words.some((word) => IMAGES.includes(word))
    ? "images"
    : words.some((word) => LABELS.includes(word))
      ? "labels"
      : undefined;
  const split = words.map(splitOf).find((found) => found !== undefined) ?? "train";
  return kind && split !== "unlabelled" ? { split, kind } : undefined;
}

/** The pictures of an array as bytes `[n, h, w, c]`. @throws `E_DATA_FORMAT` for other numbers or another shape */
function picturesOf(array: NpyArray, what: string): Omit<ImageSet, "labels"> {
  const { shape, type } = array;
  const [, height, width, channels = 1] = shape as [number, number, number, number?];
  const refuse = (why: string): never =>
    fail(
      "E_DATA_FORMAT",
      `${what} is ${type} [${shape}]${why}; expected numbers in 0..255 or 0..1, as [n, height, width] or [n, height, width, channels] with 1 or 3 channels${wayToShape(shape)}`,
    );
  if ((shape.length !== 3 && shape.length !== 4) || (channels !== 1 && channels !== 3)) refuse("");
  if (shape.includes(0)) refuse(", which is no picture");
  if (shape[0]! > MOST_PICTURES) refuse(`, more than ${MOST_PICTURES} pictures`);
  const size = height * width * channels;
  const read = numberReader(array) ?? refuse("");
  const bytes =
    type === "|u1" && array.data.some((value) => value > 1)
      ? array.data
      : bytesOfNumbers(sizeOf(shape), read, (value) => refuse(` and has the value ${value}`));
  return { height, width, channels, pixels: inMemory(size, bytes) };
}

/** How pictures of a shape that is not read become ones of a shape that is, in Python. */
function wayToShape(shape: readonly number[]): string {
  const [, ...rest] = shape;
  const side = Math.sqrt(rest[0] ?? 0);
  if (rest.length === 1 && side > 1 && Number.isInteger(side)) return `, such as images.reshape(-1, ${side}, ${side})`;
  if (rest.length === 3 && (rest[0] === 1 || rest[0] === 3)) return ": images.transpose(0, 2, 3, 1)";
  return "";
}

/** A label for each picture, as text. */
interface Labels {
  readonly of: readonly string[];
  /** Whether they are numbers of classes, not names. */
  readonly areNumbers: boolean;
}

/**
 * The labels of an array: whole numbers `[n]` (or `[n, 1]`), names `[n]`, or rows `[n, classes]` with a 1 at the class.
 * @throws `E_DATA_LABEL` for a number that is no label, `E_DATA_FORMAT` for another type
 */
function labelsOf(array: NpyArray, what: string): Labels {
  const names = texts(array);
  if (names) return { of: names.map((name) => name || NO_LABEL), areNumbers: false };
  const read = numberReader(array);
  const [n = 0, columns = 1] = array.shape;
  if (!read || array.shape.length > 2 || columns > MOST_CLASSES)
    return fail("E_DATA_FORMAT", `${what} is ${array.type} [${array.shape}]; expected a label for each picture`);
  const numberAt = (i: number): string => {
    const code = read(i);
    if (!Number.isInteger(code) || code < -1)
      fail("E_DATA_LABEL", `${what}[${i}] is ${code}; expected a whole number, or -1 for none`);
    return String(code);
  };
  const oneHotAt = (i: number): string => {
    const row = Array.from({ length: columns }, (_, k) => read(i * columns + k));
    const at = row.indexOf(1);
    if (row.some((value, k) => value !== (k === at ? 1 : 0)))
      fail("E_DATA_LABEL", `${what}[${i}] is ${row.slice(0, 10).join(", ")}; expected a single 1, and else zeros`);
    return String(at);
  };
  return { of: Array.from({ length: n }, (_, i) => (columns === 1 ? numberAt(i) : oneHotAt(i))), areNumbers: true };
}

/**
 * The data set in a `.npz` archive: pictures, as uint8 or floats, and labels, as numbers (-1 for none), names or one-hot rows,
 * found by the names of the arrays; and, if there, class names `classes`.
 * @param file its name, for messages
 * @throws `E_DATA_FORMAT` when arrays are missing, damaged or of other shapes; `E_DATA_LABEL` for a label that is no class;
 * `E_DATA_EMPTY` for fewer than two classes
 */
export function readNpz(bytes: Uint8Array, file: string): Omit<Dataset, "name"> {
  const arrays = parseNpz(bytes, file);
  const found: Partial<Record<ArrayPart, Partial<Record<"images" | "labels", string>>>> = {};
  for (const name of arrays.keys()) {
    const known = role(name);
    if (known) found[known.split] = { ...found[known.split], [known.kind]: name };
  }
  const part = (split: ArrayPart) => {
    const { images, labels } = found[split] ?? {};
    if (!images || !labels) return undefined;
    const pictures = picturesOf(arrays.get(images)!, `${file}: ${images}`);
    const marks = arrays.get(labels)!;
    // Before they are made: a few bytes may expand to thousands of millions of labels.
    if (marks.shape[0] !== pictures.pixels.count)
      fail(
        "E_DATA_FORMAT",
        `${file}: ${images} has ${pictures.pixels.count} pictures, ${labels} ${marks.shape[0] ?? 0} labels`,
      );
    const given = labelsOf(marks, `${file}: ${labels}`);
    return { pictures, given };
  };
  const train = part("train");
  if (!train)
    return fail(
      "E_DATA_FORMAT",
      `${file}: holds ${[...arrays.keys()].join(", ") || "nothing"}; expected pictures and labels named as images and labels, or x_train, y_train, x_test, y_test`,
    );
  requireFew(arrays.get("classes")?.shape[0] ?? 0, file);
  const names = arrays.get("classes") && texts(arrays.get("classes")!);
  const classes = names ?? sortedClasses(train.given.of.filter((label) => label !== NO_LABEL));
  requireFew(classes.length, file);
  const codes = new Map(classes.map((name, i) => [names && train.given.areNumbers ? String(i) : name, i]));
  codes.set(NO_LABEL, -1);
  const set = (split: ArrayPart): ImageSet | undefined => {
    const read = split === "train" ? train : part(split);
    if (!read) return undefined;
    const { height, width, channels, pixels } = read.pictures;
    const { pictures: expected } = train;
    if (height !== expected.height || width !== expected.width || channels !== expected.channels)
      fail(
        "E_DATA_FORMAT",
        `${file}: ${split} has pictures of ${height}x${width}x${channels}, train of ${expected.height}x${expected.width}x${expected.channels}`,
      );
    const strange = read.given.of.find((label) => !codes.has(label));
    if (strange !== undefined)
      fail(
        "E_DATA_LABEL",
        `${file}: label ${strange} of ${split} is not in the training part, which has ${classes.join(", ")}`,
      );
    return { height, width, channels, pixels, labels: Int32Array.from(read.given.of, (label) => codes.get(label)!) };
  };
  const sets = { train: set("train")!, validation: set("validation"), test: set("test") };
  if (classes.length < 2) fail("E_DATA_EMPTY", `${file}: ${classes.length} class; a classifier needs at least two`);
  return { classes, ...sets, mirror: sets.train.channels === 3, warnings: unread(arrays, found) };
}

/** @throws `E_DATA_FORMAT` for more classes than any data has */
function requireFew(classes: number, file: string): void {
  if (classes > MOST_CLASSES)
    fail("E_DATA_FORMAT", `${file}: it has ${classes} classes; expected at most ${MOST_CLASSES}`);
}

/** The arrays that are not read, and why. */
function unread(
  arrays: ReadonlyMap<string, NpyArray>,
  found: Partial<Record<ArrayPart, Partial<Record<"images" | "labels", string>>>>,
): Dataset["warnings"] {
  const notes = new Notes();
  const pairs = Object.values(found);
  const named = new Set(["classes", ...pairs.flatMap(({ images, labels }) => [images, labels])]);
  for (const name of arrays.keys())
    if (!named.has(name)) notes.add("ignored, as they are not the arrays of pictures or labels", name);
  for (const { images, labels } of pairs) {
    if (images && !labels) notes.add("ignored, as there are no labels of the same split", images);
    if (labels && !images) notes.add("ignored, as there are no pictures of the same split", labels);
  }
  return notes.warnings;
}
