// NumPy arrays: `.npy` files of numbers or text, read and written.
import { sizeOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { CONTENT_LIMIT } from "./expansion.ts";

/** An array from a `.npy` file, its values not yet interpreted. */
export interface NpyArray {
  readonly shape: readonly number[];
  /** NumPy's name of the element type with byte order and width, such as `|u1` or `<i8`. */
  readonly type: string;
  /** The bytes of the values in C order. */
  readonly data: Uint8Array;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

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
  const letters = /^<U([1-9]\d{0,3})$/.exec(type ?? "")?.[1];
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

/** Texts of a `<U` array `[n]`; undefined for another type or shape. */
export function texts({ type, shape, data }: NpyArray): string[] | undefined {
  if (!type.startsWith("<U") || shape.length !== 1) return undefined;
  const width = Number(type.slice(2));
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: shape[0]! }, (_, i) => {
    const points = Array.from({ length: width }, (_, k) => view.getUint32(4 * (i * width + k), true));
    return String.fromCodePoint(...points.filter((point) => point > 0 && point <= 0x10ffff));
  });
}

/** A function that gives the number at a place of an array; undefined for an array of text. */
export function numberReader({ type, data }: NpyArray): ((index: number) => number) | undefined {
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
  return get && ((index) => get(index * width));
}
