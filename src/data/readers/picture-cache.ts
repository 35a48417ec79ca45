// Decoded pictures in files of the cache, for sources that are too large for memory. `KEY.pixels` has the pictures one after
// another; `KEY.marks` has a byte for each, a checksum of each (uint32, little endian), and a checksum of all this.
import { ftruncateSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../base/errors.ts";
import { cacheFolder, draftIn, finishDraft } from "../cache.ts";
import { hashBytes } from "../dataset.ts";
import { OpenFile } from "./open-file.ts";

/** What is known of a picture; `Unchecked`: an earlier run decoded it. */
export const Mark = { Missing: 0, Decoded: 1, Bad: 2, Unchecked: 3 } as const;

/** Where decoded bytes are kept. */
export interface PixelStorage {
  read(index: number, out: Uint8Array, at: number): void;
  write(index: number, bytes: Uint8Array): void;
  /** Whether an unchecked picture is as it was written. */
  isWhole(index: number): boolean;
  /** All are there: keeps them for the next time. */
  complete(marks: Uint8Array): void;
}

/** Bytes of a checksum. */
const CHECKSUM = 4;

/**
 * Storage in the files of a key: found again where they are whole, else made anew.
 * @param key names the pictures; other pictures have another
 * @param size bytes of a picture
 * @param marks of the pictures, which become those of the files; a picture that an earlier run decoded is `Mark.Unchecked`
 */
export function fileStorage(key: string, size: number, marks: Uint8Array): PixelStorage {
  const folder = cacheFolder("pictures");
  const [whole, marked] = [join(folder, `${key}.pixels`), join(folder, `${key}.marks`)];
  const checksums = new Uint32Array(marks.length);
  const found = readMarks(marked, marks, checksums) && sizeOf(whole) === marks.length * size;
  if (found) for (const [i, mark] of marks.entries()) marks[i] = mark === Mark.Decoded ? Mark.Unchecked : mark;
  else marks.fill(Mark.Missing);
  const draft = found ? undefined : draftIn(folder, key);
  let file = draft === undefined ? new OpenFile(whole, "r") : new OpenFile(draft, "w+");
  const drop = () => rmSync(draft!, { force: true });
  if (draft !== undefined) process.on("exit", drop);
  let writable = !found;
  const attempt = (write: () => void) => {
    try {
      write();
    } catch (cause) {
      fail(
        "E_WRITE",
        `the cache of decoded pictures ${draft ?? whole} could not be written (${(cause as Error).message}); free some space, or set GENCLASS_CACHE to another folder`,
        cause,
      );
    }
  };
  const picture = new Uint8Array(size);
  return {
    read(index, out, at) {
      if (!file.read(out, at, size, index * size))
        fail("E_DATA_FORMAT", `${draft ?? whole} was cut short while in use; start again: it will be made anew`);
    },
    isWhole: (index) => file.read(picture, 0, size, index * size) && hashBytes(picture) >>> 0 === checksums[index],
    write(index, bytes) {
      attempt(() => {
        if (!writable) {
          file.close();
          file = new OpenFile(whole, "r+");
          writable = true;
        }
        writeSync(file.handle, bytes, 0, size, index * size);
      });
      checksums[index] = hashBytes(bytes);
    },
    complete(all) {
      if (!writable) return;
      attempt(() => {
        // Places of pictures that do not decode at the end.
        ftruncateSync(file.handle, all.length * size);
        if (draft !== undefined) {
          process.off("exit", drop);
          finishDraft(draft, whole);
        }
        writeMarks(marked, draftIn(folder, key), all, checksums);
      });
    },
  };
}

const sizeOf = (file: string): number | undefined => statSync(file, { throwIfNoEntry: false })?.size;

/** @returns whether the file is there and whole */
function readMarks(file: string, marks: Uint8Array, checksums: Uint32Array): boolean {
  const n = marks.length;
  const body = n + CHECKSUM * n;
  if (sizeOf(file) !== body + CHECKSUM) return false;
  const bytes = readFileSync(file);
  if (hashBytes(bytes.subarray(0, body)) >>> 0 !== bytes.readUInt32LE(body)) return false;
  marks.set(bytes.subarray(0, n));
  for (let i = 0; i < n; i++) checksums[i] = bytes.readUInt32LE(n + CHECKSUM * i);
  return true;
}

function writeMarks(file: string, draft: string, marks: Uint8Array, checksums: Uint32Array): void {
  const n = marks.length;
  const body = n + CHECKSUM * n;
  const bytes = Buffer.alloc(body + CHECKSUM);
  bytes.set(marks);
  checksums.forEach((checksum, i) => {
    bytes.writeUInt32LE(checksum, n + CHECKSUM * i);
  });
  bytes.writeUInt32LE(hashBytes(bytes.subarray(0, body)) >>> 0, body);
  writeFileSync(draft, bytes);
  finishDraft(draft, file);
}
