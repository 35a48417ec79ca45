// What a row of a comparison is of: a model as it is, or with options of its own, as in an ablation.
import { createHash } from "node:crypto";
import { fail } from "../base/errors.ts";
import { findModel, MODELS } from "../models/index.ts";
import type { RunOptions } from "../run/options.ts";
import { optionsAt, variedValue } from "./varied.ts";

/** A model with the options in which it differs from others. */
export interface Variant {
  /** As it was asked for, and as rows name it: `cnn`, or `cnn:net=fast:augment=none`. */
  readonly name: string;
  /** A name from `MODELS`. */
  readonly model: string;
  /** Of the model. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Of its runs. */
  readonly run: RunOptions;
}

/**
 * A variant from text: the name of a model, and any number of `:option=value`, whose values have no colon.
 * @throws `E_NAME`, `E_OPTION` for what the model or its run does not know
 */
export function parseVariant(name: string): Variant {
  const [model, ...words] = name.split(":") as [string, ...string[]];
  const of = findModel(model);
  const pairs = words.map((word) => {
    const [, option, text] = /^(\w+)=(.+)$/.exec(word) ?? [];
    if (option === undefined || text === undefined)
      fail("E_OPTION", `${name}: "${word}"; expected option=value after a colon, as in cnn:net=fast:augment=none`);
    return [option, variedValue(of, option, text, `${name}:`)] as const;
  });
  const twice = pairs.find(([option], i) => pairs.findIndex(([other]) => other === option) < i);
  if (twice) fail("E_OPTION", `${name}: ${twice[0]} is given twice; give it once`);
  return { name, model, ...optionsAt(of, Object.fromEntries(pairs)) };
}

/** An option at the end of a variant whose value may go on after a comma. */
const LIST_AT_END = /:(augment|classWeights)=[^:]*$/;

/**
 * The variants in a list with commas between them. What follows a list of changes or of weights (`augment`, `classWeights`) belongs to it,
 * unless it begins with the name of a model.
 */
export function splitVariants(list: string): string[] {
  const found: string[] = [];
  for (const word of list.split(",").map((one) => one.trim())) {
    const isModel = MODELS.some(({ name }) => name === word.split(":")[0]);
    const last = found.at(-1);
    if (!isModel && last !== undefined && LIST_AT_END.test(last)) found[found.length - 1] = `${last},${word}`;
    else found.push(word);
  }
  return found;
}

/** Characters of a variant's name in that of a folder; of a longer one, the last ones are those of a hash. */
const LONGEST = 100;

/** A variant's name as part of the name of a folder, which no other has. */
export function folderName(name: string): string {
  const hex = (character: string) => Buffer.from(character).toString("hex").toUpperCase();
  const whole = name.replaceAll(/[^\w.=,-]/gu, (character) => (character === ":" ? "+" : `%${hex(character)}`));
  if (whole.length <= LONGEST) return whole;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 16);
  return `${whole.slice(0, LONGEST - hash.length - 1)}+${hash}`;
}
