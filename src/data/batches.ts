// Batches as feeds of a program. The order of an epoch depends on seed and epoch alone, so any step can be drawn again.
import { type NdArray, ndarray } from "../base/array.ts";
import { Random } from "../base/random.ts";
import { type Augmentation, augmentInto } from "./augment.ts";
import { type ImageSet, imageBytes } from "./dataset.ts";

/** Input names of a batch. */
export const BATCH_INPUTS = { pixels: "data:pixels", labels: "data:labels", weights: "data:weights" } as const;

/** One batch buffer, filled again and again. */
export class BatchBuffer {
  private readonly pixels: NdArray;
  private readonly labels: NdArray;
  private readonly weights: NdArray;
  readonly feeds: Readonly<Record<string, NdArray>>;
  readonly size: number;
  private readonly set: ImageSet;

  constructor(set: ImageSet, size: number) {
    this.set = set;
    this.size = size;
    this.pixels = ndarray("uint8", [size, set.height, set.width, set.channels], new Uint8Array(size * imageBytes(set)));
    this.labels = ndarray("int32", [size], new Int32Array(size));
    this.weights = ndarray("float32", [size], new Float32Array(size));
    this.feeds = {
      [BATCH_INPUTS.pixels]: this.pixels,
      [BATCH_INPUTS.labels]: this.labels,
      [BATCH_INPUTS.weights]: this.weights,
    };
  }

  /** Fills with examples `order[from…]`; places beyond the end are zeros with weight 0. Returns how many are real. */
  fill(
    order: ArrayLike<number>,
    from: number,
    change?: (index: number, out: Uint8Array, offset: number) => void,
  ): number {
    const { set, size } = this;
    const bytes = imageBytes(set);
    const count = Math.min(size, order.length - from);
    const out = this.pixels.data as Uint8Array;
    for (let i = 0; i < size; i++) {
      const real = i < count;
      const index = real ? order[from + i]! : 0;
      this.weights.data[i] = real ? 1 : 0;
      this.labels.data[i] = real ? set.labels[index]! : -1;
      if (!real) out.fill(0, i * bytes, (i + 1) * bytes);
      else if (change) change(index, out, i * bytes);
      else out.set(set.pixels.subarray(index * bytes, (index + 1) * bytes), i * bytes);
    }
    return count;
  }
}

/** Training batches of one set: shuffled every epoch, augmented. */
export class TrainingBatches {
  readonly stepsPerEpoch: number;
  private readonly buffer: BatchBuffer;
  private readonly set: ImageSet;
  private readonly seed: number;
  private readonly augmentation: Augmentation;
  private order: Int32Array = new Int32Array(0);
  private orderEpoch = -1;

  constructor(set: ImageSet, size: number, seed: number, augmentation: Augmentation) {
    this.set = set;
    this.seed = seed;
    this.augmentation = augmentation;
    this.buffer = new BatchBuffer(set, size);
    this.stepsPerEpoch = Math.ceil(epochOrder(set, seed, 0).length / size);
  }

  /** The batch of global step `step` (from 0). */
  at(step: number): Readonly<Record<string, NdArray>> {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (epoch !== this.orderEpoch) {
      this.order = epochOrder(this.set, this.seed, epoch);
      this.orderEpoch = epoch;
    }
    const { shift, rotate, scale, mirror } = this.augmentation;
    const plain = shift + rotate + scale === 0 && !mirror;
    const random = new Random(this.seed, `augment:${step}`);
    const from = (step % this.stepsPerEpoch) * this.buffer.size;
    this.buffer.fill(
      this.order,
      from,
      plain ? undefined : (index, out, offset) => augmentInto(this.set, index, this.augmentation, random, out, offset),
    );
    return this.buffer.feeds;
  }
}

/**
 * The order of one epoch: every example once. Where fewer than half have labels, every second place goes to a labelled
 * example (drawn round and round in random order), so that each batch teaches classes.
 */
export function epochOrder(set: ImageSet, seed: number, epoch: number): Int32Array {
  const n = set.labels.length;
  const order = new Random(seed, `order:${epoch}`).permutation(n);
  const labelled = order.filter((index) => set.labels[index]! >= 0);
  if (labelled.length === 0 || labelled.length * 2 >= n) return order;
  const rest = order.filter((index) => set.labels[index]! < 0);
  const mixed = new Int32Array(rest.length * 2);
  for (let i = 0; i < rest.length; i++) {
    mixed[2 * i] = rest[i]!;
    mixed[2 * i + 1] = labelled[(epoch * rest.length + i) % labelled.length]!;
  }
  return mixed;
}
