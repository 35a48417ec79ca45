// A linear support vector machine of many examples, by coordinate descent in its dual.
import { Random } from "../random/random.ts";

/** Weights of a row's numbers and what is added to their sum: above 0 for the class. */
export interface LinearMachine {
  /** `[d]` */
  readonly weights: Float64Array;
  readonly offset: number;
}

/** How far the conditions of an optimum may be missed, and how often all examples are gone through at most. */
const [TOLERANCE, ROUNDS] = [0.01, 1000];

/**
 * Minimises ½ |w|² + Σ Cᵢ max(0, 1 - yᵢ (w x + b))², where b is the weight of a number that is 1 in all rows (Hsieh et al. 2008, A Dual
 * Coordinate Descent Method for Large-scale Linear SVM, algorithm 3 without shrinking; L2 loss). Yields the share of the examples that
 * have been gone through in the round.
 * @param rows `[n, d]`
 * @param signs +1 or -1 for each
 * @param limits Cᵢ
 */
export function* linearMachine(
  rows: Float32Array,
  d: number,
  signs: Int8Array,
  limits: Float64Array,
  seed: number,
): Generator<undefined, LinearMachine> {
  const examples = Int32Array.from(limits.keys()).filter((i) => limits[i]! > 0);
  const weights = new Float64Array(d);
  let offset = 0;
  const alpha = new Float64Array(signs.length);
  const curvature = Float64Array.from(signs, (_, i) => {
    let square = 0;
    for (let k = i * d; k < (i + 1) * d; k++) square += rows[k]! ** 2;
    return square + 1 + 1 / (2 * limits[i]!);
  });
  const random = new Random(seed, "linear");
  for (let round = 0; round < ROUNDS; round++) {
    let [most, least] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const order = random.permutation(examples.length);
    for (let at = 0; at < order.length; at++) {
      if (at % 2000 === 0) yield undefined;
      const i = examples[order[at]!]!;
      const y = signs[i]!;
      let sum = offset;
      for (let k = 0; k < d; k++) sum += weights[k]! * rows[i * d + k]!;
      const gradient = y * sum - 1 + alpha[i]! / (2 * limits[i]!);
      const projected = alpha[i]! > 0 ? gradient : Math.min(0, gradient);
      most = Math.max(most, projected);
      least = Math.min(least, projected);
      if (Math.abs(projected) < 1e-12) continue;
      const before = alpha[i]!;
      alpha[i] = Math.max(0, before - gradient / curvature[i]!);
      const change = (alpha[i]! - before) * y;
      offset += change;
      for (let k = 0; k < d; k++) weights[k]! += change * rows[i * d + k]!;
    }
    if (most - least < TOLERANCE) break;
  }
  return { weights, offset };
}
