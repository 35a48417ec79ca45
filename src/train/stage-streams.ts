// The streams of a stage together: the batches of each step.
import type { NdArray } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { type Augmentation, mixes } from "../data/augment.ts";
import { batchInputs, MAIN_STREAM, MAIN_VIEW, type Table } from "../data/batches.ts";
import { type Dataset, type ImageSet, ownCount } from "../data/dataset.ts";
import type { Sampling } from "../data/order.ts";
import { StreamBatches, type View } from "../data/streams.ts";
import type { BuiltModel, StreamSpec } from "../models/model.ts";
import { IN_FLIGHT } from "../predict/feeds.ts";
import type { StreamCost } from "./events.ts";
import type { TrainingProgress } from "./progress.ts";

/** A stream with everything that the model left open filled in. */
export interface ResolvedStream {
  readonly name: string;
  readonly spec: StreamSpec;
  /** Pictures a step. */
  readonly size: number;
  readonly views: Readonly<Record<string, View>>;
  /** Whether the first view is also there mixed with others. */
  readonly mixes: boolean;
}

/** The streams of a model for a run's batch size and augmentation, in the order that the model declares. */
export function resolveStreams(model: BuiltModel, batchSize: number, augmentation: Augmentation): ResolvedStream[] {
  const declared = model.streams ?? { [MAIN_STREAM]: {} };
  return Object.entries(declared).map(([name, spec]) => {
    const views = spec.views ?? { [MAIN_VIEW]: "augmented" };
    return {
      name,
      spec,
      size: Math.max(1, Math.round(batchSize * (spec.share ?? 1))),
      views,
      mixes: mixes(augmentation) && Object.values(views)[0] === "augmented",
    };
  });
}

/** What the batches of a stage depend on. */
export interface StageStreamsOptions {
  readonly data: Dataset;
  readonly seed: number;
  readonly augmentation: Augmentation;
  readonly sampling?: Sampling;
  readonly tables: Readonly<Record<string, Table>>;
  /** Number of the stage: each has random numbers of its own. */
  readonly stage: number;
}

/** Feeds of one step: the arrays of every stream's batch. */
type Feeds = Readonly<Record<string, NdArray>>;

/** The batches of all streams of a stage; steps are numbered from 0 within it. */
export class StageStreams {
  /** Steps in which the first stream takes as many pictures as the training part has of its own. */
  readonly stepsPerEpoch: number;
  private readonly streams: readonly { readonly stream: ResolvedStream; readonly batches: StreamBatches }[];

  constructor(streams: readonly ResolvedStream[], options: StageStreamsOptions) {
    const { data, seed, augmentation, sampling, tables, stage } = options;
    this.streams = streams.map((stream, k) => {
      const { name, spec, size, views } = stream;
      const batches = new StreamBatches(spec.second ? secondSource(data, name) : data.train, {
        ...{ name, size, seed, augmentation, sampling, views },
        from: spec.from,
        tables: spec.second ? {} : tables,
        only: spec.only === undefined ? undefined : tables[spec.only],
        endless: k > 0 || spec.second,
        // The first stream of the first stage has the random numbers of a run with no other.
        purpose: stage === 0 && k === 0 ? "" : `${stage}/${name}/`,
        inUse: IN_FLIGHT,
      });
      return { stream, batches };
    });
    this.stepsPerEpoch = Math.ceil(ownCount(data.train) / this.size);
  }

  /** Pictures of the first stream in a step; of a stage that reads none, 1. */
  get size(): number {
    return this.streams[0]?.stream.size ?? 1;
  }

  /** The batches of a step that are all made already; undefined otherwise. */
  made(step: number): Feeds | undefined {
    const feeds: Record<string, NdArray> = {};
    for (const { batches } of this.streams) {
      const made = batches.made(step);
      if (!made) return undefined;
      Object.assign(feeds, made);
    }
    return feeds;
  }

  /** The batches of a step, `progress` 0..1 into the stage, made where they are not yet. */
  async at(step: number, progress: number): Promise<Feeds> {
    return Object.assign({}, ...(await Promise.all(this.streams.map(({ batches }) => batches.at(step, progress)))));
  }

  /** Makes the batches of a step beforehand. */
  prepare(step: number, progress: number): void {
    for (const { batches } of this.streams) batches.prepare(step, progress);
  }

  /** Forgets what was made of tables that have changed since: batches made beforehand, and which pictures take part. */
  forget(): void {
    for (const { batches } of this.streams) batches.forget();
  }

  /** Counts the training pictures of a step's batches. */
  count(feeds: Feeds, seen: TrainingProgress["seen"]): void {
    for (const { stream } of this.streams) {
      if (stream.spec.second) continue;
      const inputs = batchInputs(stream.name);
      const [labels, weights] = [feeds[inputs.labels]!.data, feeds[inputs.weights]!.data];
      for (let i = 0; i < labels.length; i++) if (weights[i]! > 0) seen[labels[i]! >= 0 ? "labelled" : "unlabelled"]++;
    }
  }

  /** What each stream has cost so far. */
  get costs(): Record<string, StreamCost> {
    return Object.fromEntries(
      this.streams.map(({ stream: { name, size }, batches: { cost } }) => [
        name,
        { size, milliseconds: (1000 * cost.seconds) / Math.max(1, cost.batches) },
      ]),
    );
  }
}

/** The second source of the data. @throws `E_DATA_NOT_FOUND` where there is none, `E_DATA_FORMAT` for other pictures */
function secondSource({ train, second }: Dataset, stream: string): ImageSet {
  if (!second) fail("E_DATA_NOT_FOUND", `the stream "${stream}" needs a second data source; this data has one`);
  const shape = ({ height, width, channels }: ImageSet) => `${height}x${width}x${channels}`;
  if (shape(second) !== shape(train))
    fail(
      "E_DATA_FORMAT",
      `the second data source has pictures of ${shape(second)}, the training part of ${shape(train)}; read both at one size`,
    );
  return second;
}
