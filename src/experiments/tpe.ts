// The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl 2011, "Algorithms for Hyper-Parameter Optimization",
// section 4): where to look next, from what was found.
import { normalTails } from "../metrics/tails.ts";
import type { Random } from "../random/random.ts";
import {
  anyPoint,
  type Choice,
  type Dimension,
  firstAllowed,
  numberAt,
  placeIn,
  type Range,
  randomPoint,
} from "./space.ts";
import type { OptionValue, Point } from "./varied.ts";

/** A point that was tried, and its loss: the lower the better; Infinity where it failed. */
export interface Observed {
  readonly point: Point;
  readonly loss: number;
}

/** Points that are drawn evenly before anything is estimated. */
export const FIRST_POINTS = 10;
/** The share of points that count as good: γ. */
const GOOD = 0.15;
/** Points that are drawn, of which the best is taken. */
const CANDIDATES = 24;

/**
 * The next point to try. Of the points that were tried, the best share γ are the good ones, below the loss y*; l(x) is the density of
 * good points, and g(x) that of the others. The expected improvement below y* is proportional to (γ + (1 − γ) g(x) / l(x))⁻¹ (section
 * 4.1), so that of some points that are drawn from l the one with the largest l(x) / g(x) is taken. Options are independent of each
 * other, as in the paper where none depends on another: l and g are products over options.
 *
 * Densities of numbers are on places in 0..1: a mixture, with equal weights, of the even density and of a normal density cut off at
 * the ends for each value, whose deviation is the larger of the distances to its neighbours (section 4.2). Choices have the shares
 * of their counts, each plus one. We depart from the paper in that the even density is the prior of every number.
 *
 * Points that are refused are drawn again.
 */
export function suggest(
  space: readonly Dimension[],
  observed: readonly Observed[],
  random: Random,
  refusal = anyPoint,
): Point {
  if (observed.length < FIRST_POINTS) return randomPoint(space, random, refusal);
  const sorted = [...observed].sort((a, b) => a.loss - b.loss || 0);
  const count = Math.ceil(GOOD * sorted.length);
  const estimated = (all: readonly Observed[]) =>
    space.map((dimension) => {
      const values = all.map(({ point }) => point[dimension.name]!);
      return dimension.kind === "range" ? ofNumbers(dimension, values) : ofChoices(dimension, values);
    });
  const [l, g] = [estimated(sorted.slice(0, count)), estimated(sorted.slice(count))];
  const draw = () => Object.fromEntries(space.map(({ name }, i) => [name, l[i]!.draw(random)]));
  let best: { point: Point; score: number } | undefined;
  for (let candidate = 0; candidate < CANDIDATES; candidate++) {
    const point = firstAllowed(draw, refusal);
    const score = space.reduce(
      (sum, { name }, i) => sum + Math.log(l[i]!.density(point[name]!)) - Math.log(g[i]!.density(point[name]!)),
      0,
    );
    if (!best || score > best.score) best = { point, score };
  }
  return best!.point;
}

/** The density of an option's values. */
interface Density {
  density(value: OptionValue): number;
  draw(random: Random): OptionValue;
}

function ofChoices({ values }: Choice, tried: readonly OptionValue[]): Density {
  const all = [...tried, ...values];
  return {
    density: (value) => all.filter((one) => one === value).length / all.length,
    draw: (random) => all[random.integer(all.length)]!,
  };
}

function ofNumbers(range: Range, tried: readonly OptionValue[]): Density {
  const sorted = tried.map((value) => placeIn(range, Number(value))).sort((a, b) => a - b);
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
    density(value) {
      const place = placeIn(range, Number(value));
      const sum = bumps.reduce((total, { centre, deviation, inside }) => {
        const z = (place - centre) / deviation;
        return total + Math.exp((-z * z) / 2) / (deviation * Math.sqrt(2 * Math.PI) * inside);
      }, 1);
      return sum / (bumps.length + 1);
    },
    draw(random) {
      const bump = bumps[random.integer(bumps.length + 1)];
      if (!bump) return numberAt(range, random.uniform());
      for (;;) {
        random.fillNormal(normal);
        const place = bump.centre + bump.deviation * normal[0]!;
        if (place >= 0 && place <= 1) return numberAt(range, place);
      }
    },
  };
}

const normalBelow = (z: number): number => (z > 0 ? 1 - normalTails(z) / 2 : normalTails(z) / 2);
