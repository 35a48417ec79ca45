// Some of many, evenly spread: what is sorted, by class or by time, is then taken from throughout.

/** `count` numbers of 0..n - 1 at even distances, ascending from 0; `count` is at most n. */
export const evenly = (n: number, count: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => Math.floor((i * n) / count));
