// Pictures that are in a held-out part and in the training part too: what is measured on them is no test.
import type { ImageSet } from "./dataset.ts";

/**
 * Pairs of a picture of `held` and one of `train` with the same bytes, at most one for each of `held`, in the order of `train`.
 * Only pictures that can be read at once are compared: those of a large source, which are decoded while training, are not.
 */
export function sharedPictures(held: ImageSet, train: ImageSet): [held: number, train: number][] {
  if (isSlow(held) || isSlow(train)) return [];
  const [read, readHeld] = [reader(train), reader(held)];
  const byHash = new Map<number, number[]>();
  for (let i = 0; i < held.labels.length; i++) {
    const bytes = readHeld(i);
    if (!bytes) continue;
    const hash = hashOf(bytes);
    const same = byHash.get(hash);
    if (same) same.push(i);
    else byHash.set(hash, [i]);
  }
  const pairs: [number, number][] = [];
  for (let i = 0; i < train.labels.length && byHash.size > 0; i++) {
    const bytes = read(i);
    const alike = bytes && byHash.get(hashOf(bytes));
    if (!bytes || !alike) continue;
    const others = alike.filter((j) => {
      // Two pictures in four thousand million have the same hash by chance.
      const same = readHeld(j)!.every((value, k) => value === bytes[k]);
      if (same) pairs.push([j, i]);
      return !same;
    });
    byHash.set(hashOf(bytes), others);
  }
  return pairs;
}

/** Whether the pictures lie in a file that is too large for memory. */
const isSlow = ({ pixels }: ImageSet): boolean => pixels.window !== undefined;

/** Reads one picture after the other as words of four bytes, the last filled up with zeros; undefined for one that is not there. */
function reader({ pixels }: ImageSet): (index: number) => Int32Array | undefined {
  const words = new Int32Array(Math.ceil(pixels.size / 4));
  const bytes = new Uint8Array(words.buffer);
  return (index) => {
    if (!pixels.usable(index)) return undefined;
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
