// Fetches the files of a built-in set: into the cache folder, going on where a broken download stopped, checked by MD5.
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fail } from "../../base/errors.ts";
import { cacheFolder } from "../cache.ts";
import { causeOf, fetchInto, hashOf } from "../fetch.ts";
import { openArchive } from "../readers/archives.ts";
import { Notes } from "../warnings.ts";
import { BUILT_IN_SETS, type Download, filesOf } from "./builtin.ts";

/** Is called with how far the download of a file is; `total` is undefined where the server does not say how long it is. */
export type DownloadProgress = (file: string, bytes: number, total: number | undefined) => void;

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
  if (existsSync(path) && (await hashOf("md5", path)) === download.md5) return path;
  const part = `${path}.part`;
  const failures: string[] = [];
  for (const url of addresses(name, download)) {
    try {
      await fetchInto(url, part, { progress: (bytes, total) => progress?.(download.file, bytes, total) });
      const found = await hashOf("md5", part);
      if (found === download.md5) {
        renameSync(part, path);
        return path;
      }
      rmSync(part, { force: true });
      failures.push(`${new URL(url).host}: wrong content (MD5 ${found}, expected ${download.md5})`);
    } catch (cause) {
      failures.push(`${new URL(url).host}: ${causeOf(cause)}`);
    }
  }
  const root = process.env.GENCLASS_DATA;
  fail(
    "E_DATA_NOT_FOUND",
    `${name}: ${download.file} could not be fetched (${failures.join("; ")}). Call again to go on, or, without a network, put ${filesOf(BUILT_IN_SETS[name]!).join(", ")} into a folder named ${name} and ${root ? `that into GENCLASS_DATA (${root})` : "set GENCLASS_DATA to the folder above it"}; "glyphs" needs no files`,
  );
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
