// The options of a run as they are kept: the schemas of config.json, and what a call may give to a new run or to one that
// goes on.

import { z } from "zod";
import { fail } from "../base/errors.ts";
import { shellWord } from "../base/shell.ts";
import {
  type OptionName,
  RUN_OPTION_LIST,
  type RUN_OPTIONS,
  type RunOption,
  type RunOptions,
  type StoredOptions,
} from "./options.ts";

type Place = RunOption["stored"];
type NamesAt<P extends Place> = {
  [K in OptionName]: (typeof RUN_OPTIONS)[K]["stored"] extends P ? K : never;
}[OptionName];

/** Schemas of the options that config.json has at a place; a missing field has its default. */
export function storedSchemas<P extends Place>(place: P) {
  const schemas = RUN_OPTION_LIST.filter(([, { stored }]) => stored === place).map(([name, option]) => {
    const { schema } = option.type;
    const unsettable = option.default === null || option.excludes !== undefined;
    return [name, (unsettable ? schema.nullable() : schema).default(option.default)];
  });
  // Object.fromEntries forgets which name has which type.
  return Object.fromEntries(schemas) as { [K in NamesAt<P>]: z.ZodType<StoredOptions[K]> };
}

const storedOptions = z.object({ ...storedSchemas("data"), ...storedSchemas("run") });

/**
 * The options of a new run: those given, and the defaults of the others.
 * @throws `E_OPTION` for a value out of range; `E_USAGE` for two options that exclude each other, or one that needs another
 */
export function newOptions(given: RunOptions): StoredOptions {
  const values = checked(given);
  for (const [name, { flag, needs }] of RUN_OPTION_LIST)
    if (name in values && needs?.every((other) => !(other in values)))
      fail("E_USAGE", `${flagName(flag)} needs --${needs.join(" or --")}; give it, or leave ${flagName(flag)} out`);
  return storedOptions.parse(values);
}

/**
 * The options of a run that goes on: those it has, and those given that may change.
 * @param path the run folder, for messages
 * @throws `E_RUN_CONFLICT` for an option that cannot change and is given with another value than the run has; `E_OPTION`,
 * `E_USAGE` as `newOptions` does
 */
export function resumedOptions(stored: StoredOptions, given: RunOptions, path: string): StoredOptions {
  for (const { flag, resume, has, wants } of differences(stored, given))
    if (resume === "fixed") refuseChange(flag, has, wants, path);
  return storedOptions.parse({ ...stored, ...checked(given) });
}

/** The options given that differ from those of a run, where that keeps its weights from repeating bit for bit. */
export function unrepeatableOptions(stored: StoredOptions, given: RunOptions): readonly Difference[] {
  return differences(stored, given).filter(({ resume }) => resume === "warns");
}

/** @throws `E_RUN_CONFLICT` always: a run that goes on `has` one value and the call `wants` another */
export function refuseChange(flag: string, has: string, wants: string, path: string): never {
  fail(
    "E_RUN_CONFLICT",
    `${flag} cannot change when a run goes on: ${path} has ${has}, the call says ${wants}; leave it out, or start a new run with --from ${shellWord(path)}`,
  );
}

interface Difference {
  /** The flag without its value. */
  readonly flag: string;
  readonly resume: RunOption["resume"];
  /** Both values as text. */
  readonly has: string;
  readonly wants: string;
}

function differences(stored: StoredOptions, given: RunOptions): Difference[] {
  const wanted = checked(given);
  const present: Readonly<Record<string, unknown>> = stored;
  return RUN_OPTION_LIST.flatMap(([name, { flag, type, resume }]) => {
    if (!(name in wanted)) return [];
    const [has, wants] = [present[name], wanted[name]].map((value) => (value === null ? "none" : type.write(value)));
    return has === wants ? [] : [{ flag: flagName(flag), resume, has: has!, wants: wants! }];
  });
}

/** The options that are given, each in its range; those that they exclude are `null`. */
function checked(given: RunOptions): Readonly<Record<string, unknown>> {
  const all: Readonly<Record<string, unknown>> = given;
  const values: Record<string, unknown> = {};
  for (const [name, { flag, type, excludes }] of RUN_OPTION_LIST) {
    const value = all[name];
    if (value === undefined) continue;
    if (!type.schema.safeParse(value).success)
      fail("E_OPTION", `${flagName(flag)} ${JSON.stringify(value)}: expected ${type.expected}`);
    values[name] = value;
    if (excludes === undefined) continue;
    if (all[excludes] !== undefined)
      fail("E_USAGE", `${flagName(flag)} and --${excludes} exclude each other; give one`);
    values[excludes] = null;
  }
  return values;
}

const flagName = (flag: string): string => flag.split(" ")[0]!;
