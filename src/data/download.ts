// Fetches a file that has a published checksum: going on where a broken download stopped, never more than it may have, and kept
// under its name only once its checksum is right.
import { existsSync, rmSync } from "node:fs";
import { fail } from "../base/errors.ts";
import { finishDraft } from "./cache.ts";
import { causeOf, fetchInto, hashOf } from "./fetch.ts";

/** Is called with how far the download of a file is; `total` is undefined where the server does not say how long it is. */
export type DownloadProgress = (file: string, bytes: number, total: number | undefined) => void;

/** A file and what its publisher says of it. */
export interface PublishedFile {
  /** Its name. */
  readonly file: string;
  /** The published checksum of its bytes, in lower-case hexadecimal digits. */
  readonly checksum: { readonly algorithm: "md5" | "sha256"; readonly digits: string };
  /** Its length, where that is published. */
  readonly bytes?: number;
  /** Addresses that are tried in turn. */
  readonly urls: readonly string[];
}

/**
 * Fetches a file to a path, unless it is there with the right checksum.
 * @param path of the file; what has come of it so far is beside it, `PATH.part`
 * @param shelf the folder of `GENCLASS_MIRROR`, a mirror of one's own, that has it
 * @returns why each address failed; nothing where the file is at the path
 * @throws `E_OPTION` for a mirror that is no address
 */
export async function fetchPublished(
  published: PublishedFile,
  path: string,
  shelf: string,
  progress: DownloadProgress | undefined,
): Promise<readonly string[]> {
  const { file, checksum, bytes } = published;
  if (existsSync(path) && (await hashOf(checksum.algorithm, path)) === checksum.digits) return [];
  const part = `${path}.part`;
  const failures: string[] = [];
  for (const url of addresses(shelf, published)) {
    try {
      await fetchInto(url, part, { limit: bytes, progress: (done, total) => progress?.(file, done, total) });
      const found = await hashOf(checksum.algorithm, part);
      if (found === checksum.digits) {
        finishDraft(part, path);
        return [];
      }
      rmSync(part, { force: true });
      const kind = checksum.algorithm === "md5" ? "MD5" : "SHA-256";
      failures.push(`${new URL(url).host}: wrong content (${kind} ${found}, expected ${checksum.digits})`);
    } catch (cause) {
      failures.push(`${new URL(url).host}: ${causeOf(cause)}`);
    }
  }
  return failures;
}

/** `GENCLASS_MIRROR/SHELF/FILE` where a mirror of one's own is set, instead of the official servers. */
function addresses(shelf: string, { urls, file }: PublishedFile): readonly string[] {
  const mirror = process.env.GENCLASS_MIRROR;
  if (!mirror) return urls;
  const address = `${mirror.replace(/\/$/, "")}/${shelf}/${file}`;
  if (!URL.canParse(address))
    fail("E_OPTION", `GENCLASS_MIRROR=${mirror} is no address; expected one such as https://my.server/sets`);
  return [address];
}
