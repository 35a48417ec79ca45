// Files that the data tests write.
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import sharp from "sharp";
import type { Dataset } from "../../src/data/dataset.ts";

export function idx(sizes: number[], data: Uint8Array): Buffer {
  const head = Buffer.alloc(4 + 4 * sizes.length);
  head.set([0, 0, 8, sizes.length]);
  for (const [i, size] of sizes.entries()) head.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([head, data]);
}

/** A NumPy array in format 1.0. */
export function npy(type: string, shape: readonly number[], data: Uint8Array): Buffer {
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const padded = `${text.padEnd(64 * Math.ceil((text.length + 11) / 64) - 11)}\n`;
  const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  return Buffer.concat([head, Buffer.from(padded, "latin1"), data]);
}

/** Red from `value`, blue from the rest. */
export const plain = (value: number, side = 16) =>
  sharp({ create: { width: side, height: side, channels: 3, background: { r: value, g: 0, b: 255 - value } } });

export async function picture(file: string, value: number, side = 16): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  await plain(value, side).png().toFile(file);
}

/** The names in the warnings of a data set whose text matches. */
export const warned = ({ warnings }: Dataset, text: RegExp): string[] =>
  warnings.filter((warning) => text.test(warning.text)).flatMap(({ names }) => names);
