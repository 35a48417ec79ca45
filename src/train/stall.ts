// A stage that got nowhere begins anew: some first weights lead to where training does not get out again.
import type { Stage } from "../models/model.ts";
import type { Metrics } from "./events.ts";
import type { TrainingProgress } from "./progress.ts";

/** What is done about a stage that got nowhere, and said. */
export interface Stalled {
  /** Whether it begins anew; else it goes on. */
  readonly isAnew: boolean;
  /** For people. */
  readonly text: string;
}

/**
 * Whether a stage got nowhere: asked once, at the end of the first epoch after as many steps as its rule says. It begins anew once, and
 * only where at least as many steps are left as were taken.
 * @param metrics of the epoch that has ended
 */
export function stalled(
  { stalls }: Stage,
  { stage }: TrainingProgress,
  metrics: Metrics,
  stepsPerEpoch: number,
): Stalled | undefined {
  const { step, planned } = stage;
  if (!stalls || planned === null || step >= planned || step % stepsPerEpoch > 0) return undefined;
  if (step < stalls.after || step - stepsPerEpoch >= stalls.after) return undefined;
  const value = metrics[`train/${stalls.loss}`];
  if (value === undefined || value <= stalls.above) return undefined;
  const seen = `${stalls.loss} is ${Number(value.toPrecision(3))} after ${step} steps, and below ${stalls.above} where training gets anywhere`;
  if (stage.isAnew) return { isAnew: false, text: `${seen}: again, so it goes on; try another --seed` };
  if (planned - step < step)
    return { isAnew: false, text: `${seen}; too little of it is left to begin anew: try another --seed` };
  return {
    isAnew: true,
    text: `${seen}: the stage begins anew from other first weights, for the ${planned - step} steps that are left`,
  };
}

/** The seed of first weights of a stage that begins anew: none that another run is likely to have been given. */
export const otherSeed = (seed: number): number => (seed ^ 0x40000000) >>> 0;
