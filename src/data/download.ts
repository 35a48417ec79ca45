// Fetches a file that has a published checksum: going on where a broken download stopped, never more than it may have, and kept
// under its name only once its checksum is right.
import { existsSync, renameSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fail } from "../base/errors.ts";
import { type ServerAddress, serverAddress } from "./address.ts";
import { draftLeftIn, finishDraft } from "./cache.ts";
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
 * @param path of the file; what has come of it when a fetch fails is beside it, `PATH.part`
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
  const sources = sourcesOf(shelf, published);
  const part = `${path}.part`;
  // A draft is this process's alone: two that fetch the same file do not write into each other's.
  const draft = draftLeftIn(dirname(path), basename(path), part);
  const failures: string[] = [];
  for (const { url, host, headers } of sources) {
    try {
      await fetchInto(url, draft, { limit: bytes, headers, progress: (done, total) => progress?.(file, done, total) });
      const found = await hashOf(checksum.algorithm, draft);
      if (found === checksum.digits) {
        finishDraft(draft, path);
        return [];
      }
      rmSync(draft, { force: true });
      const kind = checksum.algorithm === "md5" ? "MD5" : "SHA-256";
      failures.push(`${host}: wrong content (${kind} ${found}, expected ${checksum.digits})`);
    } catch (cause) {
      failures.push(`${host}: ${causeOf(cause)}`);
    }
  }
  if (existsSync(draft)) renameSync(draft, part);
  return failures;
}

/** A file on a server. */
type Source = Pick<ServerAddress, "url" | "host" | "headers">;

/** `GENCLASS_MIRROR/SHELF/FILE` where a mirror of one's own is set, instead of the official servers. */
function sourcesOf(shelf: string, { urls, file }: PublishedFile): readonly Source[] {
  const mirror = process.env.GENCLASS_MIRROR;
  if (!mirror) return urls.map((url) => ({ url, host: new URL(url).host, headers: {} }));
  const address = serverAddress(mirror);
  // It may have a password in it, and is not told.
  if (!address) fail("E_OPTION", "GENCLASS_MIRROR is no address; expected one such as https://my.server/sets");
  return [{ ...address, url: `${address.url}/${shelf}/${file}` }];
}
