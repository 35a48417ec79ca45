// Fetches a file over HTTP into a file, going on where a broken download stopped.
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, rmSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const WAIT_MS = 30_000;

/** How a file is fetched; all of it is optional. */
export interface FetchOptions {
  /** Is called with how far it is; `total` is undefined where the server does not say how long the file is. */
  readonly progress?: (bytes: number, total: number | undefined) => void;
  /** Bytes of the file, at most. */
  readonly limit?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Fetches what is missing of a file.
 * @param part the file, with what of it is there already
 * @throws an error for an answer that is none, a server that is silent for 30 seconds, and a file beyond the limit
 */
export async function fetchInto(
  url: string,
  part: string,
  { progress, limit = Number.POSITIVE_INFINITY, headers = {} }: FetchOptions = {},
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
      headers: have > 0 ? { ...headers, Range: `bytes=${have}-` } : headers,
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
          isTooLong = bytes > limit;
          if (isTooLong) return;
          progress?.(bytes, total);
          yield chunk;
        }
      },
      createWriteStream(part, { flags: resumed ? "a" : "w" }),
    );
    if (!isTooLong) return;
    rmSync(part, { force: true });
    throw new Error(`the file has more than ${limit} bytes`);
  } finally {
    clearTimeout(timer);
  }
}

/** Why a fetch failed: `fetch` itself says no more than that it did, and keeps the reason as the cause. */
export function causeOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: Error };
  return cause?.message || (cause as NodeJS.ErrnoException | undefined)?.code || message;
}

/** The hash of a file, in hexadecimal. */
export async function hashOf(algorithm: "md5" | "sha256", path: string): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
