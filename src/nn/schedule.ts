// Learning-rate schedules: the factor on the base rate as a function of progress. Computed outside the graph, in float64.
import { unknownName } from "../base/errors.ts";

/** `progress` runs from 0 at the first step to 1 at the last. Returns a factor in 0..1. */
export type Schedule = (progress: number) => number;

const cosineFrom = (progress: number): number => 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress)));

export const SCHEDULES = {
  constant: () => 1,
  /** Loshchilov & Hutter 2017, without restarts */
  cosine: cosineFrom,
  /** Smith & Topin 2018: up over the first 30 %, then a cosine down */
  oneCycle: (progress: number) =>
    progress < 0.3 ? 0.04 + (0.96 * progress) / 0.3 : cosineFrom((progress - 0.3) / 0.7),
} as const satisfies Record<string, Schedule>;

export type ScheduleName = keyof typeof SCHEDULES;

export function schedule(name: string): Schedule {
  if (!Object.hasOwn(SCHEDULES, name)) unknownName("schedule", name, Object.keys(SCHEDULES));
  return SCHEDULES[name as ScheduleName];
}

/** Rises linearly over the first share `warmup` of the run, then follows `then`. */
export const withWarmup =
  (warmup: number, then: Schedule): Schedule =>
  (progress) =>
    progress < warmup ? Math.max(progress, 1e-3) / warmup : then((progress - warmup) / Math.max(1e-9, 1 - warmup));
