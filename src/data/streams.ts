// Streams: the batches that training asks for, step by step. The batch of a step depends on seed and step alone.
import { type NdArray, ndarray } from "../base/array.ts";
import { now } from "../base/clock.ts";
import { fail } from "../base/errors.ts";
import { Random } from "../random/random.ts";
import { type Augmentation, changesPictures, mixes } from "./augment.ts";
import {
  BatchBuffer,
  batchInputs,
  type ChangeAt,
  MAIN_STREAM,
  MAIN_VIEW,
  MIX_FIELDS,
  type Table,
  type ViewFilling,
} from "./batches.ts";
import { mirror } from "./changes/mirror.ts";
import { type ImageSet, keptPartner, ownCount } from "./dataset.ts";
import { EpochOrder, type OrderOptions, type Sampling } from "./order.ts";
import type { PictureChange } from "./picture.ts";
import { Transformer } from "./transform.ts";

/**
 * How a view of a picture is made: with the run's augmentation, as it is, with a policy of its own, by a function, or as
 * the picture's partner (`ImageSet.partner`): a kept one is left as it is, another is made of the picture as it is.
 */
export type View = "augmented" | "plain" | "partner" | Augmentation | PictureChange;

/** What the batches of a stream depend on. */
export interface StreamOptions {
  readonly size: number;
  readonly seed: number;
  /** The run's augmentation. */
  readonly augmentation: Augmentation;
  readonly sampling?: Sampling;
  readonly from?: OrderOptions["from"];
  /** Default: the main stream. */
  readonly name?: string;
  /**
   * Whether batches go on over the end of an epoch, so that all are full; otherwise each epoch ends with a batch that may not
   * be. Default: no, but for a stream that leaves pictures of the set out.
   */
  readonly endless?: boolean;
  /** Default: one augmented view. */
  readonly views?: Readonly<Record<string, View>>;
  readonly tables?: Readonly<Record<string, Table>>;
  /** One number a picture, by which places of a batch go to some pictures alone (see `StreamSpec.only`). Default: to all. */
  readonly only?: Table;
  /** Tells the random numbers of several streams apart. Default: none. */
  readonly purpose?: string;
  /** Batches in use at a time. Default 1. */
  readonly inUse?: number;
}

/**
 * The progress of a stage from which added pictures take no places any longer: its last steps show what there is in truth,
 * should the added pictures be slightly unlike it.
 */
export const OWN_ALONE_FROM = 0.7;

/** The batches of one stream. There is a buffer for each that is in use, and one that fills meanwhile. */
export class StreamBatches {
  /** Steps in which it goes once through its examples. */
  private readonly stepsPerEpoch: number;
  /** Seconds spent on making batches, and how many were made. */
  readonly cost = { seconds: 0, batches: 0 };
  private readonly buffers: readonly Filled[];
  private readonly order: EpochOrder;
  /** The examples that take the places of those left out; undefined: to be found anew. */
  private substitutes: Int32Array | undefined;
  /** Of added pictures, where there are any that the stream takes. */
  private readonly added: { readonly order: EpochOrder; readonly share: number } | undefined;
  private readonly endless: boolean;
  /** For each example, whether its first epoch is one in which it is mirrored; empty where no view is mirrored in turn. */
  private readonly mirroredFirst: Uint8Array;
  private readonly views: readonly (readonly [name: string, view: View, transformer: Transformer | undefined])[];

  constructor(
    private readonly set: ImageSet,
    private readonly options: StreamOptions,
  ) {
    const { size, name = MAIN_STREAM, augmentation, tables } = options;
    const views = Object.entries(options.views ?? { [MAIN_VIEW]: "augmented" as const });
    this.order = new EpochOrder(set, options);
    if (this.order.length === 0)
      fail(
        "E_DATA_EMPTY",
        `the stream "${name}" has no pictures: none of the training part is ${options.from}. Choose a model that does not need them, or other data or --labels`,
      );
    if (set.added && options.from !== "unlabelled") {
      const purpose = `${options.purpose ?? ""}added/`;
      this.added = { order: new EpochOrder(set, { ...options, of: "added", purpose }), share: set.added.share };
    }
    if (views.some(([, view]) => view === "partner") && !set.partner)
      fail(
        "E_DATA_FORMAT",
        `the stream "${name}" needs pairs of pictures; the data has single ones. Give data with pairs, or make them (--pairs)`,
      );
    this.views = views.map(([view, how]) => [view, how, this.transformerOf(how)]);
    const mixed = mixes(augmentation) && views[0]![1] === "augmented";
    this.buffers = Array.from({ length: 1 + (options.inUse ?? 1) }, () => ({
      step: -1,
      batch: new BatchBuffer(set, { size, stream: name, views: views.map(([view]) => view), tables }),
      mix: mixed ? mixFeeds(name, size) : undefined,
    }));
    const inTurn = this.views.some(([, view]) => this.policyOf(view)?.mirror);
    this.mirroredFirst = inTurn ? coins(new Random(options.seed, "mirror"), set.labels.length) : new Uint8Array();
    this.stepsPerEpoch = Math.ceil(this.order.length / size);
    this.endless = options.endless || this.order.length < ownCount(set);
  }

  private policyOf(view: View): Augmentation | undefined {
    const policy = view === "augmented" ? this.options.augmentation : view;
    return typeof policy === "object" ? policy : undefined;
  }

  private transformerOf(view: View): Transformer | undefined {
    const policy = this.policyOf(view);
    return policy && changesPictures(policy) ? new Transformer(this.set, policy) : undefined;
  }

  /** Whether the picture at a place of a step's batch is mirrored, where pictures are mirrored in every second epoch. */
  private isMirrored(step: number, place: number, example: number): boolean {
    const { size } = this.options;
    const epoch = Math.floor(this.endless ? (step * size + place) / this.order.length : step / this.stepsPerEpoch);
    return (epoch + this.mirroredFirst[example]!) % 2 === 1;
  }

  /** The examples of step `step` (from 0), `progress` 0..1 into its stage. */
  examples(step: number, progress = 0): Int32Array {
    const own = this.withoutLeftOut(this.ownExamples(step), step);
    if (!this.added || progress >= OWN_ALONE_FROM) return own;
    const { order, share } = this.added;
    // Added pictures take the last places of the batch that there would be without them.
    const first = own.length - Math.round(share * own.length);
    const before = step * Math.round(share * this.options.size);
    return own.map((example, i) => (i < first ? example : order.at(before + i - first)));
  }

  private ownExamples(step: number): Int32Array {
    const { size } = this.options;
    if (this.endless) return Int32Array.from({ length: size }, (_, i) => this.order.at(step * size + i));
    const from = (step % this.stepsPerEpoch) * size;
    return this.order.epoch(Math.floor(step / this.stepsPerEpoch)).subarray(from, from + size);
  }

  /** Examples of a step, in which others that the stream's table does not leave out take the places of those that it does. */
  private withoutLeftOut(examples: Int32Array, step: number): Int32Array {
    const { only, seed, purpose = "" } = this.options;
    if (!only) return examples;
    const takesPart = (example: number) => only.rows[example]! > 0;
    this.substitutes ??= this.order.members.filter(takesPart);
    const { substitutes } = this;
    if (substitutes.length === 0) return examples;
    const random = new Random(seed, `only:${purpose}${step}`);
    return examples.map((example) => (takesPart(example) ? example : substitutes[random.integer(substitutes.length)]!));
  }

  /**
   * The batch of step `step` (from 0), `progress` 0..1 into its stage; valid until as many later ones as can be in use have
   * been asked for.
   */
  async at(step: number, progress = 0): Promise<Readonly<Record<string, NdArray>>> {
    const made = this.made(step);
    if (made) return made;
    const examples = this.timed(() => this.examples(step, progress));
    await this.ready(examples);
    this.timed(() => this.fill(step, examples));
    return this.made(step)!;
  }

  /** The batch of a step that has been made already (see `prepare`); undefined otherwise. */
  made(step: number): Readonly<Record<string, NdArray>> | undefined {
    const buffer = this.bufferOf(step);
    return buffer.step === step ? { ...buffer.batch.feeds, ...buffer.mix } : undefined;
  }

  /** Makes a batch beforehand, while other threads compute those before. */
  prepare(step: number, progress = 0): void {
    this.timed(() => {
      const examples = this.examples(step, progress);
      const waiting = this.ready(examples);
      // A failure is reported by `at`, which waits for the same pictures.
      if (waiting) waiting.catch(() => {});
      else this.fill(step, examples);
    });
  }

  /** Adds the time that work takes to the stream's cost. */
  private timed<T>(work: () => T): T {
    const begun = now();
    const result = work();
    this.cost.seconds += now() - begun;
    return result;
  }

  /** Forgets what was made of tables that have changed since. */
  forget(): void {
    this.substitutes = undefined;
    for (const buffer of this.buffers) buffer.step = -1;
  }

  private ready(examples: Int32Array): Promise<unknown> | undefined {
    const waiting = [this.set.pixels, keptPartner(this.set)]
      .map((pixels) => pixels?.ready?.(examples))
      .filter((one) => one !== undefined);
    return waiting.length > 0 ? Promise.all(waiting) : undefined;
  }

  private bufferOf(step: number): Filled {
    return this.buffers[step % this.buffers.length]!;
  }

  private fill(step: number, examples: Int32Array): void {
    const { seed, augmentation, purpose = "" } = this.options;
    const buffer = this.bufferOf(step);
    const fillings = this.views.map(([name, view, transformer], k): [string, ViewFilling] => {
      const random = new Random(seed, `augment:${purpose}${k === 0 ? "" : `${name}:`}${step}`);
      const filling = this.filling(view, transformer, random);
      if (!this.policyOf(view)?.mirror) return [name, filling];
      const change: ChangeAt = (bytes, at, place) => {
        if (this.isMirrored(step, place, examples[place]!))
          mirror(bytes.subarray(at, at + this.set.pixels.size), this.set);
        filling.change?.(bytes, at, place);
      };
      return [name, { change }];
    });
    buffer.batch.fill(examples, Object.fromEntries(fillings));
    if (buffer.mix) drawMix(augmentation, this.set, new Random(seed, `mix:${purpose}${step}`), buffer.mix);
    buffer.step = step;
    this.cost.batches++;
  }

  private filling(view: View, transformer: Transformer | undefined, random: Random): ViewFilling {
    const how = view === "partner" ? this.set.partner! : view;
    if (typeof how === "function") {
      const { size } = this.set.pixels;
      return { change: (bytes, at) => how(bytes.subarray(at, at + size), this.set, random) };
    }
    if (view === "partner") return { pixels: keptPartner(this.set) };
    return transformer ? { change: (bytes, at) => transformer.apply(bytes, at, random) } : {};
  }
}

/** `n` fair coins, 0 or 1 each. */
function coins(random: Random, n: number): Uint8Array {
  const values = new Float32Array(n);
  random.fillUniform(values);
  return Uint8Array.from(values, (value) => (value < 0.5 ? 0 : 1));
}

interface Filled {
  /** The step whose batch lies here; -1: none. */
  step: number;
  readonly batch: BatchBuffer;
  readonly mix: MixFeeds | undefined;
}

type MixFeeds = Readonly<Record<string, NdArray>>;

function mixFeeds(stream: string, size: number): MixFeeds {
  const inputs = batchInputs(stream);
  return {
    [inputs.partner]: ndarray("int32", [size], new Int32Array(size)),
    [inputs.mix]: ndarray("float32", [size, MIX_FIELDS], new Float32Array(size * MIX_FIELDS)),
  };
}

/** Partners and shares of a batch: mixup (Zhang et al. 2018) or cutmix (Yun et al. 2019), by a coin where both are asked. */
function drawMix(
  { mixup, cutmix }: Augmentation,
  { height: h, width: w }: ImageSet,
  random: Random,
  feeds: MixFeeds,
): void {
  const [partner, mix] = Object.values(feeds).map(({ data }) => data) as [Int32Array, Float32Array];
  partner.set(random.permutation(partner.length));
  for (let i = 0; i < partner.length; i++) {
    const cut = cutmix !== undefined && (mixup === undefined || random.uniform() < 0.5);
    const alpha = (cut ? cutmix : mixup)!;
    const share = random.beta(alpha, alpha);
    const [tall, wide] = [Math.round(h * Math.sqrt(1 - share)), Math.round(w * Math.sqrt(1 - share))];
    const [y, x] = [random.integer(h - tall + 1), random.integer(w - wide + 1)];
    const row = cut ? [y, x, y + tall, x + wide, 0, 1, 1 - (tall * wide) / (h * w)] : [0, 0, 0, 0, 1, share, share];
    mix.set(row, i * MIX_FIELDS);
  }
}
