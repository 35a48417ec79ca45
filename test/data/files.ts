// Files that the data tests write.
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { buffer } from "node:stream/consumers";
import sharp from "sharp";
import { type Header, pack } from "tar-stream";
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

/** The bytes of such a picture of 8x8. */
export const png = (value: number): Promise<Buffer> => plain(value, 8).png().toBuffer();

/** A tar archive. */
export async function tar(
  members: readonly (readonly [(Partial<Header> & { name: string }) | string, Buffer | string])[],
): Promise<Buffer> {
  const archive = pack();
  for (const [header, content] of members)
    archive.entry(typeof header === "string" ? { name: header } : header, content);
  archive.finalize();
  return buffer(archive);
}

/** A tar archive of `count` such pictures in the class folders a and b in turn, each redder than the one before by `step`. */
export async function pictureTar(count: number, step: number): Promise<Buffer> {
  const names = Array.from({ length: count }, (_, i) => `${i % 2 ? "a" : "b"}/${i}.png`);
  return tar(await Promise.all(names.map(async (name, i) => [name, await png(step * i)] as const)));
}

/** Number, height, width and channels of the training pictures. */
export const sizes = ({ train }: Dataset): number[] => [train.labels.length, train.height, train.width, train.channels];

/** The class of each training picture, null where it has none. */
export const labelNames = ({ classes, train }: Dataset): (string | null)[] =>
  [...train.labels].map((label) => (label < 0 ? null : classes[label]!));

/** The names in the warnings of a data set whose text matches. */
export const warned = ({ warnings }: Dataset, text: RegExp): string[] =>
  warnings.filter((warning) => text.test(warning.text)).flatMap(({ names }) => names);
