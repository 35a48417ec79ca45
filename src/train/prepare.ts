// What of a run can be refused before a backend is asked for anything, and what it begins with.
import { keptPartner } from "../data/dataset.ts";
import { classWeights } from "../data/imbalance.ts";
import type { State } from "../runtime/program.ts";
import type { CompiledModel } from "./compiled.ts";
import type { FitOptions } from "./fit-options.ts";
import { featureTable } from "./frozen-features.ts";
import { Goals } from "./goals.ts";
import { makeTables } from "./refresh.ts";
import { softTable } from "./soft-labels.ts";
import { StageStreams } from "./stage-streams.ts";
import { compileModel } from "./steps.ts";
import { firstState, loadPretrained, picturesToMeasure, requirePrefixes, restoreState } from "./weights.ts";

/** A run that has been checked and can begin. */
export interface PreparedRun {
  /** Its graphs. */
  readonly compiled: CompiledModel;
  /** When it ends. */
  readonly goals: Goals;
  /** What it begins with. */
  readonly state: State;
  /** What was taken of the weights to begin from, for people. */
  readonly loaded: string | undefined;
}

/**
 * Everything of a run that can be refused before a backend is asked for anything.
 * @throws `E_OPTION`, `E_NAME`, `E_HEAD`, `E_DATA_EMPTY`, `E_RUN_CONFLICT` for options that do not fit model or data
 */
export async function prepare(options: FitOptions): Promise<PreparedRun> {
  const { data, seed, batch, augmentation, sampling, classWeighting = "none", freeze = [] } = options;
  const { height, width, channels, labels } = data.train;
  const { classes, mirror } = data;
  const compiled = compileModel(options.model, { height, width, channels, classes, mirror }, batch, {
    classWeights: classWeighting === "none" ? undefined : classWeights(labels, classes, classWeighting),
    augmentation,
    frozen: freeze,
    paired: data.validation !== undefined && keptPartner(data.validation) !== undefined,
    emaDecay: options.emaDecay,
    soft: data.train.added?.soft !== undefined,
    features: options.features && { path: options.features.path, shape: options.features.train.shape },
  });
  const goals = new Goals(options, compiled.metrics);
  requirePrefixes(freeze, compiled.specs);
  const state = firstState(compiled.specs, seed, await picturesToMeasure(compiled.specs, data.train, seed));
  const loaded = options.from && !options.resume ? loadPretrained(state, compiled.specs, options.from) : undefined;
  if (options.resume) restoreState(state, options.resume.state);
  const tables = {
    ...makeTables(options.model.tables, labels.length),
    ...featureTable(options.features?.train),
    ...softTable(data.train, classes.length, data.train.added?.soft !== undefined),
  };
  // Those of a later stage are refused now, and not when it begins.
  for (const [stage, { streams }] of compiled.stages.entries())
    new StageStreams(streams, { data, seed, augmentation, sampling, tables, stage });
  return { compiled, goals, state, loaded };
}
