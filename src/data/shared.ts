// Pictures that are in a held-out part and in the training part too: what is measured on them is no test.
import type { ImageSet } from "./dataset.ts";

/** Whether all pictures can be read at once: those of a large source are decoded while it is trained on, or lie in a file. */
export const isInMemory = ({ pixels, labels }: ImageSet): boolean =>
  pixels.window === undefined && labels.every((_, i) => pixels.usable(i));

/**
 * Pairs of a picture of `held` and one of `train` with the same bytes, at most one for each of `held`, in the order of `train`.
 * Both are in memory.
 */
export function sharedPictures(held: ImageSet, train: ImageSet): [held: number, train: number][] {
  const [read, readHeld] = [reader(train), reader(held)];
  const byHash = new Map<number, number[]>();
  for (let i = 0; i < held.labels.length; i++) {
    const bytes = readHeld(i);
    const hash = hashOf(bytes);
    const same = byHash.get(hash);
    if (same) same.push(i);
    else byHash.set(hash, [i]);
  }
  const pairs: [number, number][] = [];
  for (let i = 0; i < train.labels.length && byHash.size > 0; i++) {
    const bytes = read(i);
    const alike = byHash.get(hashOf(bytes));
    if (!alike) continue;
    const others = alike.filter((j) => {
      // Two pictures in four thousand million have the same hash by chance.
      const same = readHeld(j).every((value, k) => value === bytes[k]);
      if (same) pairs.push([j, i]);
      return !same;
    });
    byHash.set(hashOf(bytes), others);
  }
  return pairs;
}

/** Reads one picture after the other as words of four bytes, the last filled up with zeros. */
function reader({ pixels }: ImageSet): (index: number) => Int32Array {
  const words = new Int32Array(Math.ceil(pixels.size / 4));
  const bytes = new Uint8Array(words.buffer);
  return (index) => {
    pixels.read(index, bytes, 0);
    return words;
  };
}

/** FNV-1a over words, with the high bits folded back so that all of a word counts. */
function hashOf(words: Int32Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ words[i]!, 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash;
}
