// A zip archive of pictures, such as a folder that was packed. Members are expanded one at a time, in memory, when they are read.
import { statSync } from "node:fs";
import { basename } from "node:path";
import { fail } from "../../base/errors.ts";
import type { Notes } from "../warnings.ts";
import type { Archive } from "./archive.ts";
import { withFile } from "./open-file.ts";
import { type ReadBytes, type ZipMember, zipContent, zipMembers } from "./zip.ts";

/** Whether a file is a zip archive by its ending. */
export const isZip = (file: string): boolean => /\.zip$/i.test(file);

/**
 * Opens a zip archive.
 * @param notes gets what is passed over
 * @throws `E_DATA_FORMAT` when its directory is damaged
 */
export function openZip(file: string, notes: Notes): Archive {
  const total = statSync(file).size;
  const read: ReadBytes = (from, size) => {
    if (from + size > total) throw new Error("it is cut short");
    const bytes = new Uint8Array(size);
    if (!withFile(file, (open) => open.read(bytes, 0, size, from))) throw new Error("it is cut short");
    return bytes;
  };
  const members = wholeOr(file, () => zipMembers(read, total)).filter((member) => {
    const why = whyUnreadable(member);
    if (why) notes.add(why, `${basename(file)}/${member.name}`);
    return !why;
  });
  return { members, read: (index) => wholeOr(file, () => zipContent(read, members[index]!)) };
}

/** @throws `E_DATA_FORMAT` where `work` throws, telling what it says of the archive */
function wholeOr<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    return fail("E_DATA_FORMAT", `${file}: damaged zip archive (${(cause as Error).message}); fetch it again`, cause);
  }
}

function whyUnreadable({ isLink, isEncrypted, method }: ZipMember): string | undefined {
  if (isLink) return "ignored, as they are links or devices";
  if (isEncrypted) return "ignored, as they are encrypted";
  return method === 0 || method === 8 ? undefined : "ignored, as they are compressed in a way that is not known";
}
