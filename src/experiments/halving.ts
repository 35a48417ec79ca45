// Successive halving (Jamieson and Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", section
// 3): all points are trained a little, the better ones go on. A run rests where it stands, under the schedule of its full budget,
// and goes on exactly from there; nothing is trained twice.
import type { Rest } from "./job.ts";

/** The share of points that go on is one in so many; the paper has 2, of which 3 is the usual variant (Li et al. 2018, Hyperband). */
const ETA = 3;

/** A part of the search: how far points are trained, and how many then go on. */
export interface Rung {
  /** Undefined: to the end. */
  readonly rests: Rest | undefined;
  readonly kept: number;
}

/**
 * The rungs for a number of points, of which the last trains to the end. A rung trains three times as far as the one before, and a
 * third of the points reach it.
 * @param budget of a whole run
 */
export function rungsOf(points: number, budget: Rest): Rung[] {
  const epochs = "epochs" in budget;
  const whole = epochs ? budget.epochs : budget.seconds;
  const halvings = Math.min(powersIn(points), epochs ? powersIn(whole) : Number.POSITIVE_INFINITY);
  return Array.from({ length: halvings + 1 }, (_, rung) => {
    const amount = whole / ETA ** (halvings - rung);
    const rests = epochs ? { epochs: Math.ceil(amount) } : { seconds: amount };
    return {
      rests: rung === halvings ? undefined : rests,
      kept: Math.max(1, Math.floor(points / ETA ** (rung + 1))),
    };
  });
}

/** How many times a number can be divided by three before it is less than one. */
function powersIn(value: number): number {
  let count = 0;
  while (ETA ** (count + 1) <= value) count++;
  return count;
}

/** Which of some go on: the numbers of the `kept` least losses, in order; none that failed. */
export const survivors = (losses: readonly number[], kept: number): number[] =>
  losses
    .map((_, i) => i)
    .filter((i) => losses[i]! < Number.POSITIVE_INFINITY)
    .sort((a, b) => losses[a]! - losses[b]!)
    .slice(0, kept)
    .sort((a, b) => a - b);
