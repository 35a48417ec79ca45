// The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl 2011, "Algorithms for Hyper-Parameter Optimization",
// section 4): where to look next, from what was found.
import { normalTails } from "../metrics/tails.ts";
import type { Random } from "../random/random.ts";
import {
  type Choice,
  type Dimension,
  numberAt,
  type OptionValue,
  type Point,
  placeIn,
  type Range,
  randomPoint,
} from "./space.ts";

/** A point that was tried, and its loss: the lower the better; Infinity where it failed. */
export interface Observed {
  readonly point: Point;
  readonly loss: number;
}

/** Points that are drawn evenly before anything is estimated. */
export const FIRST_POINTS = 10;
/** The share of points that count as good: γ. */
const GOOD = 0.25;
/** Values of each option that are drawn, of which the best is taken. */
const CANDIDATES = 24;

/**
 * The next point to try. Of the points that were tried, the best share γ are the good ones, below the loss y*. For each option, l(x)
 * is the density of its values in good points, and g(x) that in the others. The expected improvement below y* is proportional to
 * (γ + (1 − γ) g(x) / l(x))⁻¹ (equation 3 of section 4.1), so that the value with the largest l(x) / g(x) is taken, of some that are
 * drawn from l. Options are independent of each other, as in the paper where no option depends on another.
 *
 * Densities of numbers are on places in 0..1: a mixture, with equal weights, of the even density and of a normal density cut off at
 * the ends for each value, whose deviation is the larger of the distances to its neighbours (section 4.2). Choices have the shares
 * of their counts plus one. We depart from the paper in γ (0.25 for 0.15) and in that the even density is the prior.
 */
export function suggest(space: readonly Dimension[], observed: readonly Observed[], random: Random): Point {
  if (observed.length < FIRST_POINTS) return randomPoint(space, random);
  const sorted = [...observed].sort((a, b) => a.loss - b.loss || 0);
  const count = Math.ceil(GOOD * sorted.length);
  const [good, others] = [sorted.slice(0, count), sorted.slice(count)];
  return Object.fromEntries(
    space.map((dimension) => {
      const [l, g] = [good, others].map((all) => all.map(({ point }) => point[dimension.name]!)) as [Values, Values];
      const value =
        dimension.kind === "range" ? nextNumber(dimension, l, g, random) : nextChoice(dimension, l, g, random);
      return [dimension.name, value];
    }),
  );
}

/** What good points, or the others, have for an option. */
type Values = readonly OptionValue[];

function nextNumber(range: Range, good: Values, others: Values, random: Random): OptionValue {
  const [l, g] = [good, others].map((values) => parzen(values.map((value) => placeIn(range, Number(value)))));
  const drawn = Array.from({ length: CANDIDATES }, () => l!.draw(random));
  return numberAt(
    range,
    largest(drawn, (place) => l!.density(place) / g!.density(place)),
  );
}

function nextChoice({ values }: Choice, good: Values, others: Values, random: Random): OptionValue {
  const share = (all: Values, value: OptionValue) =>
    (all.filter((one) => one === value).length + 1) / (all.length + values.length);
  const drawn = Array.from({ length: CANDIDATES }, () => {
    const at = random.integer(good.length + values.length);
    return good[at] ?? values[at - good.length]!;
  });
  return largest(drawn, (value) => share(good, value) / share(others, value));
}

const largest = <T>(all: readonly T[], score: (one: T) => number): T =>
  all.reduce((best, one) => (score(one) > score(best) ? one : best));

/** The density of some places in 0..1. */
interface Density {
  density(place: number): number;
  draw(random: Random): number;
}

function parzen(places: readonly number[]): Density {
  const sorted = [...places].sort((a, b) => a - b);
  // Narrower than this, many values that are nearly the same would keep all others away.
  const narrowest = 1 / Math.min(100, sorted.length + 2);
  const bumps = sorted.map((centre, i) => {
    const [below, above] = [centre - (sorted[i - 1] ?? 0), (sorted[i + 1] ?? 1) - centre];
    const deviation = Math.max(narrowest, below, above);
    const inside = normalBelow((1 - centre) / deviation) - normalBelow(-centre / deviation);
    return { centre, deviation, inside };
  });
  const normal = new Float32Array(1);
  return {
    density: (place) =>
      bumps.reduce((sum, { centre, deviation, inside }) => {
        const z = (place - centre) / deviation;
        return sum + Math.exp((-z * z) / 2) / (deviation * Math.sqrt(2 * Math.PI) * inside);
      }, 1) /
      (bumps.length + 1),
    draw(random) {
      const bump = bumps[random.integer(bumps.length + 1)];
      if (!bump) return random.uniform();
      for (;;) {
        random.fillNormal(normal);
        const place = bump.centre + bump.deviation * normal[0]!;
        if (place >= 0 && place <= 1) return place;
      }
    },
  };
}

const normalBelow = (z: number): number => (z > 0 ? 1 - normalTails(z) / 2 : normalTails(z) / 2);
