// A call of the library, checked for what types say of it, before anything is done: a program may be written without types.
import { refuseUnknownOptions, shown } from "../base/checked-options.ts";
import { fail } from "../base/errors.ts";

/**
 * Checks the names in a call.
 * @param what the function that is called
 * @param known those it may have
 * @throws `E_USAGE` for a call that is no object; `E_OPTION` with the nearest name for one that is not known
 */
export function checkNames(what: string, call: unknown, known: readonly string[]): asserts call is object {
  if (typeof call !== "object" || call === null)
    fail("E_USAGE", `${what}: the call is ${shown(call)}; expected an object, of ${known.slice(0, 4).join(", ")}, …`);
  refuseUnknownOptions(what, call, known);
}

/** @throws `E_USAGE` for data that is not opened */
export function requireOpened(what: string, data: unknown): void {
  const train = (data as { readonly train?: unknown } | null | undefined)?.train;
  if (typeof train !== "object" || train === null)
    fail(
      "E_USAGE",
      `${what}: data is ${shown(data)}; expected what open returns, as in data: await open(${typeof data === "string" ? shown(data) : '"glyphs"'})`,
    );
}

/** @throws `E_USAGE` for something else than text, where a source is named or a folder */
export function requireText(what: string, name: string, value: unknown, example: string): void {
  if (typeof value !== "string" || value === "")
    fail("E_USAGE", `${what}: ${name} is ${shown(value)}; expected text, as in ${name}: "${example}"`);
}

/** @throws `E_USAGE` for something else than a list */
export function requireList(what: string, name: string, value: unknown, example: string): void {
  if (!Array.isArray(value))
    fail("E_USAGE", `${what}: ${name} is ${shown(value)}; expected a list, as in ${name}: ${example}`);
}
