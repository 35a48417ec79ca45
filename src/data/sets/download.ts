// Fetches the files of a built-in set: into the cache folder, going on where a broken download stopped, checked by MD5.
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fail } from "../../base/errors.ts";
import { cacheFolder } from "../cache.ts";
import { openArchive } from "../readers/archives.ts";
import { Notes } from "../warnings.ts";
import { BUILT_IN_SETS, type Download, filesOf } from "./builtin.ts";

/** Is called with how far the download of a file is; `total` is undefined where the server does not say how long it is. */
export type DownloadProgress = (file: string, bytes: number, total: number | undefined) => void;

const WAIT_MS = 30_000;

/**
 * The folder of a built-in set: `GENCLASS_DATA/NAME` where that exists, else one in the cache, into which missing files are
 * fetched. A broken download goes on where it stopped.
 * @param name a key of `BUILT_IN_SETS`
 * @throws `E_DATA_NOT_FOUND` when no server gives a file with the published checksum
 */
export async function builtInFolder(name: string, progress?: DownloadProgress): Promise<string> {
  const given = process.env.GENCLASS_DATA && join(process.env.GENCLASS_DATA, name);
  if (given && existsSync(given)) return given;
  const set = BUILT_IN_SETS[name]!;
  const folder = cacheFolder("sets", name);
  if (filesOf(set).every((file) => existsSync(join(folder, file)))) return folder;
  for (const download of set.downloads) {
    const wanted = download.members ?? [download.file];
    if (wanted.every((file) => existsSync(join(folder, file)))) continue;
    const path = await fetchFile(name, folder, download, progress);
    if (download.members) {
      await extractMembers(path, download.members, folder);
      rmSync(path, { force: true });
    }
  }
  return folder;
}

/** `GENCLASS_MIRROR/NAME/FILE` where a mirror of one's own is set, instead of the official servers. */
function addresses(name: string, { urls, file }: Download): readonly string[] {
  const mirror = process.env.GENCLASS_MIRROR;
  if (!mirror) return urls;
  const address = `${mirror.replace(/\/$/, "")}/${name}/${file}`;
  if (!URL.canParse(address))
    fail("E_OPTION", `GENCLASS_MIRROR=${mirror} is no address; expected one such as https://my.server/sets`);
  return [address];
}

async function fetchFile(
  name: string,
  folder: string,
  download: Download,
  progress: DownloadProgress | undefined,
): Promise<string> {
  const path = join(folder, download.file);
  if (existsSync(path) && (await md5Of(path)) === download.md5) return path;
  const part = `${path}.part`;
  const failures: string[] = [];
  for (const url of addresses(name, download)) {
    try {
      await append(url, part, (bytes, total) => progress?.(download.file, bytes, total));
      const found = await md5Of(part);
      if (found === download.md5) {
        renameSync(part, path);
        return path;
      }
      rmSync(part, { force: true });
      failures.push(`${new URL(url).host}: wrong content (MD5 ${found}, expected ${download.md5})`);
    } catch (cause) {
      const { message, cause: inner } = cause as Error & { cause?: Error };
      failures.push(`${new URL(url).host}: ${inner?.message ?? message}`);
    }
  }
  const root = process.env.GENCLASS_DATA;
  fail(
    "E_DATA_NOT_FOUND",
    `${name}: ${download.file} could not be fetched (${failures.join("; ")}). Call again to go on, or, without a network, put ${filesOf(BUILT_IN_SETS[name]!).join(", ")} into a folder named ${name} and ${root ? `that into GENCLASS_DATA (${root})` : "set GENCLASS_DATA to the folder above it"}; "glyphs" needs no files`,
  );
}

/** Fetches what is missing of a file. */
async function append(url: string, part: string, progress: (bytes: number, total: number | undefined) => void) {
  const have = existsSync(part) ? statSync(part).size : 0;
  const control = new AbortController();
  let timer = setTimeout(() => control.abort(new Error("no answer")), WAIT_MS);
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(() => control.abort(new Error("no data for 30 s")), WAIT_MS);
  };
  try {
    const answer = await fetch(url, {
      headers: have > 0 ? { Range: `bytes=${have}-` } : {},
      signal: control.signal,
    });
    // 416: nothing is missing.
    if (answer.status === 416) return;
    if (!answer.ok || !answer.body) throw new Error(`HTTP ${answer.status}`);
    const resumed = answer.status === 206;
    const length = Number(answer.headers.get("content-length"));
    const total = length > 0 ? length + (resumed ? have : 0) : undefined;
    let bytes = resumed ? have : 0;
    await pipeline(
      Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]),
      async function* (source) {
        for await (const chunk of source) {
          again();
          bytes += (chunk as Uint8Array).length;
          progress(bytes, total);
          yield chunk;
        }
      },
      createWriteStream(part, { flags: resumed ? "a" : "w" }),
    );
  } finally {
    clearTimeout(timer);
  }
}

async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/**
 * Extracts members of an archive into a folder, under their names without folders.
 * @param archive a `.zip` or `.tar.gz` file
 * @param members names without folders; other members are left alone
 */
export async function extractMembers(archive: string, members: readonly string[], folder: string): Promise<void> {
  const write = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder, `${name}.draft`), bytes);
    renameSync(join(folder, `${name}.draft`), join(folder, name));
  };
  const { members: found, read } = await openArchive(archive, new Notes());
  for (const [index, { name }] of found.entries())
    if (members.includes(basename(name))) write(basename(name), read(index));
}
