// Types of option values: how each is written as text, and which values are allowed. The command line reads text with
// them; config.json and library calls are checked with the same schemas.
import { resolve } from "node:path";
import { z } from "zod";
import type { ClassWeighting } from "../data/imbalance.ts";
import { type AddedPictures, OPEN_VALUES } from "../data/open-options.ts";
import { PAIR_NAMES, type PairChange, type Pairing, pairChange } from "../data/pairs.ts";
import type { LabelAmount } from "../data/splits.ts";
import { isTracking } from "./trackers/mlflow/server.ts";

/** Values that an option may have. */
export interface OptionType<T> {
  /** The allowed values. */
  readonly schema: z.ZodType<T>;
  /** What a message says after "expected". */
  readonly expected: string;
  /**
   * The value that text stands for; `schema` then decides whether it is allowed.
   * @param earlier the value so far, where an option is given several times: a list grows by each text
   */
  read(text: string, earlier?: T): unknown;
  /** The text that `read` takes for this value. Equal values give equal text. */
  write(value: T): string;
}

/** Pictures read at this size, in pixels. */
export interface ImageSize {
  /** In pixels. */
  readonly height: number;
  /** In pixels. */
  readonly width: number;
}

/** A validation metric, by its name without `validation/`, and the value that it shall reach. */
export interface Target {
  /** Name of the metric. */
  readonly metric: string;
  /** What it shall reach. */
  readonly value: number;
}

const numberOf = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));

/** A whole number in `low..high`. */
export function integer(low: number, high = Number.MAX_SAFE_INTEGER): OptionType<number> {
  return {
    schema: z.int().min(low).max(high),
    expected: `a whole number ${high === Number.MAX_SAFE_INTEGER ? `of at least ${low}` : `in ${low}..${high}`}`,
    read: numberOf,
    write: String,
  };
}

/** A finite number in `low..high`. */
export function number(low: number, high = Number.POSITIVE_INFINITY): OptionType<number> {
  return {
    schema: z.number().min(low).max(high),
    expected: `a number ${high === Number.POSITIVE_INFINITY ? `of at least ${low}` : `in ${low}..${high}`}`,
    read: numberOf,
    write: String,
  };
}

/** One of a few names. */
export function choice<T extends string>(names: readonly T[]): OptionType<T> {
  return { schema: z.enum(names), expected: `one of ${names.join(", ")}`, read: (text) => text, write: String };
}

/** Text that is not empty: `what` says what it names. */
export function text(what: string): OptionType<string> {
  return { schema: z.string().min(1), expected: what, read: (given) => given, write: String };
}

/** A tracker, and where its server is: see `trackers/mlflow/server.ts`. */
export const tracking: OptionType<string> = {
  schema: z.string().refine(isTracking),
  expected:
    "mlflow, or mlflow=URI with the http or https address of a tracking server, without user, password and query (those are in MLFLOW_TRACKING_USERNAME, _PASSWORD or _TOKEN)",
  read: (given) => given,
  write: String,
};

/** A path: `what` says of what. It is kept as an absolute one, since a run goes on in other working directories too. */
export function path(what: string): OptionType<string> {
  return {
    schema: z
      .string()
      .min(1)
      .transform((given) => resolve(given)),
    expected: what,
    read: (given) => given,
    write: (value) => resolve(value),
  };
}

/** A list of `what`, one text each. */
export function list(what: string): OptionType<readonly string[]> {
  return {
    schema: z.array(z.string().min(1)).min(1),
    expected: what,
    read: (given, earlier = []) => [...earlier, given],
    write: (values) => values.join(" "),
  };
}

/** Names and what each becomes, as `old=new`, one text each. */
export const renames: OptionType<Readonly<Record<string, string>>> = {
  schema: z.record(z.string().min(1), z.string().min(1)),
  expected: "OLD=NEW, as in encoder=features",
  read(given, earlier = {}) {
    const [from, to, ...rest] = given.split("=");
    return to === undefined || rest.length > 0 ? undefined : { ...earlier, [from!]: to };
  },
  write: (pairs) => pairsOf(pairs).join(" "),
};

/** A share of 1, also in per cent: `0.1` or `10%`. */
export function share(low: number, high: number): OptionType<number> {
  return {
    schema: z.number().min(low).max(high),
    expected: `a share in ${low}..${high}, or per cent as in 10%`,
    read(given) {
      const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(given);
      return percent ? Number(percent[1]) / 100 : numberOf(given);
    },
    write: String,
  };
}

/** `64x48`: height 64, width 48, 4..2048 pixels each; `64`: both. */
export const imageSize: OptionType<ImageSize> = {
  schema: OPEN_VALUES.image,
  expected: "HEIGHTxWIDTH in pixels, 4..2048 each, as in 64x48, or 64 for 64x64",
  read(given) {
    const [, height, width = height] = /^(\d{1,4})(?:x(\d{1,4}))?$/.exec(given) ?? [];
    return height && { height: Number(height), width: Number(width) };
  },
  write: ({ height, width }) => `${height}x${width}`,
};

/** `10`: so many labels of each class; `5%`: a share of each class; `total=100`: so many in all. */
export const labelAmount: OptionType<LabelAmount> = {
  schema: OPEN_VALUES.labels,
  expected: "a number a class as in 10, a share as in 5%, or total=100",
  read(given) {
    const [, each, percent, total] = /^(?:(\d{1,9})|(\d{1,3}(?:\.\d+)?)%|total=(\d{1,9}))$/.exec(given) ?? [];
    if (each !== undefined) return Number(each);
    return percent === undefined ? { total: numberOf(total ?? "") } : { share: Number(percent) / 100 };
  },
  write(amount) {
    if (typeof amount === "number") return String(amount);
    if ("total" in amount) return `total=${amount.total}`;
    // 100 · 0.07 is 7.000000000000001 in float64.
    return `${Number((100 * amount.share).toPrecision(15))}%`;
  },
};

/** `more/`: a path, whose pictures take half of each batch; `more/:0.2`: another share of it. */
export const addedPictures: OptionType<AddedPictures> = {
  schema: OPEN_VALUES.add.extend({ path: path("a path").schema }),
  expected: "PATH or PATH:SHARE with a share of each batch above 0 and up to 1, as in more/:0.25",
  read(given) {
    const [, source = given, part = "0.5"] = /^(.+):([\d.]+)$/.exec(given) ?? [];
    return { path: source, share: numberOf(part) };
  },
  write: ({ path, share }) => `${resolve(path)}:${share}`,
};

/** `denoise=0.3`: a way to make pairs of pictures and its amount, which has a default. */
export const pairing: OptionType<Pairing> = {
  schema: OPEN_VALUES.pairs,
  expected: `one of ${PAIR_NAMES.map((name) => {
    const { amount } = pairChange(name);
    return amount ? `${name}=NUMBER (${amount.whole ? "whole, " : ""}${amount.min}..${amount.max})` : name;
  }).join(", ")}`,
  read(given) {
    const [change, amount, ...rest] = given.split("=");
    if (rest.length > 0 || !PAIR_NAMES.some((name) => name === change)) return undefined;
    const usual = pairChange(change as PairChange).amount?.default;
    const number = amount === undefined ? usual : numberOf(amount);
    return number === undefined ? { change } : { change, amount: number };
  },
  write: ({ change, amount }) => (amount === undefined ? change : `${change}=${amount}`),
};

/** Not zod's own record, which leaves out a class that is called `__proto__`. */
const weightsByName = z.custom<Readonly<Record<string, number>>>(
  (value) => typeof value === "object" && value !== null && Object.values(value).every(Number.isFinite),
);

/** `none`, `balanced`, `sqrt`, or weights by class name as in `cat=2,dog=0.5`. */
export const classWeighting: OptionType<ClassWeighting> = {
  schema: z.union([z.enum(["none", "balanced", "sqrt"]), weightsByName]),
  expected: "none, balanced, sqrt, or CLASS=WEIGHT,… as in cat=2,dog=0.5",
  read(given) {
    if (!given.includes("=")) return given;
    const pairs = given.split(",").map((word) => /^(.+)=([0-9.eE+-]+)$/.exec(word.trim()));
    return (
      pairs.every((pair) => pair !== null) && Object.fromEntries(pairs.map(([, name, weight]) => [name, +weight!]))
    );
  },
  write: (how) => (typeof how === "string" ? how : pairsOf(how).join(",")),
};

/** `accuracy=0.99` */
export const target: OptionType<Target> = {
  schema: z.object({ metric: z.string(), value: z.number() }),
  expected: "METRIC=NUMBER, as in accuracy=0.99",
  read(given) {
    const match = /^([A-Za-z0-9]+)=([0-9.eE+-]+)$/.exec(given);
    return match && { metric: match[1], value: Number(match[2]) };
  },
  write: ({ metric, value }) => `${metric}=${value}`,
};

/** `name=value` in the order of names, so that equal records give equal text. */
function pairsOf(record: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(record)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}
