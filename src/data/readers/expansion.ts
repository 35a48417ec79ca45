// What a compressed file may expand to. A few bytes can hold hundreds of gigabytes of zeros.
import { fail } from "../../base/errors.ts";

/** Bytes that are read into memory at once, at most. */
export const CONTENT_LIMIT = 2 ** 31;
/** Times their size that pictures expand to, at most: they are compressed already, and so are arrays of plain drawings tenfold. */
const RATIO = 100;
/** Bytes that any file may expand to: a small one may hold many times the same picture. */
const ALWAYS = 2 ** 28;
/** Bytes that no file expands to unasked, as they would fill the disk of the cache. */
const MOST = 2 ** 36;
const VARIABLE = "GENCLASS_EXPANDED_GB";

/**
 * Bytes that a file of so many bytes may expand to: a hundred times as many, but 256 MiB in any case and 64 GiB at most; or what
 * the environment variable `GENCLASS_EXPANDED_GB` says, in gigabytes.
 * @throws `E_OPTION` where that is no number above 0
 */
export function expansionLimit(bytes: number): number {
  const given = process.env[VARIABLE];
  if (!given) return Math.min(MOST, Math.max(ALWAYS, RATIO * bytes));
  const gigabytes = Number(given);
  if (!(gigabytes > 0)) fail("E_OPTION", `${VARIABLE}=${given}: expected a number of gigabytes above 0`);
  return gigabytes * 1e9;
}

/** Refuses a file that expands to more than `limit` bytes. @throws `E_DATA_FORMAT`, always */
export function refuseExpansion(file: string, limit: number): never {
  const most = limit < 1e9 ? `${Math.round(limit / 1e6)} MB` : `${(limit / 1e9).toFixed(1)} GB`;
  const why =
    limit === CONTENT_LIMIT
      ? "more than is read into memory at once; write its pictures as class folders or tar shards"
      : `far more than pictures do; if it is no trick, set ${VARIABLE} to the gigabytes that it may have`;
  fail("E_DATA_FORMAT", `${file} expands to more than ${most}, ${why}`);
}
