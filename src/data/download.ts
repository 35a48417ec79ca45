// Fetches a file that has a published checksum: going on where a broken download stopped, never more than it may have, and kept
// under its name only once its checksum is right.
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, rmSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fail } from "../base/errors.ts";
import { finishDraft } from "./cache.ts";

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

const WAIT_MS = 30_000;

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
  const { file, checksum, bytes: most } = published;
  if (existsSync(path) && (await checksumOf(path, checksum.algorithm)) === checksum.digits) return [];
  const part = `${path}.part`;
  const failures: string[] = [];
  for (const url of addresses(shelf, published)) {
    try {
      await fetchInto(url, part, { most, progress: (bytes, total) => progress?.(file, bytes, total) });
      const found = await checksumOf(part, checksum.algorithm);
      if (found === checksum.digits) {
        finishDraft(part, path);
        return [];
      }
      rmSync(part, { force: true });
      const kind = checksum.algorithm === "md5" ? "MD5" : "SHA-256";
      failures.push(`${new URL(url).host}: wrong content (${kind} ${found}, expected ${checksum.digits})`);
    } catch (cause) {
      failures.push(`${new URL(url).host}: ${reasonOf(cause)}`);
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

/** How a file is fetched; all of it is optional. */
export interface FetchOptions {
  /** Bytes that it may have. */
  readonly most?: number;
  /** Of the request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Is called with how far it is, as a `DownloadProgress`. */
  readonly progress?: (bytes: number, total: number | undefined) => void;
}

/**
 * Fetches what is missing of a file.
 * @param part the file, with what there is of it
 * @throws an error for an answer that is none, a server that is silent for 30 seconds, and a file of too many bytes
 */
export async function fetchInto(
  url: string,
  part: string,
  { most, headers, progress }: FetchOptions = {},
): Promise<void> {
  const have = existsSync(part) ? statSync(part).size : 0;
  const control = new AbortController();
  let timer = setTimeout(() => control.abort(new Error("no answer")), WAIT_MS);
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(() => control.abort(new Error("no data for 30 s")), WAIT_MS);
  };
  try {
    const answer = await fetch(url, {
      headers: have > 0 ? { ...headers, Range: `bytes=${have}-` } : { ...headers },
      signal: control.signal,
    });
    // 416: nothing is missing.
    if (answer.status === 416) return;
    if (!answer.ok || !answer.body) throw new Error(`HTTP ${answer.status}`);
    const resumed = answer.status === 206;
    const length = Number(answer.headers.get("content-length"));
    const total = length > 0 ? length + (resumed ? have : 0) : undefined;
    let bytes = resumed ? have : 0;
    let isTooLong = false;
    await pipeline(
      Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]),
      async function* (source) {
        for await (const chunk of source) {
          again();
          bytes += (chunk as Uint8Array).length;
          isTooLong = most !== undefined && bytes > most;
          if (isTooLong) return;
          progress?.(bytes, total);
          yield chunk;
        }
      },
      createWriteStream(part, { flags: resumed ? "a" : "w" }),
    );
    if (!isTooLong) return;
    rmSync(part, { force: true });
    throw new Error(`more than the ${most} bytes that it has`);
  } finally {
    clearTimeout(timer);
  }
}

/** Why a fetch failed: `fetch` itself says no more than that it did, and keeps the reason as the cause. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: Error & { code?: string } };
  return cause?.message || cause?.code || message;
}

/** The checksum of a file, in hexadecimal digits. */
export async function checksumOf(path: string, algorithm: "md5" | "sha256"): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
