// The options of a run as trackers compare runs by them.
import { optionsOf, type RunConfig } from "../folder.ts";
import { RUN_OPTION_LIST } from "../options.ts";
import type { HyperParameters } from "./tensorboard-values.ts";

/** The options of a run and of its model that are set, as plain values. */
export function hyperParameters(config: RunConfig): HyperParameters {
  const all: Readonly<Record<string, unknown>> = optionsOf(config);
  const named = RUN_OPTION_LIST.map(([name]) => [name, all[name]] as const);
  const plain = (value: unknown) =>
    typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return Object.fromEntries(
    [["model", config.model] as const, ["data", config.data.name] as const, ...named, ...Object.entries(config.options)]
      // What is no plain value, or is not set, has no column.
      .flatMap(([name, value]) => (plain(value) ? [[name, value] as const] : [])),
  );
}
