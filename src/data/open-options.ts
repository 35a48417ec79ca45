// The options of `open`: what each means, and which values it may have.
import { z } from "zod";
import { checkedOptions, refuseUnknownOptions, shown } from "../base/checked-options.ts";
import { fail } from "../base/errors.ts";
import { isPairing, PAIR_NAMES, type Pairing, pairChange } from "./pairs.ts";
import { RESIZES, type Resize } from "./picture.ts";
import type { LabelAmount } from "./splits.ts";

/** Pictures with labels that are added to a training part. */
export interface AddedPictures {
  /** The path of any source that `open` reads, of which the training part is taken. Its classes are found by name. */
  readonly path: string;
  /** The share of a batch's places that they take, above 0 and up to 1. */
  readonly share: number;
}

/** How a data source is read and split. */
export interface OpenOptions {
  /**
   * How many labels of the training part are kept: a number for each class, a share of each class (`{ share: 0.1 }`) or a
   * number in all (`{ total: 100 }`); the other pictures count as unlabelled. By default all are kept.
   */
  labels?: LabelAmount;
  /** A folder of pictures without labels that are added to the training part. */
  unlabelled?: string;
  /** More pictures with labels for the training part. They are read at its size. */
  add?: AddedPictures;
  /**
   * Size in pixels that pictures are read at, 4..2048 each. By default they keep their own where all have the same and none
   * is larger than 96x96, and are photographs otherwise.
   */
  image?: { height: number; width: number };
  /** Pixels a side of photographs whose size `image` does not say, 4..2048. Default 64. */
  photographs?: number;
  /** How a picture of another shape becomes that size. Default `fit`. */
  resize?: Resize;
  /** Pairs are made of the pictures: see `withPairs`. */
  pairs?: Pairing;
  /**
   * Share of each class that is held out where the data has no validation part, from 0 to below 1; 0 holds nothing out.
   * Default 0.1.
   */
  validation?: number;
  /** Seed of the splits, a whole number in 0..2147483647. Default 0. */
  seed?: number;
  /** Bytes of decoded pictures that may be kept in memory; where there are more, a cache file holds them. Default 1 GiB. */
  memory?: number;
  /** Share of pictures that do not decode above which the data is refused, 0..1. Default 0.05. */
  maxUndecodable?: number;
  /**
   * Whether a class folder without pictures, or a class of which no picture decodes, is told in the warnings; else the data
   * is refused. Default false.
   */
  emptyClasses?: boolean;
  /** Is called while files are fetched and pictures are decoded. */
  progress?: OpenProgress;
}

/**
 * Is called with how far long work is: `fetch` counts the bytes of the file `what`, `decode` the pictures of the source
 * `what`. `total` is undefined where a server does not say how long a file is.
 */
export type OpenProgress = (task: "fetch" | "decode", what: string, done: number, total: number | undefined) => void;

/** The largest seed, of splits and of all that is random in a run. */
export const LARGEST_SEED = 2 ** 31 - 1;

const pixels = z.int().min(4).max(2048);

/** The allowed values of each option: those of a run, on the command line and in config.json, are the same. */
export const OPEN_VALUES = {
  // Two ways at once would leave open which of them counts.
  labels: z.union(
    [
      z.int().min(1),
      z.strictObject({ share: z.number().positive().max(1) }),
      z.strictObject({ total: z.int().min(1) }),
    ],
    { error: "expected a number a class as in 10, a share as in { share: 0.05 }, or { total: 100 }" },
  ),
  unlabelled: z.string().min(1),
  add: z.object(
    { path: z.string().min(1), share: z.number().positive().max(1) },
    { error: 'expected a path and a share of each batch, as in { path: "more", share: 0.5 }' },
  ),
  image: z.object(
    { height: pixels, width: pixels },
    { error: "expected height and width in pixels, as in { height: 28, width: 28 }" },
  ),
  photographs: pixels,
  resize: z.enum(Object.keys(RESIZES) as Resize[]),
  pairs: z
    .object(
      { change: z.enum(PAIR_NAMES), amount: z.number().optional() },
      { error: 'expected a change and its amount, as in { change: "denoise", amount: 0.5 }' },
    )
    .refine(isPairing, { error: ({ input }) => `expected ${amountOf(input as Pairing)}` }),
  validation: z.number().min(0).lt(1),
  seed: z.int().min(0).max(LARGEST_SEED),
  memory: z.union([z.number().min(0), z.literal(Number.POSITIVE_INFINITY)], { error: "expected a number of bytes" }),
  maxUndecodable: z.number().min(0).max(1),
  emptyClasses: z.boolean(),
  progress: z.custom<OpenProgress>((value) => typeof value === "function", { error: "expected a function" }),
} satisfies { readonly [K in keyof OpenOptions]-?: z.ZodType<NonNullable<OpenOptions[K]>> };

function amountOf({ change }: Pairing): string {
  const { amount } = pairChange(change);
  if (!amount) return `no amount, as ${change} has none`;
  return `an amount of ${amount.min}..${amount.max}${amount.whole ? ", whole" : ""}`;
}

const table = z.strictObject(OPEN_VALUES).partial();

/**
 * The options of a call of `open`.
 * @throws `E_OPTION` for an option that is not known, or a value that is not allowed
 */
export function checkedOpenOptions(given: OpenOptions): OpenOptions {
  if (typeof given !== "object" || given === null)
    fail("E_OPTION", `open: the options are ${shown(given)}; expected an object, as in { labels: 10 }`);
  refuseUnknownOptions("open", given, Object.keys(OPEN_VALUES));
  return checkedOptions("open", table, given);
}
