// The losses of the phases of an adversarial model on pictures that it is not trained on.
import type { Augmentation } from "../data/augment.ts";
import type { Table } from "../data/batches.ts";
import type { Dataset, ImageSet } from "../data/dataset.ts";
import { MOST_COMPARED } from "../metrics/sample-metrics.ts";
import type { BuiltModel } from "../models/model.ts";
import { StepFeeds } from "../predict/feeds.ts";
import type { Program } from "../runtime/program.ts";
import type { CompiledStage, WatchSteps } from "./compiled.ts";
import { shareDone, type TrainingProgress } from "./progress.ts";
import { StageStreams } from "./stage-streams.ts";

/** What computes the losses. */
export interface PhaseLossSteps extends Pick<WatchSteps, "losses"> {
  /** Has these steps. */
  readonly program: Program;
  /** The stage whose phases are asked. */
  readonly stage: CompiledStage;
}

/** The pictures, and how they are fed. */
export interface HeldOut {
  readonly model: Pick<BuiltModel, "tables">;
  /** Decoded. */
  readonly held: ImageSet;
  /** What they are part of. */
  readonly data: Dataset;
  readonly augmentation: Augmentation;
  readonly seed: number;
  /** What batches carry beside the pictures, by name. */
  readonly tables: Readonly<Record<string, Table>>;
}

/**
 * `PHASE/LOSS` of each phase of a stage that took steps, on up to 2,000 held-out pictures as they would be in training: with batch
 * statistics, dropout and the streams' views. There are none of a model with tables or a second source, which only training has.
 */
export async function phaseLosses(
  { program, losses, stage: { phases, streams } }: PhaseLossSteps,
  { model, held, data, augmentation, seed, tables }: HeldOut,
  progress: Pick<TrainingProgress, "stage" | "phaseSteps">,
): Promise<Record<string, number>> {
  const partners = streams.some(({ views }) => Object.values(views).includes("partner"));
  if (streams.some(({ spec }) => spec.second) || model.tables || (partners && !held.partner)) return {};
  const whole = streams.map((stream) => ({ ...stream, spec: { ...stream.spec, from: "all" as const } }));
  const batches = new StageStreams(whole, {
    ...{ seed, augmentation, tables, stage: progress.stage.index },
    data: { ...data, train: held } satisfies Dataset,
  });
  const count = Math.max(1, Math.floor(Math.min(held.labels.length, MOST_COMPARED) / batches.size));
  const runs = phases
    .filter(({ phase }) => losses.has(phase.name) && (progress.phaseSteps[phase.name] ?? 0) > 0)
    .map(({ phase }) => {
      const step = losses.get(phase.name)!;
      return { phase, step, feeds: new StepFeeds(step) };
    });
  const means: Record<string, number> = {};
  for (let index = 0; index < count; index++) {
    const fed = await batches.at(index, 1);
    for (const { phase, step, feeds } of runs) {
      const log = await program.run(step.graph.name, { ...fed, ...feeds.at(seed, index, shareDone(progress)) });
      for (const [name, { data: value }] of Object.entries(log)) {
        const key = `${phase.name}/${name}`;
        means[key] = (means[key] ?? 0) + value[0]! / count;
      }
    }
  }
  return means;
}
