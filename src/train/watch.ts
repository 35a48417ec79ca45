// Watching a model that is trained against a discriminator: numbers that validation does not give, and the alarms that follow
// from them. All is computed at the end of an epoch, and nothing of it changes the state.
import { type NdArray, sizeOf } from "../base/array.ts";
import { scattered } from "../base/scattered.ts";
import type { Table } from "../data/batches.ts";
import { decoded, type ImageSet, ownCount, subset } from "../data/dataset.ts";
import type { Predictions } from "../metrics/metric.ts";
import { MOST_COMPARED } from "../metrics/sample-metrics.ts";
import { evaluatedPath } from "../nn/scope.ts";
import { type Step, StepFeeds } from "../predict/feeds.ts";
import { predictSet } from "../predict/outputs.ts";
import type { Program } from "../runtime/program.ts";
import { type AlarmChange, alarmChanges, EPOCHS_KEPT, movesName, normName, SLOPE, stepsName } from "./alarms.ts";
import type { CompiledModel, CompiledStage, WatchSteps } from "./compiled.ts";
import type { Metrics } from "./events.ts";
import type { FitOptions } from "./fit-options.ts";
import { featureTable, firstViews } from "./frozen-features.ts";
import { phaseLosses } from "./phase-losses.ts";
import { shareDone, type TrainingProgress, type Watched } from "./progress.ts";
import { softTable } from "./soft-labels.ts";
import { stateRead } from "./state-read.ts";

/** Samples whose change from epoch to epoch is told. */
const SAMPLES = 16;

/** Samples at which the slope of the discriminator is measured. */
const MOST_SLOPES = 256;

/** Pictures without which what validation says is chance. */
const FEWEST_PICTURES = 20;

/** Share of the learning rate below which a phase moves little. */
const AT_REST = 0.1;

/** What is seen at the end of an epoch. */
export interface Seen {
  /** `validation/PHASE/LOSS`, and `watch/…`. */
  readonly metrics: Metrics;
  /** Alarms that begin or end. */
  readonly changes: readonly AlarmChange[];
}

/** The watch over an adversarial model. */
export class Watch {
  /** Decodes the pictures that are looked at. @returns undefined for a model that is not adversarial */
  static async create(program: Program, compiled: CompiledModel, options: FitOptions): Promise<Watch | undefined> {
    const { watch } = compiled;
    if (!watch) return undefined;
    const { train, validation } = options.data;
    const own = ownCount(train);
    const chosen = scattered(own, Math.min(own, MOST_COMPARED));
    const pictures = await decoded(subset(train, chosen));
    const features = rowsOf(firstViews(options.features?.train), chosen);
    return new Watch(program, compiled, watch, options, pictures, features, validation && (await decoded(validation)));
  }

  private constructor(
    private readonly program: Program,
    private readonly compiled: CompiledModel,
    private readonly steps: WatchSteps,
    private readonly options: FitOptions,
    /** Training pictures. */
    private readonly pictures: ImageSet,
    /** What a frozen part gives for them. */
    private readonly features: Table | undefined,
    private readonly validation: ImageSet | undefined,
  ) {}

  /** Takes note of what is there before the first step. */
  begin(progress: TrainingProgress): void {
    progress.watch = {
      epochs: [{ ...this.parameterNorms(progress), ...this.stepsOf(progress) }],
      samples: [],
      raised: [],
    };
  }

  /**
   * Looks at the model at the end of an epoch, and takes note of it in `progress`.
   * @param known losses and validation metrics of the epoch
   * @param validated predictions of validation; those of fewer than 20 pictures are not looked at
   */
  async look(progress: TrainingProgress, known: Metrics, validated: Predictions | undefined): Promise<Seen> {
    const { epochs, samples, raised }: Watched = progress.watch ?? { epochs: [], samples: [], raised: [] };
    const predictions = validated && validated.labels.length >= FEWEST_PICTURES ? validated : undefined;
    const { samples: drawn } = this.compiled;
    const judged = !predictions
      ? withoutValidation(known)
      : drawn && this.hasMoved(drawn, progress)
        ? known
        : withoutSamples(known);
    const thumbnails = predictions && drawn ? firstSamples(predictions) : [];
    const players = this.players(progress, epochs.at(-1) ?? {});
    const metrics = {
      ...(await this.validationLosses(progress)),
      ...this.parameterNorms(progress),
      ...(await this.scores(predictions)),
      ...(await this.slope(progress)),
      ...(samples.length > 0 && samples.length === thumbnails.length && players.some((step) => isAtWork(step, progress))
        ? { "watch/sampleChange": meanOf(samples.map((value, i) => Math.abs(value - thumbnails[i]!))) }
        : {}),
    };
    const kept = [...epochs, { ...judged, ...metrics, ...this.stepsOf(progress) }].slice(-EPOCHS_KEPT);
    const changes = alarmChanges(kept, raised, players.length > 0);
    const begun = changes.flatMap(({ name, state }) => (state === "begins" ? [name] : []));
    const goingOn = raised.filter((name) => !changes.some((change) => change.name === name));
    progress.watch = { epochs: kept, samples: thumbnails, raised: [...goingOn, ...begun] };
    return { metrics, changes };
  }

  /**
   * The phases that took steps in the epoch and move what samples are made of.
   * @param before what was seen an epoch before
   */
  private players({ stage, phaseSteps }: TrainingProgress, before: Metrics): CompiledStage["phases"] {
    const { samples, stages } = this.compiled;
    if (!samples) return [];
    return this.moving(samples, stages[stage.index]!.phases).filter(
      ({ phase }) => (phaseSteps[phase.name] ?? 0) > (before[stepsName(phase.name)] ?? 0),
    );
  }

  /** Whether a phase of any stage has taken a step that moves what a graph reads. */
  private hasMoved(step: Step, { phaseSteps }: TrainingProgress): boolean {
    const phases = this.compiled.stages.flatMap(({ phases }) => phases);
    return this.moving(step, phases).some(({ phase }) => (phaseSteps[phase.name] ?? 0) > 0);
  }

  /** Those of some phases that move what a graph reads. */
  private moving({ graph: { log } }: Step, phases: CompiledStage["phases"]): CompiledStage["phases"] {
    const { specs } = this.compiled;
    const read = stateRead(log.values());
    return phases.filter(({ graph }) => this.movedBy(graph).some((path) => read.has(evaluatedPath(path, specs))));
  }

  /** `validation/PHASE/LOSS`; none without validation pictures. */
  private async validationLosses(progress: TrainingProgress): Promise<Metrics> {
    const { data, augmentation, seed, model, features } = this.options;
    const { program, steps, compiled, validation: held } = this;
    if (!held) return {};
    const tables = {
      ...featureTable(features?.validation && asMany(features.validation, features.train.shape[0]!)),
      ...softTable(held, data.classes.length, data.train.added?.soft !== undefined),
    };
    const made = { program, losses: steps.losses, stage: compiled.stages[progress.stage.index]! };
    const found = await phaseLosses(made, { model, held, data, augmentation, seed, tables }, progress);
    return Object.fromEntries(Object.entries(found).map(([name, value]) => [`validation/${name}`, value]));
  }

  /** The norm of what each phase of the stage moves. */
  private parameterNorms({ stage }: TrainingProgress): Metrics {
    const { phases } = this.compiled.stages[stage.index]!;
    return Object.fromEntries(
      phases.map(({ phase, graph }) => {
        const squares = this.movedBy(graph).map((path) => sumOfSquares(this.program.read(path).data));
        return [normName(phase.name), Math.sqrt(squares.reduce((a, b) => a + b, 0))];
      }),
    );
  }

  /** Parameters that a phase's graph moves. */
  private movedBy({ updates }: CompiledStage["phases"][number]["graph"]): string[] {
    return [...updates.keys()].filter((path) => this.compiled.specs.get(path)?.trainable);
  }

  /** The steps that each phase has taken, and those that have moved what it moves. */
  private stepsOf({ phaseSteps }: TrainingProgress): Metrics {
    const phases = this.compiled.stages.flatMap(({ phases }) => phases);
    const taken = phases.map(({ phase, graph }) => ({
      ...{ name: phase.name, steps: phaseSteps[phase.name] ?? 0 },
      moved: new Set(this.movedBy(graph)),
    }));
    return Object.fromEntries(
      taken.flatMap(({ name, steps, moved }) => {
        const alike = taken.filter((other) => [...moved].some((path) => other.moved.has(path)));
        const moves = alike.reduce((sum, other) => sum + other.steps, 0);
        return [
          [stepsName(name), steps],
          [movesName(name), moves],
        ];
      }),
    );
  }

  /** The mean slope of the discriminator at samples; none of one that has not begun to learn. */
  private async slope(progress: TrainingProgress): Promise<Metrics> {
    const { judgement } = this.steps;
    if (!judgement || !this.hasMoved(judgement.discriminate, progress)) return {};
    const { slope } = judgement;
    // As many samples as there are pictures, of the classes of their labels.
    const n = this.pictures.labels.length;
    const chosen = scattered(n, Math.min(n, MOST_SLOPES));
    const fed = featureTable(rowsOf(this.features, chosen));
    const { seed, batch } = this.options;
    const run = (inputs: Readonly<Record<string, NdArray>>) => this.program.run(slope.graph.name, inputs);
    const rows = await predictSet(subset(this.pictures, chosen), batch, seed, new StepFeeds(slope), run, fed);
    return { [SLOPE]: meanOf(rows.get("sampleSlope")!) };
  }

  /** Mean scores of the discriminator, and the standard deviation over validation pictures. */
  private async scores(predictions: Predictions | undefined): Promise<Metrics> {
    const { judgement } = this.steps;
    if (!judgement) return {};
    const { seed, batch } = this.options;
    const { discriminate } = judgement;
    const run = (inputs: Readonly<Record<string, NdArray>>) => this.program.run(discriminate.graph.name, inputs);
    const feeds = new StepFeeds(discriminate);
    const rows = await predictSet(this.pictures, batch, seed, feeds, run, featureTable(this.features));
    const found: Record<string, number> = { "watch/trainingScore": meanOf(rows.get("discriminate")!) };
    if (!predictions) return found;
    const scores = predictions.output("discriminate");
    const mean = meanOf(scores);
    found["watch/validationScore"] = mean;
    found["watch/scoreDeviation"] = Math.sqrt(meanOf(scores.map((score) => (score - mean) ** 2)));
    found["watch/generatedScore"] = meanOf(predictions.output("discriminateSample"));
    return found;
  }
}

/**
 * Whether the rate of a phase is not nearly 0 by its schedule, so that what it moves should have changed. At the end of training samples
 * come to rest, as they should.
 */
const isAtWork = ({ phase }: CompiledStage["phases"][number], progress: TrainingProgress): boolean =>
  phase.schedule(shareDone(progress)) > AT_REST;

/** Numbers of training alone. */
const withoutValidation = (known: Metrics): Metrics =>
  Object.fromEntries(Object.entries(known).filter(([name]) => !name.startsWith("validation/")));

/** Numbers without those of samples: a generator that has not begun to learn has neither lost anything nor failed to gain. */
const withoutSamples = ({
  "validation/diversity": _,
  "validation/coverage": __,
  ...others
}: Readonly<Record<string, number>>): Metrics => others;

/** Rows of chosen pictures. */
function rowsOf(table: Table | undefined, chosen: Int32Array): Table | undefined {
  if (!table) return undefined;
  const width = sizeOf(table.shape);
  const rows = new Float32Array(chosen.length * width);
  for (const [i, k] of chosen.entries()) rows.set(table.rows.subarray(k * width, (k + 1) * width), i * width);
  return { shape: table.shape, rows };
}

/** The one view of each picture as often as training has views. */
function asMany({ shape: [, ...row], rows }: Table, views: number): Table {
  const width = sizeOf(row);
  const many = new Float32Array(rows.length * views);
  for (let at = 0; at < many.length; at += width) {
    const picture = Math.floor(at / (views * width));
    many.set(rows.subarray(picture * width, (picture + 1) * width), at);
  }
  return { shape: [views, ...row], rows: many };
}

/** Thumbnails of the first samples, to a thousandth of the range of a pixel. */
function firstSamples(predictions: Predictions): number[] {
  const all = predictions.output("sampleThumbnail");
  const width = all.length / predictions.labels.length;
  return Array.from(all.subarray(0, SAMPLES * width), (value) => Math.round(value * 1e4) / 1e4);
}

function sumOfSquares(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]! ** 2;
  return total;
}

function meanOf(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total / values.length;
}
