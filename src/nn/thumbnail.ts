// Pictures of few pixels, for what looks at pictures as they are.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";

/**
 * Pictures `[n, h, w, c]` shrunk by a whole factor to at most `most` pixels a side, as rows `[n, …]` of the means of squares. The
 * factor is at most the shorter side, so that a picture longer than `most` times that keeps more than `most` pixels along it. What
 * is over at the right and the bottom is left out.
 */
export function thumbnail(x: Tensor, most: number): Tensor {
  const [, height, width] = x.shape as readonly [number, number, number, number];
  const side = Math.min(Math.ceil(Math.max(height, width) / most), height, width);
  return g.flatten(g.avgPool(x, side, { padding: 0 }));
}
