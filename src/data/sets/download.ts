// Fetches the files of a built-in set into the cache folder, checked by MD5, and takes from archives what is wanted of them.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fail } from "../../base/errors.ts";
import { cacheFolder, draftIn, finishDraft } from "../cache.ts";
import { type DownloadProgress, fetchPublished } from "../download.ts";
import { openArchive } from "../readers/archives.ts";
import { Notes } from "../warnings.ts";
import { BUILT_IN_SETS, type Download, filesOf } from "./builtin.ts";

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

async function fetchFile(
  name: string,
  folder: string,
  { file, md5, urls }: Download,
  progress: DownloadProgress | undefined,
): Promise<string> {
  const path = join(folder, file);
  const published = { file, urls, checksum: { algorithm: "md5", digits: md5 } } as const;
  const failures = await fetchPublished(published, path, name, progress);
  if (failures.length === 0) return path;
  const root = process.env.GENCLASS_DATA;
  fail(
    "E_DATA_NOT_FOUND",
    `${name}: ${file} could not be fetched (${failures.join("; ")}). Call again to go on, or, without a network, put ${filesOf(BUILT_IN_SETS[name]!).join(", ")} into a folder named ${name} and ${root ? `that into GENCLASS_DATA (${root})` : "set GENCLASS_DATA to the folder above it"}; "glyphs" needs no files`,
  );
}

/**
 * Extracts members of an archive into a folder, under their names without folders.
 * @param archive a `.zip` or `.tar.gz` file
 * @param members names without folders; other members are left alone
 */
export async function extractMembers(archive: string, members: readonly string[], folder: string): Promise<void> {
  const write = (name: string, bytes: Uint8Array) => {
    const draft = draftIn(folder, name);
    writeFileSync(draft, bytes);
    finishDraft(draft, join(folder, name));
  };
  const { members: found, read } = await openArchive(archive, new Notes());
  for (const [index, { name }] of found.entries())
    if (members.includes(basename(name))) write(basename(name), read(index));
}
