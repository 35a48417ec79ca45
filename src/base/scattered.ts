// Some of many that stand in some order: by class, by time, or class after class in turn.

/**
 * `count` of the numbers 0..n - 1, ascending: those that a fixed permutation of all whole numbers puts first. Each is as likely as any
 * other, whatever comes in which order. Numbers at equal distances would all be of a few classes where classes come in turn.
 * @param count at most n, which is at most 2³²
 */
export function scattered(n: number, count: number): Int32Array {
  const places = Uint32Array.from({ length: n }, (_, i) => placeOf(i));
  const bound = places.toSorted()[count] ?? 2 ** 32;
  const chosen = new Int32Array(count);
  let at = 0;
  for (let i = 0; i < n; i++) if (places[i]! < bound) chosen[at++] = i;
  return chosen;
}

/** The last steps of MurmurHash3 (Appleby), which take 32 bits to 32 bits one to one: no two numbers have the same place. */
function placeOf(i: number): number {
  let x = i;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * `count` of the numbers 0..n - 1 at equal distances, ascending from 0: to recognise what was seen before, and not to judge the whole by.
 * @param count at most n
 */
export const atEqualDistances = (n: number, count: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => Math.floor((i * n) / count));
