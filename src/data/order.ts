// The order in which a stream takes examples: a function of seed and epoch alone, so that training can go on from any step.
import { Random } from "../random/random.ts";
import { type ImageSet, ownCount, range } from "./dataset.ts";

/** `shuffled`: every example once an epoch. `balanced`: as many places for each class; examples of small classes repeat. */
export type Sampling = "shuffled" | "balanced";

/** Neighbours that are read together where reading at random is slow. */
const BLOCK = 256;

/** Places of epochs that are kept: a batch may go many times through a few examples. */
const KEPT = 65536;

/** Which examples an order has, and what it depends on. */
export interface OrderOptions {
  readonly seed: number;
  /** Default `shuffled`. */
  readonly sampling?: Sampling;
  /** Which examples take part. Default: all. */
  readonly from?: "all" | "labelled" | "unlabelled";
  /** Whether the set's own pictures are ordered (the default), or those that were added to it. */
  readonly of?: "own" | "added";
  /** Tells the random numbers of several orders apart. Default: none. */
  readonly purpose?: string;
}

/** The examples of a set that take part, in a new random order each epoch. */
export class EpochOrder {
  /** Examples in an epoch. */
  readonly length: number;
  /** Those examples, ascending. */
  readonly members: Int32Array;
  /** The first example of those that are ordered, and how many there are. */
  private readonly start: number;
  private readonly count: number;
  private readonly known = new Map<number, Int32Array>();

  constructor(
    private readonly set: ImageSet,
    private readonly options: OrderOptions,
  ) {
    const own = ownCount(set);
    [this.start, this.count] = options.of === "added" ? [own, set.labels.length - own] : [0, own];
    this.members = range(this.start, this.start + this.count).filter((index) => this.takesPart(set.labels[index]!));
    this.length = this.members.length;
  }

  /** The examples of an epoch, in order. */
  epoch(epoch: number): Int32Array {
    const known = this.known.get(epoch);
    if (known) return known;
    const order = this.draw(epoch);
    // A batch may span two epochs or more, and the next is made beforehand.
    if (this.known.size >= Math.max(3, KEPT / this.length)) this.known.delete(Math.min(...this.known.keys()));
    this.known.set(epoch, order);
    return order;
  }

  /** The example at a place of the endless sequence of epochs. */
  at(place: number): number {
    return this.epoch(Math.floor(place / this.length))[place % this.length]!;
  }

  private takesPart(label: number): boolean {
    const { from = "all" } = this.options;
    return from === "all" || label >= 0 === (from === "labelled");
  }

  private draw(epoch: number): Int32Array {
    const { labels, pixels } = this.set;
    const { seed, sampling, purpose = "" } = this.options;
    const random = new Random(seed, `order:${purpose}${epoch}`);
    const order =
      pixels.window === undefined
        ? random.permutation(this.length).map((place) => this.members[place]!)
        : shuffled(this.count, random, pixels.window)
            .map((place) => this.start + place)
            .filter((index) => this.takesPart(labels[index]!));
    if (sampling !== "balanced") return order;
    // Places of labelled examples go to all classes alike; the next epoch goes on where this one ended.
    const labelled = order.filter((index) => labels[index]! >= 0);
    const draw = byClass(labelled, labels);
    let at = 0;
    return order.map((index) => (labels[index]! < 0 ? index : draw[(epoch * labelled.length + at++) % draw.length]!));
  }
}

/** Every class in turn, each going through its examples again and again until the largest has been through once. */
function byClass(labelled: Int32Array, labels: Int32Array): Int32Array {
  const groups = new Map<number, number[]>();
  for (const index of labelled) {
    const label = labels[index]!;
    if (!groups.has(label)) groups.set(label, []);
    groups.get(label)!.push(index);
  }
  const members = [...groups.entries()].sort(([a], [b]) => a - b).map(([, group]) => group);
  const rounds = members.reduce((most, group) => Math.max(most, group.length), 0);
  return Int32Array.from({ length: rounds * members.length }, (_, i) => {
    const group = members[i % members.length]!;
    return group[Math.floor(i / members.length) % group.length]!;
  });
}

/**
 * A random order of 0..n-1. With a window: blocks of neighbours in random order, mixed within so many examples, as a
 * shuffle buffer over a stream does; reading then touches few places at a time.
 */
function shuffled(n: number, random: Random, window: number): Int32Array {
  if (window >= n) return random.permutation(n);
  const blocks = random.permutation(Math.ceil(n / BLOCK));
  const order = new Int32Array(n);
  let at = 0;
  for (const block of blocks) for (let i = block * BLOCK; i < Math.min(n, (block + 1) * BLOCK); i++) order[at++] = i;
  for (let from = 0; from < n; from += window) {
    const part = order.slice(from, from + window);
    random.permutation(part.length).forEach((place, i) => {
      order[from + i] = part[place]!;
    });
  }
  return order;
}
