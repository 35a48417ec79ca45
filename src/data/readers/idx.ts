// The IDX format of the MNIST family: big-endian magic 00 00 TYPE RANK, sizes, bytes. Gzip is told by its own magic.
import { fail } from "../../base/errors.ts";
import { CONTENT_LIMIT, gunzip } from "./gzip.ts";

export interface IdxArray {
  sizes: number[];
  data: Uint8Array;
}

/** @throws `E_DATA_FORMAT` naming `file` when the bytes are not a whole IDX array of unsigned bytes */
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
  if (expected > CONTENT_LIMIT || raw.length !== header + expected)
    fail(
      "E_DATA_FORMAT",
      `${file}: truncated or damaged: its header says ${sizes.join(" x ")} = ${expected} bytes, the file holds ${Math.max(0, raw.length - header)}; fetch it again`,
    );
  return { sizes, data: raw.subarray(header) };
}
