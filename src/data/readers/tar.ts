// Tar shards: WebDataset (KEY.jpg beside KEY.cls or KEY.json) or class folders inside. Only an index is made: pictures are
// read where they lie, and nothing is ever written by a name from the archive.
import { createReadStream, createWriteStream, fstatSync, readSync, rmSync } from "node:fs";
import { basename, extname } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { fail } from "../../base/errors.ts";
import { cacheFolder, draftIn } from "../cache.ts";
import { Notes } from "../warnings.ts";
import { isPicture } from "./decode.ts";
import { OpenFile } from "./open-file.ts";
import { fileState, isMacNote, type PictureEntry, type PictureSource, type Split, splitOf } from "./source.ts";

/** Whether a file is a tar archive by its ending, compressed with gzip or not. */
export const isTar = (file: string): boolean => /\.(tar|tar\.gz|tgz)$/i.test(file);

const BLOCK = 512;
/** Long names and pax headers are no longer than this in real archives. */
const TEXT_LIMIT = 2 ** 20;
/** What a compressed shard may expand to. */
const EXPANDED_LIMIT = 2 ** 38;

/** A file in an archive. */
export interface TarMember {
  /** Its path, as the archive gives it: it may be hostile. */
  readonly name: string;
  /** Byte of the archive at which its content begins. */
  readonly offset: number;
  /** Bytes of its content. */
  readonly size: number;
}

const text = (bytes: Buffer, from: number, length: number): string => {
  const field = bytes.subarray(from, from + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
};

/** A number field: octal text, or binary with the first bit set (GNU). */
function numeric(header: Buffer, from: number, length: number): number {
  if (header[from]! & 0x80) {
    let value = header[from]! & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + header[from + i]!;
    return value;
  }
  const digits = text(header, from, length).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : Number.NaN;
}

/** Path and size of a pax header: `LENGTH KEY=VALUE\n` records. */
function paxRecords(body: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(32, at);
    const length = Number(body.toString("latin1", at, space));
    if (space < 0 || !Number.isInteger(length) || length <= space - at + 1 || at + length > body.length) break;
    const record = body.toString("utf8", space + 1, at + length - 1);
    const equals = record.indexOf("=");
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

/**
 * The regular files of a tar archive (ustar, pax or GNU), in order, without links, devices and folders.
 * @param handle of the opened archive, which is not compressed
 * @param file its name, for messages
 * @param notes gets what is passed over, and whether the archive lacks its end
 * @throws `E_DATA_FORMAT` naming the byte at which it is damaged
 */
export function indexTar(handle: number, file: string, notes = new Notes()): TarMember[] {
  const total = fstatSync(handle).size;
  const broken = (at: number, why: string): never =>
    fail("E_DATA_FORMAT", `${file}: damaged tar archive: ${why} at byte ${at}; fetch or make it again`);
  const members: TarMember[] = [];
  const header = Buffer.alloc(BLOCK);
  let longName: string | undefined;
  let pax = new Map<string, string>();
  let ended = false;
  for (let at = 0; at < total && !ended; ) {
    if (readSync(handle, header, 0, BLOCK, at) < BLOCK) broken(at, "a header is cut short");
    ended = header.every((byte) => byte === 0);
    if (ended) break;
    let sum = 0;
    for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : header[i]!;
    if (numeric(header, 148, 8) !== sum) broken(at, "no tar header");
    const kind = String.fromCharCode(header[156]!);
    const size = pax.has("size") ? Number(pax.get("size")) : numeric(header, 124, 12);
    const body = at + BLOCK;
    if (!Number.isSafeInteger(size) || size < 0 || body + size > total) broken(at, "a member is cut short");
    if (kind === "L" || kind === "x") {
      if (size > TEXT_LIMIT) broken(at, "an overlong name");
      const content = Buffer.alloc(size);
      readSync(handle, content, 0, size, body);
      if (kind === "L") longName = text(content, 0, size);
      else pax = paxRecords(content);
    } else {
      if (kind === "0" || kind === "\0" || kind === "7") {
        const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
        const short = text(header, 0, 100);
        const name = pax.get("path") ?? longName ?? (prefix ? `${prefix}/${short}` : short);
        members.push({ name, offset: body, size });
      } else if (!"5gKL".includes(kind))
        notes.add("ignored, as they are links or devices", `${file}/${text(header, 0, 100)}`);
      // A global header ("g") and anything else is passed over.
      if (kind !== "g") {
        longName = undefined;
        pax = new Map();
      }
    }
    at = body + Math.ceil(size / BLOCK) * BLOCK;
  }
  if (!ended) notes.add("doubtful: archives without an end mark, which may have been cut short", file);
  return members;
}

const unsafe = (name: string): boolean =>
  name.startsWith("/") || /^[A-Za-z]:/.test(name) || name.includes("\\") || name.split("/").includes("..");

/**
 * The pictures of tar archives. The split of an archive is the first word of its name: `test-0001.tar`. Members whose names
 * lead out of the archive are skipped with a warning.
 * @param files archives in the order in which their pictures are numbered
 * @param name what messages call them together
 * @throws `E_DATA_FORMAT` for a damaged archive; `E_DATA_EMPTY` when there is no picture
 */
export async function readTars(files: readonly string[], name: string): Promise<PictureSource> {
  const entries: PictureEntry[] = [];
  const places: { archive: Archive; member: TarMember }[] = [];
  const notes = new Notes();
  for (const file of files) {
    const archive = await openArchive(file);
    const { safe, labels } = archive.use(({ handle }) => {
      const safe = indexTar(handle, file, notes).filter(({ name }) => {
        const why = unsafe(name)
          ? "ignored, as their names lead out of the archive"
          : isMacNote(name)
            ? "ignored, as macOS left them as notes"
            : undefined;
        if (why) notes.add(why, `${basename(file)}/${name}`);
        return !why;
      });
      return { safe, labels: labelNotes(handle, safe) };
    });
    const split = splitOf(basename(file).split(/[-_.]/)[0] ?? "") ?? "train";
    for (const member of safe) {
      if (!isPicture(member.name)) {
        if (!isNote(member.name))
          notes.add(
            `ignored, as ${extname(member.name).toLowerCase() || "a file without an ending"} is not read as a picture`,
            `${basename(file)}/${member.name}`,
          );
        continue;
      }
      entries.push({ name: `${basename(file)}/${member.name}`, ...placeOf(member.name, labels, split) });
      places.push({ archive, member });
    }
  }
  if (entries.length === 0)
    fail(
      "E_DATA_EMPTY",
      `${name}: no picture in it; expected members such as 000001.jpg beside 000001.cls, or cat/1.jpg`,
    );
  return {
    name,
    identity: () => files.map(fileState).join("\n"),
    entries,
    async input(index) {
      const { archive, member } = places[index]!;
      const bytes = Buffer.allocUnsafe(member.size);
      if (!archive.use((file) => file.read(bytes, 0, member.size, member.offset))) throw new Error("cut short");
      return bytes;
    },
    warnings: notes.warnings,
  };
}

/** An archive as it is read from. */
interface Archive {
  use<T>(work: (file: OpenFile) => T): T;
}

/** A plain archive is open only while it is used; an expanded one has no name any more, and stays open. */
async function openArchive(file: string): Promise<Archive> {
  if (/gz$/i.test(file)) {
    const plain = await expand(file);
    const open = new OpenFile(plain, "r");
    rmSync(plain, { force: true });
    return { use: (work) => work(open) };
  }
  return {
    use(work) {
      const open = new OpenFile(file, "r");
      try {
        return work(open);
      } finally {
        open.close();
      }
    },
  };
}

/** Whether a member says the label of a picture. */
const isNote = (name: string): boolean => name.endsWith(".json") || name.endsWith(".cls");

/** `a/b/000001.seg.jpg` -> `a/b/000001`: what the members of one example share. */
const keyOf = (name: string): string => {
  const slash = name.lastIndexOf("/") + 1;
  const dot = name.indexOf(".", slash);
  return dot < 0 ? name : name.slice(0, dot);
};

/** Labels by key, from `.cls` (text) and `.json` (`label` or `class`). */
function labelNotes(handle: number, members: readonly TarMember[]): Map<string, string> {
  const notes = new Map<string, string>();
  for (const { name, offset, size } of members) {
    const json = name.endsWith(".json");
    if (!isNote(name) || size > TEXT_LIMIT) continue;
    const bytes = Buffer.alloc(size);
    readSync(handle, bytes, 0, size, offset);
    const label = json ? labelOfJson(bytes.toString("utf8")) : bytes.toString("utf8").trim();
    if (label) notes.set(keyOf(name), label);
  }
  return notes;
}

function labelOfJson(content: string): string | undefined {
  try {
    const { label, class: other } = JSON.parse(content) as { label?: unknown; class?: unknown };
    const found = label ?? other;
    return typeof found === "string" || typeof found === "number" ? String(found) : undefined;
  } catch {
    return undefined;
  }
}

/** Split and label of a member: from its note, else from the folders above it (`test/cat/1.jpg`). */
function placeOf(name: string, notes: Map<string, string>, shardSplit: Split): Pick<PictureEntry, "split" | "label"> {
  const folders = name
    .split("/")
    .slice(0, -1)
    .filter((part) => part !== "." && part !== "");
  const split = folders.map(splitOf).find((found) => found !== undefined) ?? shardSplit;
  const label = notes.get(keyOf(name)) ?? folders.filter((folder) => !splitOf(folder)).at(-1) ?? null;
  if (split === "unlabelled" || (label === null && split === "train")) return { split: "unlabelled", label: null };
  return { split, label };
}

/**
 * Expands an archive compressed with gzip into the cache folder.
 * @returns the path of the plain archive, which the caller removes
 * @throws `E_DATA_FORMAT` when it is damaged
 */
export async function expand(file: string): Promise<string> {
  const plain = draftIn(cacheFolder("shards"), basename(file));
  let total = 0;
  try {
    await pipeline(
      createReadStream(file),
      createGunzip(),
      async function* (source) {
        for await (const chunk of source) {
          total += (chunk as Buffer).length;
          if (total > EXPANDED_LIMIT) throw new Error("expands beyond all measure");
          yield chunk;
        }
      },
      createWriteStream(plain),
    );
  } catch (cause) {
    rmSync(plain, { force: true });
    fail("E_DATA_FORMAT", `${file}: damaged gzip file (${(cause as Error).message}); fetch it again`, cause);
  }
  return plain;
}
