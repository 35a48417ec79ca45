// What the graphs of a run are called: those of phases as these are, the others as here.
import { fail } from "../base/errors.ts";
import type { BuiltModel } from "../models/model.ts";
import type { ResolvedStream } from "./stage-streams.ts";

/** The graph of validation. */
export const VALIDATE = "validate";
/** The graph of a head that is asked by itself. */
export const predictGraph = (head: string): string => `predict ${head}`;
/** The graph of what a fitted quantity takes of training pictures. */
export const trainingGraph = (quantity: string): string => `fit ${quantity}`;
/** The graph of a phase's losses that are watched. */
export const watchGraph = (phase: string): string => `watch ${phase}`;

/** @throws `E_NAME` for two phases or streams that could not be told apart, a name that is taken, or a table that there is not */
export function requireNames({ stages, tables = {} }: BuiltModel, streams: readonly ResolvedStream[]): void {
  const phases = stages.flatMap(({ phases }) => phases.map(({ name }) => name));
  const twice = phases.find((name, i) => phases.indexOf(name) !== i);
  if (twice !== undefined) fail("E_NAME", `two phases are called "${twice}"; give each a name of its own`);
  const taken = phases.find(
    (name) =>
      name === VALIDATE || [predictGraph, trainingGraph, watchGraph].some((graph) => name.startsWith(graph(""))),
  );
  if (taken !== undefined) fail("E_NAME", `a phase cannot be called "${taken}": that is a graph of the loop's own`);
  const slashed = streams
    .flatMap(({ name, views }) => [name, ...Object.keys(views)])
    .find((name) => name.includes("/"));
  if (slashed !== undefined) fail("E_NAME", `"${slashed}": names of streams and views have no "/"`);
  for (const { name, spec } of streams)
    if (spec.only !== undefined && (spec.second || tables[spec.only]?.shape.length !== 0))
      fail(
        "E_NAME",
        `the stream "${name}" takes pictures by the table "${spec.only}"; that is to be a table of the model with one number a picture, of the first data source`,
      );
}
