// Moving averages of what phases move. An average belongs to its parameter: where several phases move one, at once or one after the
// other, it goes on through all of them.
import { fail } from "../base/errors.ts";
import { SCALAR_PREFIX, STATE_PREFIX } from "../graph/names.ts";
import * as g from "../graph/ops/index.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { Phase } from "../models/model.ts";
import { averagePath, type StateSpec } from "../nn/scope.ts";
import type { Program, StepGraph } from "../runtime/program.ts";
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

/**
 * Refuses averages that would mislead.
 * @param read parameters whose averages the phase reads
 * @throws `E_NAME` where no phase keeps one of them, or the phase moves a parameter whose average only others keep
 */
export function requireAverages(
  { phase, groups, decay }: Keeper,
  read: Iterable<string>,
  specs: ReadonlyMap<string, StateSpec>,
): void {
  for (const path of read)
    if (!specs.has(averagePath(path)))
      fail("E_NAME", `phase "${phase.name}" reads the moving average of "${path}", which no phase keeps: see emaDecay`);
  if (decay !== undefined) return;
  // The average would stand still while the parameter moves, and the average is what is evaluated.
  const still = pathsOf(groups).find((path) => specs.has(averagePath(path)));
  if (still !== undefined)
    fail(
      "E_NAME",
      `phase "${phase.name}" moves "${still}" and keeps no average of it, another phase does; give both the same emaDecay`,
    );
}

/**
 * Before a stage: parameters that its phases do not move become their averages, which they are evaluated with, and which would
 * otherwise stay behind for good.
 */
export function settleAverages(
  phases: readonly { readonly graph: StepGraph }[],
  specs: ReadonlyMap<string, StateSpec>,
  program: Program,
): void {
  const moved = new Set(phases.flatMap(({ graph }) => [...graph.updates.keys()]));
  for (const path of specs.keys()) {
    const average = averagePath(path);
    if (specs.has(average) && !moved.has(path)) program.read(path).data.set(program.read(average).data);
  }
}
