// A search and what it found: how points are chosen, its trials, and the best of them.
import type { OptionName, RunOptions } from "../run/options.ts";
import type { BackendWish } from "../runtime/wish.ts";
import type { Dimension } from "./space.ts";
import type { Trial } from "./trial-results.ts";

/** Ways to search: points drawn evenly; `suggest`; and points drawn evenly of which the better ones are trained on (`rungsOf`). */
export const SEARCH_METHODS = ["tpe", "random", "halving"] as const;
export type SearchMethod = (typeof SEARCH_METHODS)[number];

/** Options that each trial's run has: not those that the search has itself, nor those that begin with another run. */
export type TrialOptions = Omit<RunOptions, "seed" | "from" | "freeze" | "map" | "pairs">;

/** The others. */
export const NOT_OF_TRIALS = ["seed", "from", "freeze", "map", "pairs"] as const satisfies readonly Exclude<
  OptionName,
  keyof TrialOptions
>[];

/** What a search found. */
export interface Search {
  /** The folder of the search. */
  readonly out: string;
  /** Name of the model. */
  readonly model: string;
  /** The source of the call. */
  readonly data: string;
  /** How points are chosen. */
  readonly method: SearchMethod;
  /** What is searched, an option each. */
  readonly space: readonly Dimension[];
  /** The metric of validation pictures that is made better. */
  readonly objective: { readonly metric: string; readonly better: "higher" | "lower" } | undefined;
  /** In the order in which they were tried. */
  readonly trials: readonly Trial[];
  /** The best of those that were trained furthest. */
  readonly best: Trial | undefined;
}

/** What a trial of the best options has, beside the point itself. */
export interface Fixed {
  readonly options: Readonly<Record<string, unknown>>;
  readonly run: RunOptions;
  readonly backend?: BackendWish["backend"];
}

/** What is made small; Infinity for a trial that failed. */
export function lossOf({ trained }: Trial): number {
  const { objective } = trained ?? {};
  if (!objective) return Number.POSITIVE_INFINITY;
  return objective.better === "higher" ? -objective.value : objective.value;
}
