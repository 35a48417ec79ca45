// How rare a value of a statistic is among known values, as a table that is a few lines of arithmetic in any runtime.
import { weibullQuantile } from "./quantile.ts";

/** Points of a table. */
export const TABLE_POINTS = 257;
/** Share of the known values beyond each end of a table, at least: there the tail is taken to be exponential. */
const TAIL_SHARE = 0.01;
/** Known values from which the slope of a tail is fitted, at least. */
const TAIL_VALUES = 10;

/** Which values are rare: those on either side of the known ones, or those above them alone, as of a distance. */
export type RareSide = "both" | "above";

/**
 * The rarity of a value x: -ln(2 min(F(x), 1 - F(x))), where F is the distribution of the known values: 0 at their median, and
 * larger on both sides; or -ln(1 - F(x)), where only what lies above is rare. It is linear between the knots, which lie at evenly spaced probabilities, and linear beyond the
 * outermost ones, which makes both tails exponential: an empirical F would count all that lies beyond the largest value alike.
 */
export interface TailTable {
  /** Where the knots lie, ascending `[TABLE_POINTS]`. */
  readonly knots: Float32Array;
  /** Rarity at the knots `[TABLE_POINTS]`. */
  readonly heights: Float32Array;
  /** Rarity a unit below the first knot and above the last; not negative. */
  readonly slopes: readonly [below: number, above: number];
}

/** The table of some known values, at least 2. */
export function fitTailTable(values: Float64Array, side: RareSide = "both"): TailTable {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  const end = Math.max(TAIL_SHARE, 1 / (n + 1));
  const knots = new Float32Array(TABLE_POINTS);
  const heights = new Float32Array(TABLE_POINTS);
  for (let j = 0; j < TABLE_POINTS; j++) {
    const p = end + ((1 - 2 * end) * j) / (TABLE_POINTS - 1);
    knots[j] = weibullQuantile(sorted, p);
    heights[j] = -Math.log(side === "both" ? 2 * Math.min(p, 1 - p) : 1 - p);
  }
  // Equal values, as of a statistic that has but a few: knots must ascend, by more than float32 rounds.
  const step = Math.max(
    (sorted[n - 1]! - sorted[0]!) * 1e-5,
    Math.max(Math.abs(sorted[0]!), Math.abs(sorted[n - 1]!)) * 1e-6,
    1e-9,
  );
  for (let j = 1; j < TABLE_POINTS; j++) knots[j] = Math.max(knots[j]!, knots[j - 1]! + step);
  const inTail = Math.min(n >> 1, Math.max(TAIL_VALUES, Math.ceil(TAIL_SHARE * n)));
  const below = side === "both" ? tailSlope(sorted, inTail, -1, step) : 0;
  return { knots, heights, slopes: [below, tailSlope(sorted, inTail, 1, step)] };
}

/** The rate of an exponential tail: one over the mean excess of the outermost values over where the tail begins. */
function tailSlope(sorted: Float64Array, count: number, side: -1 | 1, least: number): number {
  const n = sorted.length;
  const at = (i: number) => (side > 0 ? sorted[n - 1 - i]! : sorted[i]!);
  let excess = 0;
  for (let i = 0; i < count; i++) excess += (side * (at(i) - at(count))) / count;
  return 1 / Math.max(excess, least);
}

/** The rarity of a value by a table; the graph of `novelty` computes the same. */
export function rarity({ knots, heights, slopes }: TailTable, x: number): number {
  const last = knots.length - 1;
  if (x <= knots[0]!) return heights[0]! + (knots[0]! - x) * slopes[0];
  if (x >= knots[last]!) return heights[last]! + (x - knots[last]!) * slopes[1];
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (knots[middle]! <= x) low = middle;
    else high = middle;
  }
  const share = (x - knots[low]!) / (knots[high]! - knots[low]!);
  return heights[low]! + share * (heights[high]! - heights[low]!);
}
