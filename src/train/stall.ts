// A stage that got nowhere begins anew: some first weights lead to where training does not get out again.
import { fail } from "../base/errors.ts";
import type { Stage } from "../models/model.ts";
import type { StateSpec } from "../nn/scope.ts";
import type { Program } from "../runtime/program.ts";
import type { CompiledStage } from "./compiled.ts";
import type { Metrics } from "./events.ts";
import type { FitOptions } from "./fit-options.ts";
import type { TrainingProgress } from "./progress.ts";
import { firstState, picturesToMeasure } from "./weights.ts";

/** What is done about a stage that got nowhere, and said. */
export interface Stalled {
  /** Whether it begins anew; else it goes on. */
  readonly isAnew: boolean;
  /** For people. */
  readonly text: string;
}

/**
 * Whether a stage got nowhere: asked once, at the end of the first epoch after as many steps as its rule says. It begins anew once, and
 * only where at least as many steps are left as were taken, and its first weights were drawn: those of another run are not drawn anew.
 * @param metrics of the epoch that has ended
 */
export function stalled(
  { stalls }: Stage,
  { stage, isTuned }: TrainingProgress,
  metrics: Metrics,
  stepsPerEpoch: number,
): Stalled | undefined {
  const { step, planned } = stage;
  if (!stalls || planned === null || step >= planned || step % stepsPerEpoch > 0) return undefined;
  if (step < stalls.after || step - stepsPerEpoch >= stalls.after) return undefined;
  const value = metrics[`train/${stalls.loss}`];
  if (value === undefined || value <= stalls.above) return undefined;
  const seen = `${stalls.loss} is ${Number(value.toPrecision(3))} after ${step} steps, and below ${stalls.above} where training gets anywhere`;
  if (isTuned)
    return { isAnew: false, text: `${seen}; it goes on, as its first weights are another run's: try another --from` };
  if (stage.stepsBefore !== undefined)
    return { isAnew: false, text: `${seen}: again, so it goes on; try another --seed` };
  if (planned - step < step)
    return { isAnew: false, text: `${seen}; too little of it is left to begin anew: try another --seed` };
  return {
    isAnew: true,
    text: `${seen}: the stage begins anew from other first weights, for the ${planned - step} steps that are left`,
  };
}

/**
 * Refuses a rule that could never be asked, or whose stage could not begin anew.
 * @param losses `PHASE/LOSS` of all phases
 * @param tellsAll whether a loss that says nothing of mixed pictures or soft labels would be there too
 * @throws `E_NAME`
 */
export function requireStall({ stalls, phases, solve }: Stage, losses: readonly string[], tellsAll: boolean): void {
  if (!stalls) return;
  const { loss, after } = stalls;
  if (solve) fail("E_NAME", `a stage that is solved cannot begin anew as "${loss}" is high; leave out its stalls`);
  if (!(after > 0)) fail("E_NAME", `stalls of "${loss}" are looked at after ${after} steps; expected more than 0`);
  const own = losses.filter((name) => phases.some((phase) => name.startsWith(`${phase.name}/`)));
  const phase = phases.find(({ name }) => loss.startsWith(`${name}/`));
  if (!phase || (tellsAll && !own.includes(loss)))
    fail("E_NAME", `stalls look at "${loss}", which is no loss of their stage; expected one of ${own.join(", ")}`);
  const later = phases.find(({ continues }) => continues && !phases.some(({ name }) => name === continues));
  if (later)
    fail(
      "E_NAME",
      `phase "${later.name}" continues "${later.continues}" of a stage before, and its stage may begin anew; leave out one of the two`,
    );
}

/** The seed of first weights of a stage that begins anew: none that another run is likely to have been given. */
export const otherSeed = (seed: number): number => (seed ^ 0x40000000) >>> 0;

/** Gives all that a stage moves other first values, and the stage the steps that are left of it. No step may be in flight. */
export async function beginAnew(
  { phases }: CompiledStage,
  specs: ReadonlyMap<string, StateSpec>,
  options: Pick<FitOptions, "data" | "seed">,
  program: Program,
  progress: TrainingProgress,
  stepsPerEpoch: number,
): Promise<void> {
  const seed = otherSeed(options.seed);
  const first = firstState(specs, seed, await picturesToMeasure(specs, options.data.train, seed));
  for (const { graph, phase } of phases) {
    for (const path of graph.updates.keys()) program.read(path).data.set(first.get(path)!.data);
    delete progress.phaseSteps[phase.name];
  }
  const { index, step, planned, epochsBefore } = progress.stage;
  const anew = { planned: planned! - step, epochsBefore: epochsBefore + step / stepsPerEpoch, stepsBefore: step };
  progress.stage = { index, step: 0, ...anew };
}
