// Gzip told by its magic number, with a bound on what it may expand to.
import { gunzipSync } from "node:zlib";
import { fail } from "../../base/errors.ts";

/** A larger content is taken for a broken or hostile file. */
export const CONTENT_LIMIT = 2 ** 31;
/** Deflate cannot expand by more. */
export const MOST_EXPANSION = 1032;

/** The content of a gzip file, or the bytes themselves when they are none. @throws `E_DATA_FORMAT` naming `file` */
export function gunzip(bytes: Uint8Array, file: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: Math.min(CONTENT_LIMIT, MOST_EXPANSION * bytes.length) });
  } catch (cause) {
    fail("E_DATA_FORMAT", `${file}: damaged gzip file (${(cause as Error).message}); fetch it again`, cause);
  }
}
