// Options in which the runs of an experiment may differ: those of the model, and some of a run's.
import { fail, unknownName } from "../base/errors.ts";
import { type OptionRule, optionRules, parseOptions } from "../models/index.ts";
import type { Model } from "../models/model.ts";
import { type OptionName, RUN_OPTIONS, type RunOption, type RunOptions } from "../run/options.ts";

export type OptionValue = string | number | boolean;
/** A value of each option that is varied, by name. */
export type Point = Readonly<Record<string, OptionValue>>;

/** Options of a run that may differ beside those of the model. */
const RUN_NAMES = ["batch", "augment", "emaDecay", "classWeights", "sampling"] as const satisfies OptionName[];

/** What is declared of an option of the model; undefined for one of the run. @throws `E_NAME` where it is of neither */
export function variedRule(model: Model, name: string): OptionRule | undefined {
  const rules = optionRules(model);
  const rule = rules.find((one) => one.name === name);
  if (!rule && !RUN_NAMES.some((known) => known === name))
    unknownName(`option of ${model.name} or of its run`, name, [...rules.map((one) => one.name), ...RUN_NAMES]);
  return rule;
}

/**
 * A value of an option from text.
 * @param where what a message begins with: `--search`
 * @throws `E_OPTION` where the option may not be that, `E_NAME` as `variedRule`
 */
export function variedValue(model: Model, name: string, text: string, where: string): OptionValue {
  if (variedRule(model, name)) return parseOptions(model, { [name]: text })[name] as OptionValue;
  const { type }: RunOption = RUN_OPTIONS[name as OptionName];
  const parsed = type.schema.safeParse(type.read(text));
  if (!parsed.success) fail("E_OPTION", `${where} ${name}=${text}: expected ${type.expected}`);
  return parsed.data as OptionValue;
}

/** The options of a model and of its run that a point stands for. */
export function optionsAt(model: Model, point: Point): { options: Record<string, OptionValue>; run: RunOptions } {
  const own = new Set(optionRules(model).map(({ name }) => name));
  const part = (isOwn: boolean) => Object.entries(point).filter(([name]) => own.has(name) === isOwn);
  return { options: Object.fromEntries(part(true)), run: Object.fromEntries(part(false)) };
}
