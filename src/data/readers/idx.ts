// The IDX format of the MNIST family: big-endian magic 00 00 TYPE RANK, sizes, bytes. Gzip is told by its own magic.
import { gunzipSync } from "fflate";
import { fail } from "../../base/errors.ts";

/** A larger claim in a header is taken for a broken file. */
const LIMIT = 2 ** 31;

export interface IdxArray {
  sizes: number[];
  data: Uint8Array;
}

/** @throws `E_DATA_FORMAT` naming `file` when the bytes are not a whole IDX array of unsigned bytes */
export function parseIdx(bytes: Uint8Array, file: string): IdxArray {
  const raw = bytes[0] === 0x1f && bytes[1] === 0x8b ? inflate(bytes, file) : bytes;
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
  if (expected > LIMIT || raw.length !== header + expected)
    fail(
      "E_DATA_FORMAT",
      `${file}: truncated or damaged: its header says ${sizes.join(" x ")} = ${expected} bytes, the file holds ${Math.max(0, raw.length - header)}; fetch it again`,
    );
  return { sizes, data: raw.subarray(header) };
}

function inflate(bytes: Uint8Array, file: string): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const claimed = bytes.length >= 18 ? view.getUint32(bytes.length - 4, true) : LIMIT;
  // Deflate cannot expand by more than 1032: a larger claim is a damaged or hostile file.
  if (claimed >= LIMIT || claimed > bytes.length * 1032)
    fail("E_DATA_FORMAT", `${file}: damaged gzip file; fetch it again`);
  try {
    return gunzipSync(bytes, { out: new Uint8Array(claimed) });
  } catch (cause) {
    fail("E_DATA_FORMAT", `${file}: damaged gzip file (${(cause as Error).message}); fetch it again`, cause);
  }
}
