// The operating system's reasons for refusing a file or folder, in words.

/** Why, and the way out, by the system's code. */
const REASONS: Readonly<Record<string, readonly [why: string, wayOut: string]>> = {
  ENOENT: ["there is no such file or folder", "check the path"],
  EEXIST: ["a file of this name is in the way", "choose another path"],
  ENOTDIR: ["a part of this path is a file, not a folder", "choose another path"],
  EISDIR: ["this is a folder, not a file", "choose another path"],
  EACCES: ["permission is denied", "choose another path, or change its permissions"],
  EPERM: ["the system does not permit this", "choose another path, or change its permissions"],
  EROFS: ["the file system is read-only", "choose another path"],
  ENOSPC: ["the disk is full", "free some space"],
  EDQUOT: ["the disk quota is used up", "free some space"],
  EFBIG: ["the file grows beyond the largest size allowed", "raise the limit or write elsewhere"],
  ENAMETOOLONG: ["the name is too long", "choose a shorter one"],
  EMFILE: ["too many files are open", "raise the limit (ulimit -n)"],
  ELOOP: ["links lead in a circle", "choose another path"],
};

/** What the system said: its reason as `EROFS: the file system is read-only`, and the way out. */
export interface Refusal {
  readonly why: string;
  readonly wayOut: string;
}

/** Why the system refused a file or folder; undefined for an error that is none of its own, or of an unknown code. */
export function refusalOf(error: unknown): Refusal | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!Object.hasOwn(REASONS, code)) return undefined;
  const [why, wayOut] = REASONS[code]!;
  return { why: `${code}: ${why}`, wayOut };
}
