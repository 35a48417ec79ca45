// The numbers of baselines.py: minimal standard generator (Park & Miller 1988).
import type { Examples } from "../../src/solvers/examples.ts";

/** Numbers of 0 to 1. */
export function numbers(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  });
}

/** Rows `[n, d]` about one of `classes` centres each, in turn. */
export function clouds(n: number, d: number, classes: number, spread: number, seed: number): Examples {
  const centres = numbers(classes * d, seed);
  const noise = numbers(n * d, seed + 1);
  const labels = Int32Array.from({ length: n }, (_, i) => i % classes);
  const rows = Float32Array.from(
    noise,
    (value, at) => centres[labels[Math.floor(at / d)]! * d + (at % d)]! + spread * (value - 0.5),
  );
  return { rows, d, labels, classes, weights: new Float32Array(n).fill(1) };
}

/** What a solver returns, however far it has told to be. */
export function solved<T>(solving: Generator<unknown, T>): T {
  let next = solving.next();
  while (!next.done) next = solving.next();
  return next.value;
}
