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

/** Collects `key=value` words of `--set`. @throws `E_OPTION` */
export function keyValues(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at < 1) fail("E_OPTION", `--set ${word}: expected key=value, as in --set latent=16`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/** A list of words with commas between them, such as `names`. */
export const words = (names: string): OptionType<string[]> => ({
  schema: z.array(z.string().min(1)).min(1),
  expected: `${names}, with commas between them`,
  read: (given) => given.split(",").map((word) => word.trim()),
  write: (values) => values.join(","),
});

/** Collects `model.key=value` words of `--set`, by model. @throws `E_OPTION` */
export function modelValues(words: readonly string[]): Record<string, Record<string, string>> {
  const values: Record<string, Record<string, string>> = {};
  for (const word of words) {
    const [, model, rest] = /^([^.=]+)\.([^=].*)$/.exec(word) ?? [];
    if (model === undefined || rest === undefined)
      fail("E_OPTION", `--set ${word}: expected model.key=value, as in --set cnn.width=16`);
    values[model] = { ...values[model], ...keyValues([rest]) };
  }
  return values;
}
