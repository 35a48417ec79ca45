// What a search goes through: options with ranges or choices. Every number also has a place in 0..1, evenly by its value or by its
// logarithm, in which methods of search count.
import { fail, GenclassError } from "../base/errors.ts";
import { optionRules, parseOptions } from "../models/index.ts";
import type { DataSpec, Model } from "../models/model.ts";
import type { Random } from "../random/random.ts";
import { type OptionValue, optionsAt, type Point, variedRule, variedValue } from "./varied.ts";

/** A number in a range. */
export interface Range {
  readonly kind: "range";
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly whole: boolean;
  /** Whether it is spread evenly by its logarithm. */
  readonly logarithmic: boolean;
}

/** One of some values. */
export interface Choice {
  readonly kind: "choice";
  readonly name: string;
  readonly values: readonly OptionValue[];
}

/** One option that is searched, and where. */
export type Dimension = Range | Choice;

/** A range that is this many times its lower end spans decades, and is searched by its logarithm. */
const DECADES = 10;
/** Of the options themselves, whose ranges are wide. */
const DECLARED_DECADES = 1000;
/** Points that are drawn for one that may be tried, at most. */
const MOST_DRAWS = 1000;
/** Significant digits of numbers that are tried. */
const DIGITS = 3;

/**
 * What is searched where nothing is asked for, by what a model declares of its options: of words and switches, all values; of numbers
 * whose range spans decades, such as a learning rate, a decade on either side of the default; of whole numbers, such as widths, half
 * to twice the default; of others, 0 (or the lower end) to twice the default. A default of 0 is left alone: there it means "off" or
 * "as fits". Not all of these fit together: see `refusalOf`.
 */
export function defaultSpace(model: Model): Dimension[] {
  return optionRules(model).flatMap((rule): Dimension[] => {
    const { name, type, values, minimum, maximum } = rule;
    if (values) return [{ kind: "choice", name, values }];
    if (type === "boolean") return [{ kind: "choice", name, values: [false, true] }];
    const usual = rule.default;
    if (typeof usual !== "number" || usual <= 0 || minimum === undefined || maximum === undefined) return [];
    const whole = type === "integer";
    const decades = !whole && minimum > 0 && maximum / minimum >= DECLARED_DECADES;
    const factor = decades ? 10 : 2;
    const low = Math.max(minimum, decades ? usual / factor : whole ? Math.ceil(usual / factor) : minimum);
    const high = Math.min(maximum, usual * factor);
    return low < high ? [{ kind: "range", name, low, high, whole, logarithmic: decades || (whole && low > 0) }] : [];
  });
}

/**
 * A space from text such as `rate=1e-4..1e-2,width=16|32|64`.
 * @throws `E_OPTION` for what is no range or choice, or lies outside of what the option may be; `E_NAME` for an unknown option
 */
export function parseSpace(model: Model, text: string): Dimension[] {
  const dimensions = text.split(",").map((word) => parseDimension(model, word.trim()));
  const twice = dimensions.find(({ name }, i) => dimensions.findIndex((other) => other.name === name) < i);
  if (twice) fail("E_OPTION", `--search: ${twice.name} is given twice; give it once`);
  return dimensions;
}

function parseDimension(model: Model, word: string): Dimension {
  const [, name, values] = /^(\w+)=(.+)$/.exec(word) ?? [];
  if (name === undefined || values === undefined)
    fail("E_OPTION", `--search ${word}: expected option=low..high or option=a|b|c`);
  const rule = variedRule(model, name);
  const read = (value: string) => variedValue(model, name, value, "--search");
  const range = /^([^|]+?)\.\.([^|]+)$/.exec(values);
  if (!range) {
    const choices = values.split("|").map(read);
    if (choices.length < 2) fail("E_OPTION", `--search ${word}: one value is no choice; fix it with --set ${word}`);
    return { kind: "choice", name, values: choices };
  }
  if (rule?.type === "string" || rule?.type === "boolean")
    fail("E_OPTION", `--search ${word}: ${name} is not searched by ranges; it takes values, as in ${name}=a|b|c`);
  const [low, high] = [range[1]!, range[2]!].map(read);
  if (typeof low !== "number" || typeof high !== "number" || low >= high)
    fail("E_OPTION", `--search ${word}: expected two numbers, the lower one first`);
  const whole = rule ? rule.type === "integer" : name === "batch";
  return { kind: "range", name, low, high, whole, logarithmic: low > 0 && high / low >= DECADES };
}

/** The number at a place in 0..1. */
export function numberAt({ low, high, whole, logarithmic }: Range, place: number): number {
  // A whole number has the half on either side of it, so that the ends are as likely as others.
  const [from, to] = whole ? [low - 0.5, high + 0.5] : [low, high];
  const value = logarithmic ? from * (to / from) ** place : from + (to - from) * place;
  const rounded = whole ? Math.round(value) : Number(value.toPrecision(DIGITS));
  return Math.min(high, Math.max(low, rounded));
}

/** The place in 0..1 of a number. */
export function placeIn({ low, high, whole, logarithmic }: Range, value: number): number {
  const [from, to] = whole ? [low - 0.5, high + 0.5] : [low, high];
  const place = logarithmic ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);
  return Math.min(1, Math.max(0, place));
}

/** Why a point cannot be tried, where it cannot. */
export type Refusal = (point: Point) => GenclassError | undefined;
export const anyPoint: Refusal = () => undefined;

/**
 * Refuses points whose options do not fit together. What else is wrong may be so of these pictures alone: the trial tells.
 * @param fixed options of the model beside those of the point
 * @param data of pictures such as those of the search
 */
export const refusalOf =
  (model: Model, fixed: Readonly<Record<string, unknown>>, data: DataSpec): Refusal =>
  (point) => {
    try {
      model.build(parseOptions(model, { ...fixed, ...optionsAt(model, point).options }), data);
      return undefined;
    } catch (cause) {
      if (!(cause instanceof GenclassError)) throw cause;
      return cause.code === "E_OPTION" ? cause : undefined;
    }
  };

/** The first point that may be tried. @throws `E_OPTION` where none is found */
export function firstAllowed(draw: () => Point, refusal: Refusal): Point {
  for (let left = MOST_DRAWS; ; left--) {
    const point = draw();
    const why = refusal(point);
    if (!why) return point;
    if (left === 1) fail("E_OPTION", `of ${MOST_DRAWS} points none can be tried: ${why.message}`, why);
  }
}

/** A point drawn evenly, of those that may be tried. */
export const randomPoint = (space: readonly Dimension[], random: Random, refusal = anyPoint): Point =>
  firstAllowed(
    () =>
      Object.fromEntries(
        space.map((dimension) => [
          dimension.name,
          dimension.kind === "range"
            ? numberAt(dimension, random.uniform())
            : dimension.values[random.integer(dimension.values.length)]!,
        ]),
      ),
    refusal,
  );
