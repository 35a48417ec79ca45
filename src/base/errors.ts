// Every error a user can meet has a code here and a paragraph in docs/errors.md; a test holds the two together.
import { distance } from "fastest-levenshtein";

/** Codes and what each means; `exit` is the command line's exit code (2: the call was wrong, 1: the work failed). */
export const ERRORS = {
  E_SHAPE: { exit: 1, title: "Shapes do not fit" },
  E_AXIS: { exit: 1, title: "Axis out of range" },
  E_DTYPE: { exit: 1, title: "Wrong element type" },
  E_GRAD: { exit: 1, title: "No derivative" },
  E_NAME: { exit: 2, title: "Unknown name" },
  E_OPTION: { exit: 2, title: "Option out of range" },
  E_USAGE: { exit: 2, title: "Wrong call" },
  E_DATA_NOT_FOUND: { exit: 1, title: "Data source not found" },
  E_DATA_FORMAT: { exit: 1, title: "Malformed data file" },
  E_DATA_EMPTY: { exit: 1, title: "Nothing to learn from" },
  E_DATA_LABEL: { exit: 1, title: "Label out of range" },
  E_IMAGE: { exit: 1, title: "Pictures do not decode" },
  E_RUN_NOT_FOUND: { exit: 1, title: "Not a run folder" },
  E_RUN_EXISTS: { exit: 1, title: "Run folder already used" },
  E_RUN_LOCKED: { exit: 1, title: "Run folder in use" },
  E_RUN_VERSION: { exit: 1, title: "Run folder of another version" },
  E_RUN_CONFLICT: { exit: 2, title: "Run and call disagree" },
  E_NAN: { exit: 1, title: "Not a finite number" },
  E_HEAD: { exit: 2, title: "Model cannot do this" },
  E_ONNX: { exit: 1, title: "ONNX file not usable" },
  E_EXPORT: { exit: 1, title: "Export differs from the run" },
  E_BACKEND: { exit: 1, title: "Backend not available" },
  E_FILE: { exit: 1, title: "File or folder not usable" },
  E_WRITE: { exit: 1, title: "File not written" },
} as const;

/** A key of `ERRORS`, such as `E_SHAPE`. */
export type ErrorCode = keyof typeof ERRORS;

/** An expected failure: its message says what happened, what was expected and the way out. */
export class GenclassError extends Error {
  /** A key of `ERRORS`. */
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "GenclassError";
    this.code = code;
  }
}

/** Throws a `GenclassError` of a code; `cause` is the error that led to it, if any. */
export function fail(code: ErrorCode, message: string, cause?: unknown): never {
  throw new GenclassError(code, message, cause === undefined ? undefined : { cause });
}

/**
 * The candidate nearest to `word` by edits without regard to case, the first of several, for "did you mean". Undefined where more
 * than half of the letters of the shorter word would have to change, or more than one where the words begin otherwise: those are other
 * words, and not misspelt ones.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const asked = word.toLowerCase();
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const known = candidate.toLowerCase();
    const edits = editsBetween(asked, known);
    const most = Math.floor(Math.min(asked.length, known.length) / 2);
    if (edits < least && edits <= (asked[0] === known[0] ? most : Math.min(1, most)))
      [best, least] = [candidate, edits];
  }
  return best;
}

/** Letters to be added, left out or replaced; two neighbours that changed places are one edit, as they are one slip. */
function editsBetween(word: string, other: string): number {
  let least = distance(word, other);
  for (let i = 1; i < word.length; i++) {
    const swapped = word.slice(0, i - 1) + word[i] + word[i - 1] + word.slice(i + 1);
    least = Math.min(least, 1 + distance(swapped, other));
  }
  return least;
}

/**
 * Refuses a name that is not among those known: `unknown class "cta"; did you mean "cat"? Known: …`.
 * @param what the kind of thing that is named, such as `model`
 * @throws `E_NAME`, always
 */
export function unknownName(what: string, name: string, known: readonly string[]): never {
  const guess = nearest(name, known);
  fail("E_NAME", `unknown ${what} "${name}"${guess ? `; did you mean "${guess}"?` : "."} Known: ${known.join(", ")}`);
}
