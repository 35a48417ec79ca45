// Options of a call, checked: what is wrong is said with what was given and what is expected.
import type { z } from "zod";
import { fail, nearest } from "./errors.ts";

/**
 * Refuses options of other names than those known: `open has no option "label"; did you mean "labels"? Known: …`.
 * @param whose options they are, for messages
 * @param more where the known ones are told. Default: they are listed
 * @throws `E_OPTION`
 */
export function refuseUnknownOptions(
  whose: string,
  given: object,
  known: readonly string[],
  more = `Known: ${known.join(", ")}`,
): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const guess = nearest(unknown, known);
  fail("E_OPTION", `${whose} has no option "${unknown}"${guess ? `; did you mean "${guess}"?` : "."} ${more}`);
}

/**
 * Options by their table: its defaults for those left out.
 * @param whose options they are, for messages
 * @param how `more`: where the allowed values are told, if anywhere; `show`: how a message shows what was given
 * @throws `E_OPTION` for a value that is not allowed
 */
export function checkedOptions<O extends z.ZodObject>(
  whose: string,
  table: O,
  given: object,
  how: { readonly more?: string; readonly show?: (value: unknown) => string } = {},
): z.infer<O> {
  const result = table.safeParse(given);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const value = path.reduce<unknown>((at, key) => (at as Readonly<Record<PropertyKey, unknown>>)[key], given);
  const { more, show = shown } = how;
  fail("E_OPTION", `${whose}: ${path.join(".")}=${show(value)}: ${message}${more === undefined ? "" : `. ${more}`}`);
}

/** A value as a message shows it: text in quotes, plain objects as far as they fit into a line, others by their kind. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  const kind = Object.getPrototypeOf(value)?.constructor?.name ?? "Object";
  if (kind !== "Object" && kind !== "Array") return `an object of the kind ${kind}`;
  const inside = Object.entries(value).map(([name, one]) => {
    const text = typeof one === "object" && one !== null ? "…" : shown(one);
    return kind === "Array" ? text : `${name}: ${text}`;
  });
  const all = inside.join(", ");
  const text = all.length > LONGEST ? `${all.slice(0, LONGEST)}…` : all;
  return kind === "Array" ? `[${text}]` : `{ ${text} }`;
}

/** Letters of an object that are shown. */
const LONGEST = 80;
