// The header of a safetensors file, which tells what is in it: 8 bytes for its length, JSON, then the tensors.
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** The name in the header under which the file tells of itself. */
export const METADATA = "__metadata__";

const HEADER_LIMIT = 100_000_000;
/** Bytes that are read by one call, of which systems take fewer than 2 GiB. */
const MOST_AT_ONCE = 2 ** 30;

/** A header as text, where it ends, and how many bytes follow. */
export interface FileHeader {
  readonly text: string;
  readonly end: number;
  readonly rest: number;
}

/** Reads the header of an open file. @throws an error that says how it is damaged */
export function readHeader(handle: number): FileHeader {
  const { size: length } = fstatSync(handle);
  const size = Number(readBytes(handle, 0, 8).readBigUInt64LE(0));
  const end = 8 + size;
  if (size > HEADER_LIMIT || end > length) throw new Error("header size");
  return { text: readBytes(handle, 8, size).toString("utf8"), end, rest: length - end };
}

/** `length` bytes of an open file from `from` on. @throws an error where it ends before */
export function readBytes(handle: number, from: number, length: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const got = readSync(handle, bytes, at, Math.min(length - at, MOST_AT_ONCE), from + at);
    if (got === 0) throw new Error("it is cut short");
    at += got;
  }
  return bytes;
}

/** Stands in the header for each SHA-256, which is taken with it there. */
export const NO_CHECKSUM = "0".repeat(64);

/** SHA-256 of bytes in parts, in hexadecimal. */
export function checksum(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** The checksum of the weights in a checkpoint, which hold it; undefined for one that is damaged, or of an older version. */
export function weightsSum(file: string): string | undefined {
  const handle = openSync(file, "r");
  try {
    const { text, end } = readHeader(handle);
    const { sha256, weightsSha256, weightsBytes } = JSON.parse(text)[METADATA];
    const weights = readBytes(handle, end, Number(weightsBytes));
    const unsigned = text.replace(weightsSha256, NO_CHECKSUM).replace(sha256, NO_CHECKSUM);
    return checksum([Buffer.from(unsigned), weights]) === weightsSha256 ? weightsSha256 : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(handle);
  }
}
