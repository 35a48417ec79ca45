// What was ignored or is doubtful in a data source: nothing of it is lost without a word.
import { fail, GenclassError } from "../base/errors.ts";

/** One thing that was ignored or is doubtful, with everything that it is about. */
export interface Warning {
  /** What it is, such as `ignored, as they lie outside the class folders`. */
  readonly text: string;
  /** The names of all pictures, files or folders that it is about; empty where it is about the source as a whole. */
  readonly names: readonly string[];
}

/** Names that a line gives as examples. */
const EXAMPLES = 3;

/**
 * A warning as one line: what, how many, and examples.
 * @param most so many names are given
 */
export function warningLine({ text, names }: Warning, most = EXAMPLES): string {
  if (names.length === 0) return text;
  return `${text} (${names.length}): ${names.slice(0, most).join(", ")}${names.length > most ? ", …" : ""}`;
}

/** Whether the line of a warning leaves out names. */
export const isShortened = ({ names }: Warning): boolean => names.length > EXAMPLES;

/** Collects warnings while a source is read: one for each thing that may be the matter, whatever the number of its names. */
export class Notes {
  private readonly found = new Map<string, string[]>();

  /** Notes that `name` is among what `text` says; without a name, that the text is so of the source. */
  add(text: string, name?: string): void {
    const names = this.found.get(text) ?? [];
    if (name !== undefined) names.push(name);
    this.found.set(text, names);
  }

  /** One for each text, in the order in which they were first noted. */
  get warnings(): Warning[] {
    return [...this.found].map(([text, names]) => ({ text, names }));
  }
}

/**
 * Does work on a data source. Where it fails because of the data, the message ends with what was noted before, which may be why.
 * @throws what the work throws
 */
export async function tellingNotes<T>(noted: () => readonly Warning[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const notes = noted();
    if (!(cause instanceof GenclassError && cause.code.startsWith("E_DATA_")) || notes.length === 0) throw cause;
    const lines = notes.map((note) => warningLine(note));
    fail(cause.code, `${cause.message}. Noted before: ${lines.join("; ")}`, cause);
  }
}
