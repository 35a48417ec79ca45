// NumPy archives: a zip of .npy arrays, found by their names (x_train, train_images, images, y_test, labels, …).
import { unzipSync } from "fflate";
import { sizeOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import type { Dataset, ImageSet } from "../dataset.ts";
import { inMemory } from "../pixels.ts";
import { CONTENT_LIMIT, MOST_EXPANSION } from "./gzip.ts";
import { sortedClasses, splitOf } from "./source.ts";

/** An array from a `.npy` file, its values not yet interpreted. */
export interface NpyArray {
  readonly shape: readonly number[];
  /** NumPy's name of the element type with byte order and width, such as `|u1` or `<i8`. */
  readonly type: string;
  /** The bytes of the values in C order. */
  readonly data: Uint8Array;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const MOST_MEMBERS = 64;

/**
 * Reads a `.npy` file (NumPy Enhancement Proposal 1) of numbers of 1 to 8 bytes, or of text.
 * @param file its name, for messages
 * @throws `E_DATA_FORMAT` when it is damaged, of another type, or in Fortran order
 */
export function parseNpy(bytes: Uint8Array, file: string): NpyArray {
  const broken = (why: string): never => fail("E_DATA_FORMAT", `${file}: not a whole .npy array: ${why}`);
  if (bytes.length < 12 || MAGIC.some((byte, i) => bytes[i] !== byte)) broken("it does not begin with \\x93NUMPY");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6]! >= 2;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (wide ? 12 : 10) + length;
  if (start > bytes.length || length > 65_536) broken("its header is cut short");
  const header = new TextDecoder("latin1").decode(bytes.subarray(wide ? 12 : 10, start));
  const type = /'descr':\s*'([^']{2,8})'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape':\s*\(([0-9, ]*)\)/.exec(header)?.[1];
  const letters = /^<U(\d{1,4})$/.exec(type ?? "")?.[1];
  const width = letters ? 4 * Number(letters) : /^[|<>][uifb]([1248])$/.exec(type ?? "")?.[1];
  if (type === undefined || sizes === undefined || width === undefined)
    return broken(`its header says ${header.trim().slice(0, 120)}; expected numbers of 1 to 8 bytes, or text`);
  if (order === "True") broken("it is in Fortran order; save it with numpy.ascontiguousarray");
  const shape = sizes
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  const expected = sizeOf(shape) * Number(width);
  if (!(expected <= CONTENT_LIMIT) || bytes.length - start !== expected)
    broken(`its header says ${expected} bytes of values, it holds ${bytes.length - start}`);
  return { shape, type, data: bytes.subarray(start) };
}

/**
 * The bytes of a `.npy` file in format 1.0.
 * @param type NumPy's name of the element type, such as `|u1`
 * @param data the values' bytes in C order
 */
export function formatNpy(type: string, shape: readonly number[], data: Uint8Array): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // Magic, version and length are 10 bytes; the header ends with a line feed on a multiple of 64.
  const header = `${text.padEnd(64 * Math.ceil((text.length + 11) / 64) - 11)}\n`;
  const out = new Uint8Array(10 + header.length + data.length);
  out.set([...MAGIC, 1, 0, header.length & 255, header.length >> 8]);
  out.set(new TextEncoder().encode(header), 10);
  out.set(data, 10 + header.length);
  return out;
}

/** The bytes of a `.npy` file of texts, `[n]`: NumPy keeps them as UCS-4, padded with zeros to the length of the longest. */
export function formatNpyText(texts: readonly string[]): Uint8Array {
  const points = texts.map((text) => Array.from(text, (letter) => letter.codePointAt(0)!));
  const width = points.reduce((most, { length }) => Math.max(most, length), 1);
  const data = Uint32Array.from(points.flatMap((row) => Array.from({ length: width }, (_, i) => row[i] ?? 0)));
  return formatNpy(`<U${width}`, [texts.length], new Uint8Array(data.buffer));
}

/** Texts of a `<U` array; undefined for another type. */
function texts({ type, shape, data }: NpyArray): string[] | undefined {
  if (!type.startsWith("<U") || shape.length !== 1) return undefined;
  const width = Number(type.slice(2));
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: shape[0]! }, (_, i) => {
    const points = Array.from({ length: width }, (_, k) => view.getUint32(4 * (i * width + k), true));
    return String.fromCodePoint(...points.filter((point) => point > 0 && point <= 0x10ffff));
  });
}

/** Whole numbers of any type; floats must be whole. */
function integers({ type, data, shape }: NpyArray, file: string): Float64Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const little = type[0] !== ">";
  const width = Number(type[2]);
  const read: Record<string, (at: number) => number> = {
    u1: (at) => view.getUint8(at),
    b1: (at) => view.getUint8(at),
    i1: (at) => view.getInt8(at),
    u2: (at) => view.getUint16(at, little),
    i2: (at) => view.getInt16(at, little),
    u4: (at) => view.getUint32(at, little),
    i4: (at) => view.getInt32(at, little),
    u8: (at) => Number(view.getBigUint64(at, little)),
    i8: (at) => Number(view.getBigInt64(at, little)),
    f4: (at) => view.getFloat32(at, little),
    f8: (at) => view.getFloat64(at, little),
  };
  const get = read[type.slice(1)];
  if (!get) fail("E_DATA_FORMAT", `${file}: labels of type ${type}; expected whole numbers`);
  return Float64Array.from({ length: sizeOf(shape) }, (_, i) => get(i * width));
}

/** The arrays of a `.npz` archive by their names without `.npy`. @throws `E_DATA_FORMAT` naming the file when it is damaged */
export function parseNpz(bytes: Uint8Array, file: string): Map<string, NpyArray> {
  let members = 0;
  let total = 0;
  try {
    const files = unzipSync(bytes, {
      filter({ name, size, originalSize }) {
        total += originalSize;
        if (++members > MOST_MEMBERS || total > CONTENT_LIMIT || originalSize > (size + 1) * MOST_EXPANSION)
          throw new Error(`member "${name}" claims ${originalSize} bytes`);
        return name.endsWith(".npy");
      },
    });
    return new Map(Object.entries(files).map(([name, data]) => [name.slice(0, -4), parseNpy(data, `${file}/${name}`)]));
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "E_DATA_FORMAT") throw cause;
    return fail("E_DATA_FORMAT", `${file}: damaged .npz archive (${(cause as Error).message}); save it again`, cause);
  }
}

const IMAGES = ["x", "images", "image", "data", "imgs"];
const LABELS = ["y", "labels", "label", "targets", "target"];

/** Splits and roles by member name: words around one underscore, in any order. */
function role(name: string): { split: "train" | "validation" | "test"; kind: "images" | "labels" } | undefined {
  const words = name.toLowerCase().split("_");
  const kind = words.some((word) => IMAGES.includes(word))
    ? "images"
    : words.some((word) => LABELS.includes(word))
      ? "labels"
      : undefined;
  const split = words.map(splitOf).find((found) => found !== undefined) ?? "train";
  return kind && split !== "unlabelled" ? { split, kind } : undefined;
}

/**
 * The data set in a `.npz` archive: pictures uint8 `[n, h, w]` or `[n, h, w, c]`, labels of whole numbers `[n]` (-1 for none),
 * found by their names; and, if there, class names `classes`.
 * @param file its name, for messages
 * @throws `E_DATA_FORMAT` when arrays are missing, damaged or of other shapes; `E_DATA_LABEL` for a label that is no class;
 * `E_DATA_EMPTY` for fewer than two classes
 */
export function readNpz(bytes: Uint8Array, file: string): Omit<Dataset, "name"> {
  const arrays = parseNpz(bytes, file);
  const found: Partial<Record<"train" | "validation" | "test", Partial<Record<"images" | "labels", string>>>> = {};
  for (const name of arrays.keys()) {
    const known = role(name);
    if (known) found[known.split] = { ...found[known.split], [known.kind]: name };
  }
  const members = [...arrays.keys()].join(", ") || "nothing";
  const part = (split: "train" | "validation" | "test"): [images: NpyArray, labels: Float64Array] | undefined => {
    const { images, labels } = found[split] ?? {};
    if (!images || !labels) return undefined;
    const pixels = arrays.get(images)!;
    if (pixels.type !== "|u1" || (pixels.shape.length !== 3 && pixels.shape.length !== 4))
      fail(
        "E_DATA_FORMAT",
        `${file}: ${images} is ${pixels.type} [${pixels.shape}]; expected bytes (uint8) [n, height, width] or [n, height, width, channels]`,
      );
    const channels = pixels.shape[3] ?? 1;
    if (channels !== 1 && channels !== 3)
      fail(
        "E_DATA_FORMAT",
        `${file}: ${images} has ${channels} channels last; expected 1 or 3, as [n, height, width, 3]`,
      );
    const codes = integers(arrays.get(labels)!, file);
    if (codes.length !== pixels.shape[0])
      fail("E_DATA_FORMAT", `${file}: ${images} has ${pixels.shape[0]} pictures, ${labels} ${codes.length} labels`);
    codes.forEach((code, i) => {
      if (!Number.isInteger(code) || code < -1)
        fail("E_DATA_LABEL", `${file}: ${labels}[${i}] is ${code}; expected a whole number, or -1 for none`);
    });
    return [pixels, codes];
  };
  const parts = { train: part("train"), validation: part("validation"), test: part("test") };
  if (!parts.train)
    fail(
      "E_DATA_FORMAT",
      `${file}: holds ${members}; expected pictures and labels named as images and labels, or x_train, y_train, x_test, y_test`,
    );
  const names = arrays.get("classes") && texts(arrays.get("classes")!);
  const seen = sortedClasses([...parts.train[1]].filter((code) => code >= 0).map(String));
  const classes = names ?? seen;
  const codes = new Map(classes.map((name, i) => [names ? i : Number(name), i]));
  const set = (split: "train" | "validation" | "test"): ImageSet | undefined => {
    const [pixels, labels] = parts[split] ?? [];
    if (!pixels || !labels) return undefined;
    const [, height, width, channels = 1] = pixels.shape as [number, number, number, number?];
    const known = Int32Array.from(labels, (code) => (code < 0 ? -1 : (codes.get(code) ?? -2)));
    const strange = known.indexOf(-2);
    if (strange >= 0)
      fail(
        "E_DATA_LABEL",
        `${file}: label ${labels[strange]} of ${split} is not in the training part, which has ${classes.join(", ")}`,
      );
    return { height, width, channels, pixels: inMemory(height * width * channels, pixels.data), labels: known };
  };
  const train = set("train")!;
  const others = { validation: set("validation"), test: set("test") };
  for (const [split, one] of Object.entries(others))
    if (one && one.pixels.size !== train.pixels.size)
      fail(
        "E_DATA_FORMAT",
        `${file}: ${split} has pictures of ${one.height}x${one.width}x${one.channels}, train of ${train.height}x${train.width}x${train.channels}`,
      );
  if (classes.length < 2) fail("E_DATA_EMPTY", `${file}: ${classes.length} class; a classifier needs at least two`);
  return { classes, train, ...others, mirror: train.channels === 3, warnings: [] };
}
