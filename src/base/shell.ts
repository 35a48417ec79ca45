// Words as people type them into a shell (POSIX, or the one of Windows): what messages and pages show can be copied, whatever characters
// a path has.

const ON_WINDOWS = process.platform === "win32";

/** A word of a command line, in quotes where it has other than plain characters. */
export function shellWord(word: string): string {
  // A path of Windows has backslashes, and cannot have double quotes.
  if (ON_WINDOWS) return /^[\w@+=:,./\\-]+$/.test(word) ? word : `"${word}"`;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Words as one line. */
export const shellLine = (words: readonly string[]): string => words.map(shellWord).join(" ");
