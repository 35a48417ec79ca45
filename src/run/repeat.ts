// The commands that train a run again, and that use it.
import { isDeepStrictEqual } from "node:util";
import { shellLine, shellWord } from "../base/shell.ts";
import { BUILT_IN } from "../data/open.ts";
import { MODELS, parseOptions } from "../models/index.ts";
import { optionsOf, type RunConfig } from "./folder.ts";
import { renames } from "./option-types.ts";
import { RUN_OPTION_LIST } from "./options.ts";

/**
 * The command line that trains a run again, in one line for a POSIX shell: every option that is not at its default, the
 * seed and the batch. Undefined for a model that the command line does not know.
 */
export function repeatCommand(config: RunConfig): string | undefined {
  const model = MODELS.find(({ name }) => name === config.model);
  if (!model) return undefined;
  const words = ["genclass", "train", config.model, "--data", config.data.source];
  // Some models have another batch by default, and networks another way to fit pictures.
  words.push(...optionWords(optionsOf(config), ["seed", "batch", ...(config.backbone === null ? [] : ["resize"])]));
  // A model may ask for photographs of another size than those that the run has seen.
  const { image, source, height, width } = config.data;
  if (model.photographs && image === null && !BUILT_IN.includes(source)) words.push("--image", `${height}x${width}`);
  const usual = parseOptions(model, {});
  for (const [name, value] of Object.entries(config.options))
    if (!isDeepStrictEqual(value, usual[name])) words.push("--set", `${name}=${String(value)}`);
  words.push("--backend", config.backend === "onednn" ? "onednn" : "onnx");
  return shellLine(words);
}

/**
 * The words of a command line that give options of a run: those that are not at their defaults.
 * @param always names of options that are given even so
 */
export function optionWords(values: Readonly<Record<string, unknown>>, always: readonly string[] = []): string[] {
  const words: string[] = [];
  for (const [name, { flag, type, default: usual, isTelling }] of RUN_OPTION_LIST) {
    const value = values[name];
    if (
      value === null ||
      value === undefined ||
      isTelling ||
      (!always.includes(name) && isDeepStrictEqual(value, usual))
    )
      continue;
    const text = type.write(value);
    // A list is given a text at a time.
    for (const one of Array.isArray(value) || type === renames ? text.split(" ") : [text])
      words.push(flag.split(" ")[0]!, one);
  }
  return words;
}

/** The command lines that use a trained run, for a POSIX shell. @param heads names of what it can do */
export function useCommands(run: string, heads: readonly string[]): string[] {
  const path = shellWord(run);
  const commands = [
    ["classify", `genclass classify ${path} photo.jpg`],
    ["sample", `genclass generate ${path} --out new.png`],
    ["translate", `genclass translate ${path} photo.jpg --out translated.png`],
    ["reconstruct", `genclass reconstruct ${path} photo.jpg`],
  ].flatMap(([head, command]) => (heads.includes(head!) ? [command!] : []));
  return [...commands, `genclass export ${path} --out model.onnx`];
}
