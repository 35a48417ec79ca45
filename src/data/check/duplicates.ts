// Pictures that are there twice: exactly, or nearly (recompressed, resized, brightened, slightly cut).
import { setImmediate } from "node:timers/promises";
import type { StopSignal } from "../../base/stop-signal.ts";
import { Random } from "../../random/random.ts";
import { type Dataset, gather, type ImageSet, PARTS, type Part, range } from "../dataset.ts";
import { describePicture, dot, hashDistance, type PictureDescriptor, similarity } from "./similarity.ts";

/** Where a picture is in a data set. */
export interface Place {
  /** Name of the part. */
  readonly part: Part;
  /** Its number in the part, from 0. */
  readonly index: number;
}

/** A pair of pictures that are the same, or nearly. */
export interface Duplicate {
  /** The first of them in the data set. */
  readonly a: Place;
  /** The later one. */
  readonly b: Place;
  /** 1 for the same bytes; else the correlation of fine structure, at most 1 (`similarity`). */
  readonly similarity: number;
}

/** Least similarity of near duplicates, where unlike pictures are far from it. */
const LEAST = 0.9;
/** Where a typical picture is at distance d from its nearest one, near duplicates are within this many d². */
const CLOSENESS = 0.4;
/** Hashes of near duplicates differ in at most so many of 64 bits. */
const MOST_BITS = 14;
/** Pairs whose fine structure is compared. */
const MOST_CANDIDATES = 4_000_000;
/** Pairs that are also compared under slight crops, and the least plain correlation that makes it worth trying. */
const MOST_ALIGNED = 10_000;
const LEAST_PLAIN = 0.35;
const SAMPLE = 300;
const PART_SIZE = 2000;
const ALIGNED_AT_ONCE = 100;

/**
 * Finds pairs of the same and of nearly the same picture, within and across parts, the most similar first. What counts as
 * near depends on the data: digits are alike by nature, so a pair must be far closer than a typical picture is to the one
 * most similar to it. Of pictures that are the same, the first stands for all among the near pairs.
 * @param options `signal` ends the work: the call then throws its reason
 * @throws `E_IMAGE` when more pictures do not decode than the source allows
 */
export async function findDuplicates(
  data: Dataset,
  { signal }: { readonly signal?: StopSignal } = {},
): Promise<{ exact: Duplicate[]; near: Duplicate[] }> {
  const places: Place[] = [];
  const descriptors: PictureDescriptor[] = [];
  const known = new Map<string, number>();
  const exact: Duplicate[] = [];
  for (const part of PARTS) {
    const set = data[part];
    if (!set) continue;
    for (let from = 0; from < set.labels.length; from += PART_SIZE) {
      signal?.throwIfAborted();
      const index = range(from, Math.min(from + PART_SIZE, set.labels.length));
      const bytes = await gather(set, index);
      for (const i of index) {
        const picture = bytes.subarray((i - from) * set.pixels.size, (i - from + 1) * set.pixels.size);
        const key = contentKey(picture);
        const first = known.get(key);
        // Of pictures that are the same, the first stands for all in what follows.
        if (first !== undefined) exact.push({ a: places[first]!, b: { part, index: i }, similarity: 1 });
        else {
          known.set(key, places.length);
          places.push({ part, index: i });
          descriptors.push(describePicture(picture, set));
        }
      }
    }
  }
  const least = Math.max(LEAST, 1 - CLOSENESS * typicalDistance(descriptors) ** 2);
  const near = (await nearPairs(descriptors, least, signal))
    .map(([i, j, value]): Duplicate => ({ a: places[i]!, b: places[j]!, similarity: value }))
    .sort((p, q) => q.similarity - p.similarity);
  return { exact, near };
}

/** Two 32-bit hashes: of pictures of one size, those with equal keys are the same but for one chance in about 2^64. */
function contentKey(bytes: Uint8Array): string {
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  for (let i = 0; i < bytes.length; i++) {
    a = Math.imul(a ^ bytes[i]!, 0x01000193);
    b = Math.imul(b + bytes[i]!, 0x5bd1e995) ^ (b >>> 15);
  }
  return `${a >>> 0}:${b >>> 0}`;
}

/** Median over a sample of 1 - (correlation with the nearest other picture). */
function typicalDistance(descriptors: readonly PictureDescriptor[]): number {
  const random = new Random(0, "typical distance");
  const pick = (count: number) => random.permutation(descriptors.length).slice(0, count);
  const others = pick(10 * SAMPLE);
  const distances = Array.from(pick(SAMPLE), (i) => {
    let best = -1;
    for (const j of others) if (j !== i) best = Math.max(best, dot(descriptors[i]!.detail, descriptors[j]!.detail));
    return 1 - best;
  }).sort((a, b) => a - b);
  return distances[distances.length >> 1] ?? 1;
}

/** Whoever gives the signal gets a turn, and so do their timers. @throws its reason, once it is given */
async function turn(signal: StopSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}

async function nearPairs(
  descriptors: readonly PictureDescriptor[],
  least: number,
  signal: StopSignal | undefined,
): Promise<[i: number, j: number, similarity: number][]> {
  const n = descriptors.length;
  const low = Int32Array.from(descriptors, ({ hash }) => hash[0]);
  const high = Int32Array.from(descriptors, ({ hash }) => hash[1]);
  const bits = candidateBits(low, high);
  const pairs: [number, number, number][] = [];
  const doubtful: [number, number, number][] = [];
  for (let i = 1; i < n; i++) {
    if (i % PART_SIZE === 0) await turn(signal);
    const [a0, a1] = [low[i]!, high[i]!];
    for (let j = 0; j < i; j++) {
      if (hashDistance(a0, a1, low[j]!, high[j]!) > bits) continue;
      const plain = dot(descriptors[i]!.detail, descriptors[j]!.detail);
      if (plain >= least) pairs.push([j, i, plain]);
      else if (plain > LEAST_PLAIN) doubtful.push([j, i, plain]);
    }
  }
  // Slight cuts lower the plain correlation, but not to nothing.
  doubtful.sort((p, q) => q[2] - p[2]);
  for (const [at, [j, i]] of doubtful.slice(0, MOST_ALIGNED).entries()) {
    if (at % ALIGNED_AT_ONCE === 0) await turn(signal);
    const value = similarity(descriptors[j]!, descriptors[i]!);
    if (value >= least) pairs.push([j, i, value]);
  }
  return pairs;
}

/** The most bits that leave no more candidates than can be compared. */
function candidateBits(low: Int32Array, high: Int32Array): number {
  const n = low.length;
  const random = new Random(0, "candidates");
  const counts = new Float64Array(65);
  const draws = 200_000;
  for (let k = 0; k < draws; k++) {
    const [i, j] = [random.integer(n), random.integer(n)];
    if (i !== j) counts[hashDistance(low[i]!, high[i]!, low[j]!, high[j]!)]!++;
  }
  let expected = 0;
  for (let bits = 0; bits <= MOST_BITS; bits++) {
    expected += (counts[bits]! / draws) * (n * (n - 1) * 0.5);
    if (expected > MOST_CANDIDATES) return Math.max(2, bits - 1);
  }
  return MOST_BITS;
}

/** A name for a picture: its file, or its part and number, such as `train[7]`, where it has none. */
export function placeName(data: Dataset, { part, index }: Place): string {
  const set = data[part] as ImageSet;
  return set.name?.(index) ?? `${part}[${index}]`;
}
