// Zip archives (APPNOTE 6.3.10), read where they lie: the directory at the end, then single members, as they are asked for.
import { inflateRawSync } from "node:zlib";

/** Reads `size` bytes from byte `from` on. Throws where they are not all there. */
export type ReadBytes = (from: number, size: number) => Uint8Array;

/** A file in an archive, as the directory has it: all of it may be hostile. */
export interface ZipMember {
  /** Its path. */
  readonly name: string;
  /** Bytes of its content. */
  readonly size: number;
  /** Bytes as it is stored. */
  readonly packed: number;
  /** Byte of the archive at which its own header begins. */
  readonly header: number;
  /** How it is compressed: 0 not at all, 8 by deflate. */
  readonly method: number;
  /** CRC-32 of its content. */
  readonly checksum: number;
  readonly isEncrypted: boolean;
  /** Whether it is a symbolic link, whose content is its target. */
  readonly isLink: boolean;
}

const SIGNATURE = { end: 0x06054b50, end64: 0x06064b50, locator64: 0x07064b50, entry: 0x02014b50, header: 0x04034b50 };
const SIZE = { end: 22, end64: 56, locator64: 20, entry: 46, header: 30 };
const LONGEST_COMMENT = 65_535;
/** Bytes of a directory: several million members. */
const DIRECTORY_LIMIT = 2 ** 30;
/** In place of a number that stands in the extra field of ZIP64, as it needs more than 32 bits. */
const ELSEWHERE = 0xffffffff;
const ZIP64_FIELD = 1;
/** Kinds of files of Unix, in the upper half of the external attributes. */
const [KIND, LINK] = [0xf000, 0xa000];

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A number of 64 bits. Above 2^53 it is rounded, and beyond any file. */
const wide = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));

/**
 * The members of an archive, in order, without folders.
 * @param total bytes of the archive
 * @throws an error that says where it is damaged
 */
export function zipMembers(read: ReadBytes, total: number): ZipMember[] {
  const { from, size } = directoryOf(read, total);
  if (size > DIRECTORY_LIMIT || from + size > total) throw new Error("its directory is damaged");
  const directory = read(from, size);
  const view = viewOf(directory);
  const members: ZipMember[] = [];
  for (let at = 0; at + SIZE.entry <= size; ) {
    if (view.getUint32(at, true) !== SIGNATURE.entry) throw new Error(`its directory is damaged at byte ${from + at}`);
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ];
    const nameAt = at + SIZE.entry;
    const next = nameAt + name + extra + comment;
    if (next > size) throw new Error(`its directory is cut short at byte ${from + at}`);
    const text = textOf(directory.subarray(nameAt, nameAt + name));
    const [content, packed, header] = wideSizes(
      [24, 20, 42].map((field) => view.getUint32(at + field, true)),
      directory.subarray(nameAt + name, nameAt + name + extra),
    );
    if (!text.endsWith("/"))
      members.push({
        name: text,
        size: content!,
        packed: packed!,
        header: header!,
        method: view.getUint16(at + 10, true),
        checksum: view.getUint32(at + 16, true),
        isEncrypted: (view.getUint16(at + 8, true) & 1) === 1,
        isLink: ((view.getUint32(at + 38, true) >>> 16) & KIND) === LINK,
      });
    at = next;
  }
  return members;
}

/** Where the directory is. */
function directoryOf(read: ReadBytes, total: number): { from: number; size: number } {
  const tailSize = Math.min(total, SIZE.end + LONGEST_COMMENT);
  const tail = read(total - tailSize, tailSize);
  const view = viewOf(tail);
  let end = tailSize - SIZE.end;
  while (end >= 0 && view.getUint32(end, true) !== SIGNATURE.end) end--;
  if (end < 0) throw new Error("it has no directory at its end, as if cut short");
  const at = total - tailSize + end - SIZE.locator64;
  if (at >= 0) {
    const locator = viewOf(read(at, SIZE.locator64));
    if (locator.getUint32(0, true) === SIGNATURE.locator64) {
      const end64 = viewOf(read(wide(locator, 8), SIZE.end64));
      if (end64.getUint32(0, true) !== SIGNATURE.end64) throw new Error("its ZIP64 end is damaged");
      return { from: wide(end64, 48), size: wide(end64, 40) };
    }
  }
  return { from: view.getUint32(end + 16, true), size: view.getUint32(end + 12, true) };
}

/** The numbers, those that stand elsewhere taken from the extra field, where they follow in the same order. */
function wideSizes(numbers: readonly number[], extra: Uint8Array): number[] {
  if (!numbers.includes(ELSEWHERE)) return [...numbers];
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== ZIP64_FIELD) continue;
    let next = at + 4;
    return numbers.map((value) => {
      if (value !== ELSEWHERE) return value;
      if (next + 8 > extra.length) throw new Error("a ZIP64 field is cut short");
      next += 8;
      return wide(view, next - 8);
    });
  }
  return [...numbers];
}

/** A name: UTF-8, or else Latin-1, as old programs write it. */
function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** The content of a member, of as many bytes as the directory says. @throws an error when it is damaged, or cannot be read */
export function zipContent(read: ReadBytes, member: ZipMember): Uint8Array {
  const { name, size, packed, header, method, checksum } = member;
  const own = viewOf(read(header, SIZE.header));
  if (own.getUint32(0, true) !== SIGNATURE.header) throw new Error(`the header of "${name}" is damaged`);
  const stored = read(header + SIZE.header + own.getUint16(26, true) + own.getUint16(28, true), packed);
  const content = method === 0 ? stored : inflateRawSync(stored, { maxOutputLength: Math.max(1, size) });
  if (content.length !== size) throw new Error(`"${name}" is cut short`);
  if (crc32(content) !== checksum) throw new Error(`the checksum (CRC-32) of "${name}" is wrong`);
  return content;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** The CRC-32 of zip and gzip (ISO 3309), unsigned. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[i]!) & 255]!;
  return ~crc >>> 0;
}
