// A pinned file of a Python package index: its address, which the index tells in JSON (PEP 691), and its bytes, which are known by
// their SHA-256. It does not matter who serves them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { fail } from "../base/errors.ts";
import { type ServerAddress, serverAddress } from "../data/address.ts";
import { causeOf, type FetchOptions, fetchInto, hashOf } from "../data/fetch.ts";

/** A file of a package, pinned. */
export interface PinnedFile {
  /** Its name as the index spells it in addresses. */
  readonly package: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The official index. */
export const OFFICIAL_INDEX = "https://pypi.org/simple";
const ANSWER = z.object({ files: z.array(z.object({ filename: z.string(), url: z.string() })) });
const ANSWER_LIMIT = 16 * 2 ** 20;

function indexAt(text: string): ServerAddress {
  const found = serverAddress(text);
  if (!found)
    fail(
      "E_OPTION",
      `${URL.canParse(text) ? new URL(text).protocol : "what --index or PIP_INDEX_URL says"} is no index of packages; expected an address such as ${OFFICIAL_INDEX}`,
    );
  return found;
}

/**
 * Fetches a pinned file into a folder.
 * @param index address of the index; `PIP_INDEX_URL`, or else the official one, when absent
 * @returns its path
 * @throws `E_BACKEND` when the index cannot be reached, does not have the file, or gives other bytes; `E_OPTION` for an address that
 *   is none
 */
export async function fetchPinned(
  pinned: PinnedFile,
  folder: string,
  index: string = process.env.PIP_INDEX_URL || OFFICIAL_INDEX,
  progress?: FetchOptions["progress"],
): Promise<string> {
  const from = indexAt(index);
  const url = await addressOf(pinned, from, folder);
  const path = join(folder, pinned.file);
  // The name and password of the index are not for another server, nor for an open connection.
  const headers = url.origin === from.origin ? from.headers : {};
  await told(pinned, url.host, () => fetchInto(url.href, path, { progress, limit: pinned.bytes, headers }));
  const found = await hashOf("sha256", path);
  if (found !== pinned.sha256)
    fail(
      "E_BACKEND",
      `${url.host} gave other bytes for ${pinned.file} (SHA-256 ${found}, expected ${pinned.sha256}); nothing was installed. Try again, or with --index and another index`,
    );
  return path;
}

async function addressOf(
  pinned: PinnedFile,
  { url: index, host, headers }: ServerAddress,
  folder: string,
): Promise<URL> {
  const page = `${index}/${pinned.package}/`;
  const answer = join(folder, "index.json");
  const accept = "application/vnd.pypi.simple.v1+json";
  await told(pinned, host, () => fetchInto(page, answer, { limit: ANSWER_LIMIT, headers: { ...headers, accept } }));
  const { files } = answerOf(readFileSync(answer, "utf8"), host);
  const entry = files.find(({ filename }) => filename === pinned.file);
  if (!entry) fail("E_BACKEND", `${host} has no ${pinned.file}; give another index with --index or PIP_INDEX_URL`);
  const url = URL.canParse(entry.url, page) ? new URL(entry.url, page) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
    fail(
      "E_BACKEND",
      `${host} names no usable address of ${pinned.file}; give another index with --index or PIP_INDEX_URL`,
    );
  return url;
}

function answerOf(text: string, host: string): z.infer<typeof ANSWER> {
  try {
    return ANSWER.parse(JSON.parse(text));
  } catch (cause) {
    return fail(
      "E_BACKEND",
      `${host} does not list its files in JSON (PEP 691); give another index with --index or PIP_INDEX_URL`,
      cause,
    );
  }
}

/** Does what needs the network, and tells its failure. */
async function told(pinned: PinnedFile, host: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT" || code === "EACCES" || code === "EROFS") throw cause;
    fail(
      "E_BACKEND",
      `${pinned.file} could not be fetched from ${host} (${causeOf(cause)}); nothing was installed. Behind a proxy or a mirror, give its index with --index or PIP_INDEX_URL`,
      cause,
    );
  }
}
