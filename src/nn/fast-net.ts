// A small classifier that learns in few epochs: the network of Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
// sections 3.1 to 3.3. Any height and width from 2 pixels on, any number of channels.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { identityInit, normalInit } from "./init.ts";
import { batchNorm, conv, dense } from "./layers.ts";
import type { Scope } from "./scope.ts";
import { whiten } from "./whitening.ts";

/**
 * The feature maps after each group of the network, the largest first: `[n, h, w, c] -> [n, h', w', widths[k]]`, where each group
 * halves height and width, rounded down, and the first begins with one pixel less than the picture. A side of one pixel stays.
 * Parameters: `whiten/bias`, and of group k from 1: `group{k}/conv1/weights`, `group{k}/norm1/shift` and the same with 2.
 */
export function fastNet(scope: Scope, x: Tensor, widths: readonly number[]): Tensor[] {
  let y = g.gelu(whiten(scope.child("whiten"), x));
  return widths.map((width, k) => {
    y = group(scope.child(`group${k + 1}`), y, width);
    return y;
  });
}

/** Two 3x3 convolutions; the first is pooled before it is normalised, which leaves a quarter of the work to what follows. */
function group(scope: Scope, x: Tensor, width: number): Tensor {
  const layer = (name: string, input: Tensor) =>
    conv(scope.child(`conv${name}`), input, width, 3, { bias: false, init: identityInit });
  const after = (name: string, maps: Tensor) => g.gelu(batchNorm(scope.child(`norm${name}`), maps, { scale: false }));
  const first = layer("1", x);
  const window = [Math.min(2, first.shape[1]!), Math.min(2, first.shape[2]!)] as const;
  return after("2", layer("2", after("1", g.maxPool(first, window))));
}

/** The largest value of each channel over the places of a map: `[n, h, w, c] -> [n, c]`. */
export const largest = (maps: Tensor): Tensor => g.max(maps, [1, 2]);

/**
 * The network's classifier: `[n, c] -> [n, classes]`, without a bias. The first weights are of N(0, 1 / c²): nearly nothing, so that
 * no class is far ahead before anything is learnt. Parameter: `weights` [c, classes].
 */
export const fastLogits = (scope: Scope, features: Tensor, classes: number): Tensor =>
  dense(scope, features, classes, { bias: false, init: normalInit(1 / features.shape[1]!) });
