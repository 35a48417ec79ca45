// Which options mattered: the share of the variance of the objective over the whole space that each option explains alone, by a
// small random forest of what was tried (Hutter, Hoos and Leyton-Brown 2014, "An Efficient Approach for Assessing Hyperparameter
// Importance"). Where they integrate over the leaves of the trees, we average over points that are drawn: on so few trials the
// forest is the larger error.
import { Random } from "../random/random.ts";
import { type Dimension, numberAt, placeIn, randomPoint } from "./space.ts";
import type { OptionValue, Point } from "./varied.ts";

const TREES = 64;
/** Trials in a leaf, at least. */
const SMALLEST_LEAF = 2;
/** Points over which the other options are averaged. */
const DRAWN = 200;
/** Values of a number at which its effect is looked at. */
const LEVELS = 12;
/** Fewer trials tell nothing. */
export const FEWEST_TRIALS = 10;

/** A tree: a value, or a question about one option, with the trees of both answers. */
type Tree = number | { readonly asks: (point: Point) => boolean; readonly yes: Tree; readonly no: Tree };

interface Trial {
  readonly point: Point;
  readonly value: number;
}

/**
 * The share of the variance that each option explains alone, 0..1, by name; what is missing from 1 is of options together. Undefined
 * for too few trials, or where all have the same value.
 */
export function importance(
  space: readonly Dimension[],
  trials: readonly Trial[],
): Readonly<Record<string, number>> | undefined {
  if (trials.length < FEWEST_TRIALS) return undefined;
  const random = new Random(0, "importance");
  const trees = Array.from({ length: TREES }, () =>
    grow(
      space,
      trials.map(() => trials[random.integer(trials.length)]!),
    ),
  );
  const predict = (point: Point) => trees.reduce<number>((sum, tree) => sum + answer(tree, point), 0) / TREES;
  const drawn = Array.from({ length: DRAWN }, () => randomPoint(space, random));
  const total = variance(drawn.map(predict));
  if (!(total > 0)) return undefined;
  return Object.fromEntries(
    space.map((dimension) => {
      const effects = levelsOf(dimension).map(
        (value) => drawn.reduce((sum, point) => sum + predict({ ...point, [dimension.name]: value }), 0) / DRAWN,
      );
      return [dimension.name, Math.min(1, variance(effects) / total)];
    }),
  );
}

const levelsOf = (dimension: Dimension): readonly OptionValue[] =>
  dimension.kind === "choice"
    ? dimension.values
    : Array.from({ length: LEVELS }, (_, i) => numberAt(dimension, (i + 0.5) / LEVELS));

function grow(space: readonly Dimension[], trials: readonly Trial[]): Tree {
  const here = squares(trials);
  let best: { left: number; asks: (point: Point) => boolean; yes: Trial[]; no: Trial[] } | undefined;
  for (const asks of space.flatMap((dimension) => questions(dimension, trials))) {
    const yes = trials.filter(({ point }) => asks(point));
    const no = trials.filter(({ point }) => !asks(point));
    if (yes.length < SMALLEST_LEAF || no.length < SMALLEST_LEAF) continue;
    const left = squares(yes) + squares(no);
    if (left < (best?.left ?? here * (1 - 1e-9))) best = { left, asks, yes, no };
  }
  if (!best) return trials.reduce((sum, { value }) => sum + value, 0) / trials.length;
  return { asks: best.asks, yes: grow(space, best.yes), no: grow(space, best.no) };
}

/** Whether a number lies below the middle of two that were tried; whether a choice is a certain one. */
function questions(dimension: Dimension, trials: readonly Trial[]): ((point: Point) => boolean)[] {
  const { name } = dimension;
  if (dimension.kind === "choice") return dimension.values.map((value) => (point) => point[name] === value);
  const place = (point: Point) => placeIn(dimension, Number(point[name]));
  const places = [...new Set(trials.map(({ point }) => place(point)))].sort((a, b) => a - b);
  return places.slice(1).map((at, i) => {
    const middle = (at + places[i]!) / 2;
    return (point) => place(point) < middle;
  });
}

function answer(tree: Tree, point: Point): number {
  let at = tree;
  while (typeof at !== "number") at = at.asks(point) ? at.yes : at.no;
  return at;
}

/** The sum of squared distances from the mean. */
const squares = (trials: readonly Trial[]): number => trials.length * variance(trials.map(({ value }) => value));

function variance(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
}
