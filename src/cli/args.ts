// Values of options, checked: each message says what was given, what is expected.
import { InvalidArgumentError } from "commander";
import { fail } from "../base/errors.ts";
import type { ClassWeighting } from "../data/imbalance.ts";
import type { LabelAmount } from "../data/splits.ts";

export function integer(low: number, high = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < low || value > high || text.trim() === "")
      throw new InvalidArgumentError(
        `expected a whole number ${high === Number.MAX_SAFE_INTEGER ? `of at least ${low}` : `in ${low}..${high}`}.`,
      );
    return value;
  };
}

export function number(low: number, high = Number.POSITIVE_INFINITY) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isFinite(value) || value < low || value > high || text.trim() === "")
      throw new InvalidArgumentError(
        `expected a number ${high === Number.POSITIVE_INFINITY ? `of at least ${low}` : `in ${low}..${high}`}.`,
      );
    return value;
  };
}

/** `64x64` as height and width. */
export function imageSize(text: string): { height: number; width: number } {
  const match = /^(\d{1,4})x(\d{1,4})$/.exec(text);
  const [height, width] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || height < 4 || width < 4 || height > 2048 || width > 2048)
    throw new InvalidArgumentError("expected HEIGHTxWIDTH in pixels, 4..2048 each, as in 64x64.");
  return { height, width };
}

/** One of the names. */
export function oneOf<T extends string>(names: readonly T[]) {
  return (text: string): T => {
    const found = names.find((name) => name === text);
    if (found === undefined) throw new InvalidArgumentError(`expected one of ${names.join(", ")}.`);
    return found;
  };
}

/** `10`: a class; `5%`: of each class; `total=100`: in all. */
export function labelAmount(text: string): LabelAmount {
  const match = /^(?:(\d{1,9})|(\d{1,3}(?:\.\d+)?)%|total=(\d{1,9}))$/.exec(text);
  const [, each, percent, total] = match ?? [];
  if (Number(each) >= 1) return Number(each);
  if (Number(percent) > 0 && Number(percent) <= 100) return { share: Number(percent) / 100 };
  if (Number(total) >= 1) return { total: Number(total) };
  throw new InvalidArgumentError("expected a number a class as in 10, a share as in 5%, or total=100.");
}

/** `none`, `balanced`, `sqrt`, or `cat=2,dog=0.5`. */
export function classWeighting(text: string): ClassWeighting {
  if (text === "none" || text === "balanced" || text === "sqrt") return text;
  const pairs = text.split(",").map((word) => /^(.+)=([0-9.eE+-]+)$/.exec(word.trim()));
  if (pairs.some((pair) => !pair || !Number.isFinite(Number(pair[2]))))
    throw new InvalidArgumentError("expected none, balanced, sqrt, or CLASS=WEIGHT,… as in cat=2,dog=0.5.");
  return Object.fromEntries(pairs.map((pair) => [pair![1]!, Number(pair![2])]));
}

/** `accuracy=0.99` */
export function target(text: string): { metric: string; value: number } {
  const match = /^([A-Za-z0-9]+)=([0-9.eE+-]+)$/.exec(text);
  const value = Number(match?.[2]);
  if (!match || !Number.isFinite(value)) throw new InvalidArgumentError("expected METRIC=NUMBER, as in accuracy=0.99.");
  return { metric: match[1]!, value };
}

/** Collects `key=value` words. */
export function keyValues(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at < 1) fail("E_OPTION", `--set ${word}: expected key=value, as in --set latent=16`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}
