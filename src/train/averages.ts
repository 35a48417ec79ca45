// Moving averages of what phases move. An average belongs to its parameter: where several phases move one, at once or one after the
// other, it goes on through all of them.
import { SCALAR_PREFIX, STATE_PREFIX } from "../graph/names.ts";
import * as g from "../graph/ops/index.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { Phase } from "../models/model.ts";
import { averagePath, type StateSpec } from "../nn/scope.ts";
import { pathsOf, type TrainedGroup } from "./groups.ts";

/** Steps that each phase has taken, by name. */
export type StepsTaken = Readonly<Record<string, number>>;

/** The steps that some phases have taken, together. */
export const stepsOf = (phases: readonly string[], taken: StepsTaken): number =>
  phases.reduce((sum, name) => sum + (taken[name] ?? 0), 0);

/** Scalars of a step that move averages towards the newest weights: shares of the way, by name. */
export type AverageRates = (taken: StepsTaken) => Record<string, number>;

/** A phase that may keep averages. */
interface Keeper {
  readonly phase: Phase;
  readonly groups: readonly TrainedGroup[];
  /** Absent: it keeps none. */
  readonly decay?: number;
  readonly updates: Map<string, Tensor>;
}

/** The scalars are 1 - decay; numbered, as parameters of one phase may have been averaged for different times. */
const rateName = (number: number): string => `averageRate/${number}`;

/**
 * Adds the moving averages of parameters to the state and to the phases' updates.
 * @returns by phase, the scalars of its averages
 */
export function keepAverages(phases: readonly Keeper[], specs: Map<string, StateSpec>): Map<string, AverageRates> {
  const keepers = new Map<string, string[]>();
  const averaging = phases.filter(({ decay }) => decay !== undefined);
  for (const { phase, groups } of averaging)
    for (const path of pathsOf(groups)) keepers.set(path, [...(keepers.get(path) ?? []), phase.name]);
  return new Map(
    averaging.map(({ phase, groups, updates, decay }) => {
      /** Phases that average a parameter together, by the number of their scalar. */
      const together: string[][] = [];
      for (const path of pathsOf(groups)) {
        const names = keepers.get(path)!;
        const known = together.findIndex((others) => others.join("\n") === names.join("\n"));
        const number = known >= 0 ? known : together.push(names) - 1;
        const spec = specs.get(path)!;
        const average = input(STATE_PREFIX + averagePath(path), spec.shape);
        const rate = input(SCALAR_PREFIX + rateName(number), []);
        specs.set(averagePath(path), { ...spec, trainable: false });
        updates.set(averagePath(path), g.add(average, g.mul(g.sub(updates.get(path)!, average), rate)));
      }
      // The average follows quickly at first: a fixed decay would remember the first weights for thousands of steps.
      const rate = (step: number) => 1 - Math.min(decay!, step / (step + 9));
      const rates: AverageRates = (taken) =>
        Object.fromEntries(together.map((names, number) => [rateName(number), rate(stepsOf(names, taken))]));
      return [phase.name, rates];
    }),
  );
}
