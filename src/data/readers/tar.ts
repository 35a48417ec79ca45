// Tar archives. Only an index is made: members are read where they lie, and nothing is ever written by a name from the archive.
import { createReadStream, createWriteStream, fstatSync, readSync, rmSync, statSync } from "node:fs";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { fail, GenclassError } from "../../base/errors.ts";
import { cacheFolder, draftIn } from "../cache.ts";
import { Notes } from "../warnings.ts";
import type { Archive, ArchiveMember } from "./archive.ts";
import { expansionLimit, refuseExpansion } from "./expansion.ts";
import { OpenFile, withFile } from "./open-file.ts";

/** Whether a file is a tar archive by its ending, compressed with gzip or not. */
export const isTar = (file: string): boolean => /\.(tar|tar\.gz|tgz)$/i.test(file);

const BLOCK = 512;
/** Long names and pax headers are no longer than this in real archives. */
const TEXT_LIMIT = 2 ** 20;

/** A file in a tar archive. */
export interface TarMember extends ArchiveMember {
  /** Byte of the archive at which its content begins. */
  readonly offset: number;
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
        notes.add("ignored, as they are links or devices", `${basename(file)}/${text(header, 0, 100)}`);
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

/**
 * Opens a tar archive, compressed with gzip or not.
 * @param notes gets what is passed over
 * @throws `E_DATA_FORMAT` when it is damaged, or expands to more than pictures do
 */
export async function openTar(file: string, notes: Notes): Promise<Archive> {
  const use = await fileUser(file);
  const members = use(({ handle }) => indexTar(handle, file, notes));
  return {
    members,
    read(index) {
      const { name, offset, size } = members[index]!;
      const bytes = Buffer.allocUnsafe(size);
      if (!use((open) => open.read(bytes, 0, size, offset))) throw new Error(`${file}: "${name}" is cut short`);
      return bytes;
    },
  };
}

/** Lends an open file. A plain archive is open only meanwhile; an expanded one has no name any more, and stays open. */
async function fileUser(file: string): Promise<<T>(work: (open: OpenFile) => T) => T> {
  if (!/gz$/i.test(file)) return (work) => withFile(file, work);
  const plain = await expand(file);
  const open = new OpenFile(plain, "r");
  rmSync(plain, { force: true });
  return (work) => work(open);
}

/**
 * Expands an archive compressed with gzip into the cache folder.
 * @returns the path of the plain archive, which the caller removes
 * @throws `E_DATA_FORMAT` when it is damaged or expands to more than pictures do; `E_WRITE` when the cache cannot take it
 */
export async function expand(file: string): Promise<string> {
  const plain = draftIn(cacheFolder("shards"), basename(file));
  const limit = expansionLimit(statSync(file).size);
  let total = 0;
  try {
    await pipeline(
      createReadStream(file),
      createGunzip(),
      async function* (source) {
        for await (const chunk of source) {
          total += (chunk as Buffer).length;
          if (total > limit) refuseExpansion(file, limit);
          yield chunk;
        }
      },
      createWriteStream(plain),
    );
  } catch (cause) {
    rmSync(plain, { force: true });
    if (cause instanceof GenclassError) throw cause;
    const { message, code, syscall } = cause as NodeJS.ErrnoException;
    if (code?.startsWith("Z_")) fail("E_DATA_FORMAT", `${file}: damaged gzip file (${message}); fetch it again`, cause);
    if (syscall === "write")
      fail(
        "E_WRITE",
        `${file} could not be expanded into the cache (${message}); free some space, or set GENCLASS_CACHE to another folder`,
        cause,
      );
    throw cause;
  }
  return plain;
}
