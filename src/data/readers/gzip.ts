// Reads gzip files, known by their first two bytes, with a bound on what they may expand to.
import { gunzipSync } from "node:zlib";
import { fail } from "../../base/errors.ts";
import { CONTENT_LIMIT, expansionLimit, refuseExpansion } from "./expansion.ts";

const LEAST_PIECE = 2 ** 16;
/** What a damaged file may make this take in vain. */
const MOST_PIECE = 2 ** 26;

/**
 * The content of a gzip file, or the bytes themselves where they are none.
 * @param file its name, for messages
 * @throws `E_DATA_FORMAT` when it is damaged, or expands to more than pictures do or than is read at once
 */
export function gunzip(bytes: Uint8Array, file: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  // The last four bytes say how long the content is. Expanded in one piece of that size, it need not be joined from several.
  const claimed =
    bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
  const chunkSize = Math.min(Math.max(claimed, LEAST_PIECE), MOST_PIECE);
  const limit = Math.min(CONTENT_LIMIT, expansionLimit(bytes.length));
  try {
    return gunzipSync(bytes, { chunkSize, maxOutputLength: limit });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") refuseExpansion(file, limit);
    fail("E_DATA_FORMAT", `${file}: damaged gzip file (${(cause as Error).message}); fetch it again`, cause);
  }
}
