// Words as people type them into a POSIX shell: what messages and pages show can be copied, whatever characters a path has.

/** A word of a command line, in quotes where it has other than plain characters. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** Words as one line. */
export const shellLine = (words: readonly string[]): string => words.map(shellWord).join(" ");
