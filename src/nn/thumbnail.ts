// Pictures of few pixels, for what looks at pictures as they are.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";

/**
 * Pictures `[n, h, w, c]` shrunk by a whole factor to at most `most` pixels a side: means of squares. The factor is at most the
 * shorter side, so that a picture longer than `most` times that keeps more than `most` pixels along it. What is over at the right and
 * the bottom is left out.
 */
export function shrunk(x: Tensor, most: number): Tensor {
  const [, height, width] = x.shape as readonly [number, number, number, number];
  const side = Math.min(Math.ceil(Math.max(height, width) / most), height, width);
  return side === 1 ? x : g.avgPool(x, side, { padding: 0 });
}

/** The same as rows `[n, …]`. */
export const thumbnail = (x: Tensor, most: number): Tensor => g.flatten(shrunk(x, most));
