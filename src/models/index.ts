// The models, as an explicit list.
import { z } from "zod";
import { checkedOptions, refuseUnknownOptions } from "../base/checked-options.ts";
import { fail, unknownName } from "../base/errors.ts";
import { aae } from "./aae.ts";
import { acgan } from "./acgan.ts";
import { angleVae } from "./angle-vae.ts";
import { bigan } from "./bigan.ts";
import { classVae } from "./class-vae.ts";
import { cnn } from "./cnn.ts";
import { densityVae } from "./density-vae.ts";
import { forest } from "./forest.ts";
import { gan } from "./gan.ts";
import { hybrid } from "./hybrid.ts";
import { knn } from "./knn.ts";
import { logistic } from "./logistic.ts";
import { m1m2 } from "./m1m2.ts";
import { m2 } from "./m2.ts";
import { mlp } from "./mlp.ts";
import type { Model, OptionTable } from "./model.ts";
import { multiscale } from "./multiscale.ts";
import { pix2pix } from "./pix2pix.ts";
import { sgan } from "./sgan.ts";
import { stargan } from "./stargan.ts";
import { svm } from "./svm.ts";
import { vae } from "./vae.ts";
import { vaegan } from "./vaegan.ts";

const LISTED = [
  vae,
  classVae,
  densityVae,
  m2,
  m1m2,
  angleVae,
  cnn,
  hybrid,
  multiscale,
  gan,
  acgan,
  sgan,
  aae,
  bigan,
  vaegan,
  pix2pix,
  stargan,
  mlp,
  logistic,
  svm,
  knn,
  forest,
] as const;

/** Every model, in the order in which they are listed. */
export const MODELS: readonly Model[] = LISTED;

type Listed = (typeof LISTED)[number];
/** Options as a call gives them, by the name of the model; those left out have their defaults. */
export type ModelOptions = { [M in Listed as M["name"]]: z.input<M["options"]> };
/** The name of a model, such as `vae`. */
export type ModelName = keyof ModelOptions;

/** The options that a call may give to a model, which it names or has: of a name that is not known yet, any. */
export type OptionsOf<M> = M extends ModelName
  ? ModelOptions[M]
  : M extends Model<infer O>
    ? z.input<O>
    : Readonly<Record<string, unknown>>;

/** @throws `E_NAME` with the nearest name */
export function findModel(name: string): Model {
  return (
    MODELS.find((model) => model.name === name) ??
    unknownName(
      "model",
      name,
      MODELS.map((model) => model.name),
    )
  );
}

/**
 * The model of a name: `own`, where a model that is not in the list is given with it.
 * @throws `E_NAME` with the nearest name; `E_RUN_CONFLICT` where `own` has another name
 */
export function modelNamed(name: string, own?: Model): Model {
  if (!own) return findModel(name);
  if (own.name !== name) fail("E_RUN_CONFLICT", `the run is of the model "${name}"; the model given is "${own.name}"`);
  return own;
}

/**
 * Checks options against a model's table and fills in defaults; text is read as numbers and booleans where needed.
 * @throws `E_OPTION` for an option that it does not have, with the nearest name, or a value out of its range
 */
export function parseOptions<O extends OptionTable>(
  model: Model<O>,
  given: Readonly<Record<string, unknown>>,
): z.infer<O> {
  const { name, options } = model;
  refuseUnknownOptions(name, given, Object.keys(options.shape), `"genclass models ${name}" lists them`);
  const read = Object.fromEntries(
    Object.entries(given).map(([key, value]) => [key, typeof value === "string" ? fromText(value) : value]),
  );
  // As it was written on the command line.
  return checkedOptions(name, options, read, { more: `"genclass models ${name}" lists ranges`, show: String });
}

function fromText(value: string): unknown {
  if (value === "true" || value === "false") return value === "true";
  return value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
}

/** One option as people read it. */
export interface OptionDoc {
  name: string;
  type: string;
  default: unknown;
  doc: string;
}

/** What an option may be. */
export interface OptionRule {
  readonly name: string;
  readonly type: "integer" | "number" | "boolean" | "string";
  /** Its values, where it is one of some. */
  readonly values?: readonly string[];
  /** The ends of a number's range. */
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default: unknown;
  readonly description?: string;
}

/** The options of a model, by their table. */
export function optionRules(model: Model): OptionRule[] {
  const { properties = {} } = z.toJSONSchema(model.options, { io: "input" }) as {
    properties?: Record<string, Omit<OptionRule, "name" | "values"> & { readonly enum?: readonly string[] }>;
  };
  return Object.entries(properties).map(([name, { enum: values, ...rule }]) => ({ name, ...rule, values }));
}

/** The options of a model as people read them. */
export const describeOptions = (model: Model): OptionDoc[] =>
  optionRules(model).map((rule) => ({
    name: rule.name,
    type: rule.values?.join(" | ") ?? rangeOf(rule),
    default: rule.default,
    doc: rule.description ?? "",
  }));

const rangeOf = ({ type, minimum, maximum }: OptionRule): string =>
  minimum === undefined ? type : `${type} ${minimum}..${maximum}`;
