// Values of options, checked: each message says what was given, what is expected.
import { InvalidArgumentError } from "commander";
import { fail } from "../base/errors.ts";

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
