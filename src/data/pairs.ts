// Pairs of pictures made by the program: from any picture one that lacks something, which a model learns to give back.
import { fail } from "../base/errors.ts";
import { Random } from "../random/random.ts";
import { colour, denoise, edges, inpaint, superresolve } from "./changes/degrade.ts";
import type { Dataset, ImageSet } from "./dataset.ts";
import type { PictureChange, PictureShape } from "./picture.ts";
import type { Pixels } from "./pixels.ts";

interface PairChangeInfo {
  /** What the first picture of a pair is, and what the amount means. */
  readonly doc: string;
  /** Where the change has an amount. */
  readonly amount?: { readonly default: number; readonly min: number; readonly max: number; readonly whole?: true };
  change(amount: number): PictureChange;
}

/** Ways to make the first picture of a pair from the second, by name: what a model shall then do. */
export const PAIR_CHANGES = {
  denoise: {
    doc: "normal noise of this standard deviation, as a share of the range, cut off at black and white",
    amount: { default: 0.5, min: 0.01, max: 2 },
    change: denoise,
  },
  inpaint: {
    doc: "a square at a random place is grey; its side is half of this to this share of the picture's",
    amount: { default: 0.5, min: 0.05, max: 1 },
    change: inpaint,
  },
  edges: { doc: "edges alone (Sobel)", change: () => edges },
  colour: { doc: "brightness alone", change: () => colour },
  superresolve: {
    doc: "squares of this side, in pixels, become their mean",
    amount: { default: 2, min: 2, max: 16, whole: true },
    change: superresolve,
  },
} as const satisfies Record<string, PairChangeInfo>;

/** The name of a way to make pairs. */
export type PairChange = keyof typeof PAIR_CHANGES;
/** The names of all. */
export const PAIR_NAMES = Object.keys(PAIR_CHANGES) as readonly PairChange[];

/** How pairs are made. */
export interface Pairing {
  /** What is done to a picture to make its partner. */
  readonly change: PairChange;
  /** In the range that `PAIR_CHANGES` gives; absent where the change has none. */
  readonly amount?: number;
}

/** What is known of a change, by name. */
export const pairChange = (name: PairChange): PairChangeInfo => PAIR_CHANGES[name];

/** Whether a pairing has an amount in the range of its change, or none where that has none. */
export function isPairing({ change, amount }: Pairing): boolean {
  const range = pairChange(change).amount;
  if (!range) return amount === undefined;
  return (
    amount !== undefined && amount >= range.min && amount <= range.max && (!range.whole || Number.isInteger(amount))
  );
}

/**
 * Makes pairs of single pictures. The pictures stay what a model shall give, with their labels; their partners, which it is
 * given, are made of them: in training anew at each visit, in held-out parts once and for all, by the seed.
 * @throws `E_OPTION` for an amount out of range, pictures whose colour cannot be taken away, or data that has pairs already
 */
export function withPairs(data: Dataset, pairing: Pairing, seed: number): Dataset {
  const { train } = data;
  if (!isPairing(pairing))
    fail("E_OPTION", `pairs ${pairing.change}: ${pairing.amount} is not in the range of its amount`);
  if (pairing.change === "colour" && train.channels === 1)
    fail("E_OPTION", `--pairs colour: the pictures of ${data.name} are greyscale; it needs colour pictures`);
  if (train.partner)
    fail("E_OPTION", `--pairs ${pairing.change}: ${data.name} has pairs of pictures already; leave --pairs out`);
  const change = pairChange(pairing.change).change(pairing.amount ?? 0);
  const held = (set: ImageSet | undefined, part: string): ImageSet | undefined =>
    set && { ...set, partner: changedOnce(set.pixels, set, change, seed, part) };
  return {
    ...data,
    train: { ...train, partner: change },
    validation: held(data.validation, "validation"),
    test: held(data.test, "test"),
  };
}

/** Pictures changed by a seed and their numbers: the same whenever they are read. */
function changedOnce(of: Pixels, shape: PictureShape, change: PictureChange, seed: number, part: string): Pixels {
  return {
    ...of,
    ready: of.ready && ((index) => of.ready!(index)),
    usable: (index) => of.usable(index),
    read(index, out, at) {
      of.read(index, out, at);
      change(out.subarray(at, at + of.size), shape, new Random(seed, `pairs:${part}:${index}`));
    },
  };
}
