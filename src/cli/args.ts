// Text of the command line as values, checked: each message says what was given and what is expected.
import { InvalidArgumentError } from "commander";
import { z } from "zod";
import { fail } from "../base/errors.ts";
import type { OptionType } from "../run/option-types.ts";

/** A commander parser for options of a type; commander's message names the option and the text. */
export function argument<T>({ schema, expected, read }: OptionType<T>) {
  return (text: string, earlier?: T): T => {
    const parsed = schema.safeParse(read(text, earlier));
    if (!parsed.success) throw new InvalidArgumentError(`expected ${expected}.`);
    return parsed.data;
  };
}

/** Collects `key=value` words of `--set`. @throws `E_OPTION`, also for a key that is given twice */
export function keyValues(words: readonly string[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at < 1) fail("E_OPTION", `--set ${word}: expected key=value, as in --set latent=16`);
    setOnce(values, word.slice(0, at), word.slice(at + 1), word);
  }
  return values;
}

/** @param word what was given, for the message */
function setOnce(values: Record<string, string>, key: string, value: string, word: string): void {
  if (Object.hasOwn(values, key))
    fail("E_OPTION", `--set ${word}: ${key} was given before, as ${key}=${values[key]}; give it once`);
  values[key] = value;
}

/** A list of words with commas between them, such as `names`. */
export const words = (names: string): OptionType<string[]> => ({
  schema: z.array(z.string().min(1)).min(1),
  expected: `${names}, with commas between them`,
  read: (given) => given.split(",").map((word) => word.trim()),
  write: (values) => values.join(","),
});

/** Collects `model.key=value` words of `--set`, by model. @throws `E_OPTION`, also for a key of a model that is given twice */
export function modelValues(words: readonly string[]): Record<string, Record<string, string>> {
  const values: Record<string, Record<string, string>> = {};
  for (const word of words) {
    const [, model, rest] = /^([^.=]+)\.([^=].*)$/.exec(word) ?? [];
    if (model === undefined || rest === undefined)
      fail("E_OPTION", `--set ${word}: expected model.key=value, as in --set cnn.width=16`);
    values[model] ??= {};
    for (const [key, value] of Object.entries(keyValues([rest]))) setOnce(values[model], key, value, word);
  }
  return values;
}
