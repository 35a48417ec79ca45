// The structural similarity of metrics/ssim.ts as a graph, for many pictures at once.
import { ndarray } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import { SSIM_CONSTANTS, ssimWindow } from "../metrics/ssim.ts";

/** The similarity `[n]` of each of pictures `x` and its counterpart of `y`, `[n, h, w, c]` in 0..1: see `ssim`. */
export function similarity(x: Tensor, y: Tensor): Tensor {
  const [, h, w, c] = x.shape as readonly number[] as [number, number, number, number];
  const window = ssimWindow(h, w);
  const side = window.length;
  const weights = Float32Array.from({ length: side * c }, (_, i) => window[Math.floor(i / c)]!);
  const along = (shape: [number, number, number]) => constant(ndarray("float32", shape, weights));
  const local = (map: Tensor) => g.depthwiseConv2d(g.depthwiseConv2d(map, along([side, 1, c])), along([1, side, c]));
  const [mx, my] = [local(x), local(y)];
  const [mxx, myy, mxy] = [g.square(mx), g.square(my), g.mul(mx, my)];
  const spread = g.add(g.sub(local(g.square(x)), mxx), g.sub(local(g.square(y)), myy));
  const together = g.sub(local(g.mul(x, y)), mxy);
  const [c1, c2] = SSIM_CONSTANTS;
  const above = g.mul(g.add(g.mul(mxy, 2), c1), g.add(g.mul(together, 2), c2));
  const below = g.mul(g.add(g.add(mxx, myy), c1), g.add(spread, c2));
  return g.mean(g.div(above, below), [1, 2, 3]);
}
