// Distributions over k equal bins of the full circle: the first follows the last. Bin j stands for the angle 2π j / k.
import { ndarray } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import { constant, type Tensor } from "../graph/tensor.ts";

const column = (values: readonly number[], shape: readonly number[]): Tensor =>
  constant(ndarray("float32", shape, Float32Array.from(values)));

const bins = (k: number): number[] => Array.from({ length: k }, (_, j) => j);

/** Each row of `[n, k]` moved on by `count` places: entry j comes from entry j - count. */
export function roll(x: Tensor, count: number): Tensor {
  const k = x.shape[1]!;
  const cut = ((-count % k) + k) % k;
  return cut === 0 ? x : g.concat([g.sliceAxis(x, 1, cut, k), g.sliceAxis(x, 1, 0, cut)], 1);
}

/**
 * Where each row of scores `[n, k]` is largest, in bins and between them: the top of the parabola through the largest score
 * and its two neighbours, `[n]` in -½..k - ½. For logits of a distribution whose logarithm is a parabola near its top, as of a
 * Gaussian, it is exact.
 */
export function circularPeak(scores: Tensor): Tensor {
  const largest = g.argmax(scores);
  const code = g.oneHot(largest, scores.shape[1]!);
  const [before, top, after] = [roll(scores, 1), scores, roll(scores, -1)].map((x) => g.sum(g.mul(code, x), 1)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  // Twice the curvature, which is 0 where all three are equal.
  const bend = g.maximum(g.sub(g.mul(top, 2), g.add(before, after)), 1e-6);
  return g.add(g.cast(largest, "float32"), g.clip(g.div(g.mul(g.sub(after, before), 0.5), bend), -0.5, 0.5));
}

/**
 * Circular standard deviation of each distribution `[n, k]`, in radians: √(-2 ln R), where R is the length of the mean of the
 * unit vectors (Mardia & Jupp 2000, "Directional Statistics", section 2.3.1). At most √(-2 ln 1e-6) = 5.3, which stands for no
 * direction at all.
 */
export function circularDeviation(probabilities: Tensor): Tensor {
  const k = probabilities.shape[1]!;
  const along = (f: (angle: number) => number) =>
    g.sum(
      g.mul(
        probabilities,
        column(
          bins(k).map((j) => f((2 * Math.PI * j) / k)),
          [1, k],
        ),
      ),
      1,
    );
  const squared = g.add(g.square(along(Math.cos)), g.square(along(Math.sin)));
  return g.sqrt(g.neg(g.log(g.clip(squared, 1e-12, 1))));
}

/**
 * Distributions `[n, k]` after a turn by `shift` `[n]`, in bins from 0 to k: between two whole bins each probability is shared
 * between its two new neighbours.
 */
export function turnedBins(probabilities: Tensor, shift: Tensor): Tensor {
  const [n, k] = probabilities.shape as readonly [number, number];
  // How far bin j lies beyond where bin i has gone, wrapped to -k/2..k/2: [n, j, i].
  const from = column(
    bins(k).flatMap((j) => bins(k).map((i) => j - i)),
    [1, k, k],
  );
  const apart = g.sub(from, g.reshape(shift, [n, 1, 1]));
  const wrapped = g.sub(apart, g.mul(g.floor(g.add(g.mul(apart, 1 / k), 0.5)), k));
  const share = g.relu(g.sub(1, g.abs(wrapped)));
  return g.reshape(g.matmul(share, g.reshape(probabilities, [n, k, 1])), [n, k]);
}
