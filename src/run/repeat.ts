// The command that trains a run again.
import { isDeepStrictEqual } from "node:util";
import { MODELS, parseOptions } from "../models/index.ts";
import { optionsOf, type RunConfig } from "./folder.ts";
import { renames } from "./option-types.ts";
import { RUN_OPTION_LIST } from "./options.ts";

/**
 * The command line that trains a run again, in one line for a POSIX shell: every option that is not at its default, and the
 * seed. Undefined for a model that the command line does not know.
 */
export function repeatCommand(config: RunConfig): string | undefined {
  const model = MODELS.find(({ name }) => name === config.model);
  if (!model) return undefined;
  const words = ["genclass", "train", config.model, "--data", config.data.source];
  const values: Readonly<Record<string, unknown>> = optionsOf(config);
  for (const [name, { flag, type, default: usual, isTelling }] of RUN_OPTION_LIST) {
    const value = values[name];
    if (value === null || isTelling || (name !== "seed" && isDeepStrictEqual(value, usual))) continue;
    const text = type.write(value);
    // A list is given a text at a time.
    for (const one of Array.isArray(value) || type === renames ? text.split(" ") : [text])
      words.push(flag.split(" ")[0]!, one);
  }
  const usual = parseOptions(model, {});
  for (const [name, value] of Object.entries(config.options))
    if (!isDeepStrictEqual(value, usual[name])) words.push("--set", `${name}=${String(value)}`);
  words.push("--backend", config.backend === "onednn" ? "onednn" : "onnx");
  return words.map(quoted).join(" ");
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
