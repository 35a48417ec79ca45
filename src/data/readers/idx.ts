// The IDX format of the MNIST family: the bytes 00 00 TYPE RANK, the sizes (32 bits, big-endian), then the values.
import { fail } from "../../base/errors.ts";
import { CONTENT_LIMIT } from "./expansion.ts";
import { gunzip } from "./gzip.ts";

/** An array of bytes from an IDX file. */
export interface IdxArray {
  /** Its shape: one to four sizes. */
  sizes: number[];
  /** Its values, the last axis fastest. */
  data: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes, compressed with gzip or not.
 * @param file its name, for messages
 * @throws `E_DATA_FORMAT` when it is of another type, holds nothing, or is not as long as its sizes say
 */
export function parseIdx(bytes: Uint8Array, file: string): IdxArray {
  const raw = gunzip(bytes, file);
  const rank = raw[3] ?? 0;
  if (raw.length < 8 || raw[0] !== 0 || raw[1] !== 0 || raw[2] !== 8 || rank < 1 || rank > 4)
    fail(
      "E_DATA_FORMAT",
      `${file}: not an IDX file of bytes; expected it to begin with 00 00 08 and the number of axes`,
    );
  const header = 4 + 4 * rank;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const sizes = Array.from({ length: rank }, (_, i) => (4 + 4 * i + 4 <= raw.length ? view.getUint32(4 + 4 * i) : 0));
  const expected = sizes.reduce((a, b) => a * b, 1);
  if (expected < 1 || expected > CONTENT_LIMIT || raw.length !== header + expected)
    fail(
      "E_DATA_FORMAT",
      `${file}: truncated or damaged: its header says ${sizes.join(" x ")} = ${expected} bytes, the file holds ${Math.max(0, raw.length - header)}; fetch it again`,
    );
  return { sizes, data: raw.subarray(header) };
}
