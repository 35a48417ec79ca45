// The order of an epoch: a function of seed and epoch alone, so that training can go on from any step.
import { Random } from "../random/random.ts";
import type { ImageSet } from "./dataset.ts";

/** `shuffled`: every example once. `balanced`: as many places for each class; examples of small classes repeat. */
export type Sampling = "shuffled" | "balanced";

/** Neighbours that are read together where reading at random is slow. */
const BLOCK = 256;

/**
 * The examples of one epoch in order. Where fewer than half have labels, every second place goes to a labelled example
 * (drawn round and round), so that each batch teaches classes.
 */
export function epochOrder(set: ImageSet, seed: number, epoch: number, sampling: Sampling = "shuffled"): Int32Array {
  const { labels, pixels } = set;
  const order = shuffled(labels.length, new Random(seed, `order:${epoch}`), pixels.window);
  const labelled = order.filter((index) => labels[index]! >= 0);
  const rest = order.filter((index) => labels[index]! < 0);
  const few = labelled.length > 0 && labelled.length < rest.length;
  const places = few ? rest.length : labelled.length;
  const draw = sampling === "balanced" ? byClass(labelled, labels) : labelled;
  // Where places outnumber examples, the next epoch goes on where this one ended.
  const drawn = Int32Array.from({ length: places }, (_, i) => draw[(epoch * places + i) % draw.length]!);
  let at = 0;
  if (!few) return order.map((index) => (labels[index]! < 0 ? index : drawn[at++]!));
  return Int32Array.from({ length: 2 * places }, (_, i) => (i % 2 === 0 ? rest[i >> 1]! : drawn[i >> 1]!));
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
function shuffled(n: number, random: Random, window = n): Int32Array {
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
