// Batches as feeds of a program. The order of an epoch depends on seed and epoch alone, so any step can be drawn again.
import { type NdArray, ndarray } from "../base/array.ts";
import { Random } from "../random/random.ts";
import { type Augmentation, changesPictures, mixes } from "./augment.ts";
import type { ImageSet } from "./dataset.ts";
import { epochOrder, type Sampling } from "./order.ts";
import { Transformer } from "./transform.ts";

/** Input names of a batch. */
export const BATCH_INPUTS = {
  pixels: "data:pixels",
  labels: "data:labels",
  weights: "data:weights",
  partner: "data:partner",
  mix: "data:mix",
} as const;

/**
 * How a picture is mixed with its partner, `MIX_FIELDS` numbers each: a box (top, left, bottom, right, pixels), the share
 * of the picture itself inside the box and outside it, and its share of the whole.
 */
export const MIX_FIELDS = 7;

/** One batch buffer, filled again and again. */
export class BatchBuffer {
  private readonly pixels: NdArray;
  private readonly labels: NdArray;
  private readonly weights: NdArray;
  readonly feeds: Readonly<Record<string, NdArray>>;

  constructor(
    private readonly set: ImageSet,
    readonly size: number,
  ) {
    const bytes = new Uint8Array(size * set.pixels.size);
    this.pixels = ndarray("uint8", [size, set.height, set.width, set.channels], bytes);
    this.labels = ndarray("int32", [size], new Int32Array(size));
    this.weights = ndarray("float32", [size], new Float32Array(size));
    this.feeds = {
      [BATCH_INPUTS.pixels]: this.pixels,
      [BATCH_INPUTS.labels]: this.labels,
      [BATCH_INPUTS.weights]: this.weights,
    };
  }

  /**
   * Fills with examples `index`, which must be ready, through `change` (in place). Places beyond the end, and pictures that
   * do not decode, are zeros with weight 0.
   */
  fill(index: ArrayLike<number>, change?: (out: Uint8Array, at: number) => void): void {
    const { set, size } = this;
    const bytes = set.pixels.size;
    const out = this.pixels.data as Uint8Array;
    for (let i = 0; i < size; i++) {
      const real = i < index.length && set.pixels.usable(index[i]!);
      this.weights.data[i] = real ? 1 : 0;
      this.labels.data[i] = real ? set.labels[index[i]!]! : -1;
      if (!real) out.fill(0, i * bytes, (i + 1) * bytes);
      else {
        set.pixels.read(index[i]!, out, i * bytes);
        change?.(out, i * bytes);
      }
    }
  }
}

export interface TrainingBatchOptions {
  readonly size: number;
  readonly seed: number;
  readonly augmentation: Augmentation;
  readonly sampling?: Sampling;
  /** Batches in use at a time. Default 1. */
  readonly inUse?: number;
}

/** Training batches of one set, augmented. There is a buffer for each in use, and one that fills meanwhile. */
export class TrainingBatches {
  readonly stepsPerEpoch: number;
  private readonly buffers: readonly Filled[];
  private readonly transformer: Transformer | undefined;
  private order: Int32Array = new Int32Array(0);
  private orderEpoch = -1;

  constructor(
    private readonly set: ImageSet,
    private readonly options: TrainingBatchOptions,
  ) {
    const buffer = () => ({ step: -1, batch: new BatchBuffer(set, options.size), mix: undefined });
    this.buffers = Array.from({ length: 1 + (options.inUse ?? 1) }, buffer);
    if (mixes(options.augmentation))
      for (const buffer of this.buffers)
        buffer.mix = {
          [BATCH_INPUTS.partner]: ndarray("int32", [options.size], new Int32Array(options.size)),
          [BATCH_INPUTS.mix]: ndarray(
            "float32",
            [options.size, MIX_FIELDS],
            new Float32Array(options.size * MIX_FIELDS),
          ),
        };
    if (changesPictures(options.augmentation)) this.transformer = new Transformer(set, options.augmentation);
    this.stepsPerEpoch = Math.ceil(epochOrder(set, options.seed, 0, options.sampling).length / options.size);
  }

  /** The examples of global step `step` (from 0). */
  examples(step: number): Int32Array {
    const { seed, sampling, size } = this.options;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (epoch !== this.orderEpoch) {
      this.order = epochOrder(this.set, seed, epoch, sampling);
      this.orderEpoch = epoch;
    }
    const from = (step % this.stepsPerEpoch) * size;
    return this.order.subarray(from, from + size);
  }

  /** The batch of global step `step` (from 0), valid until as many later ones as can be in use have been asked for. */
  async at(step: number): Promise<Readonly<Record<string, NdArray>>> {
    const made = this.made(step);
    if (made) return made;
    await this.set.pixels.ready?.(this.examples(step));
    this.fill(step);
    return this.made(step)!;
  }

  /** The same when it was prepared. */
  made(step: number): Readonly<Record<string, NdArray>> | undefined {
    const buffer = this.bufferOf(step);
    return buffer.step === step ? { ...buffer.batch.feeds, ...buffer.mix } : undefined;
  }

  private bufferOf(step: number): Filled {
    return this.buffers[step % this.buffers.length]!;
  }

  /** Makes a batch beforehand, while other threads compute those before. */
  prepare(step: number): void {
    const waiting = this.set.pixels.ready?.(this.examples(step));
    // A failure is reported by `at`, which waits for the same pictures.
    if (waiting) waiting.catch(() => {});
    else this.fill(step);
  }

  private fill(step: number): void {
    const { seed, augmentation } = this.options;
    const { transformer } = this;
    const buffer = this.bufferOf(step);
    const random = new Random(seed, `augment:${step}`);
    buffer.batch.fill(this.examples(step), transformer && ((out, at) => transformer.apply(out, at, random)));
    if (buffer.mix) drawMix(augmentation, this.set, new Random(seed, `mix:${step}`), buffer.mix);
    buffer.step = step;
  }
}

interface Filled {
  /** The step whose batch lies here. */
  step: number;
  readonly batch: BatchBuffer;
  mix: Readonly<Record<string, NdArray>> | undefined;
}

/** Partners and shares of a batch: mixup (Zhang et al. 2018) or cutmix (Yun et al. 2019), by a coin where both are asked. */
function drawMix(
  { mixup, cutmix }: Augmentation,
  { height: h, width: w }: ImageSet,
  random: Random,
  feeds: Readonly<Record<string, NdArray>>,
): void {
  const partner = feeds[BATCH_INPUTS.partner]!.data;
  const mix = feeds[BATCH_INPUTS.mix]!.data;
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
