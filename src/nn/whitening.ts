// A fixed first layer whose outputs are uncorrelated and of one size, whatever the pictures: its filters are measured on them.
import type { NdArray, Shape } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { moments, symmetricEigen } from "../base/linear-algebra.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { MeasuredInit } from "./init.ts";
import type { Scope } from "./scope.ts";

/** Side of the filters. */
const SIDE = 2;
/** Added to each direction's variance, as a share of a pixel's: directions with less than that are mostly noise. */
const FLOOR = 5e-4;

/**
 * A convolution by 2x2 filters that are not trained, without padding: `[n, h, w, c] -> [n, h - 1, w - 1, 8 c]` (Jordan 2024,
 * 94% on CIFAR-10 in 3.29 Seconds, section 3.2). The first half of the filters are the principal directions of the training
 * pictures' 2x2 patches, each over the standard deviation along it; the second half are their negatives. Buffer: `weights` [2, 2, c,
 * 8 c]. Parameter: `bias` [8 c], which begins by taking the mean patch away. The source stops training it after three epochs;
 * here it goes on.
 * @throws `E_OPTION` for pictures of one pixel in height or width
 */
export function whiten(scope: Scope, x: Tensor): Tensor {
  const [, height, width, c] = x.shape as readonly [number, number, number, number];
  if (Math.min(height, width) < SIDE)
    fail(
      "E_OPTION",
      `pictures of ${height}x${width} are too narrow for this model, which looks at squares of ${SIDE}x${SIDE} pixels; take a model that does not, or read picture files larger (--image ${Math.max(SIDE, height)}x${Math.max(SIDE, width)})`,
    );
  const outputs = 2 * SIDE * SIDE * c;
  const bias = scope.param("bias", [outputs], { measure: (_, pictures) => measured(pictures).bias });
  return g.conv2d(x, scope.buffer("weights", [SIDE, SIDE, c, outputs], whiteningInit), { bias });
}

const whiteningInit: MeasuredInit = { measure: (_, pictures) => measured(pictures).weights };

/** Filters `[2, 2, c, 8 c]` and biases `[8 c]` for pictures `[n, h, w, c]`. */
function measured(pictures: NdArray): { weights: Float32Array; bias: Float32Array } {
  const { rows, size } = patches(pictures);
  const { mean, covariance } = moments(
    rows,
    size,
    Array.from({ length: rows.length / size }, (_, i) => i),
  );
  const { values, vectors } = symmetricEigen(covariance, size);
  // Far below the variance of a pixel that is one byte brighter in half of the pictures, for pictures that are all alike.
  const floor = Math.max((FLOOR * values.reduce((a, b) => a + b, 0)) / size, 1e-8);
  const weights = new Float32Array(size * 2 * size);
  const bias = new Float32Array(2 * size);
  for (let k = 0; k < size; k++) {
    const scale = 1 / Math.sqrt(Math.max(0, values[k]!) + floor);
    for (let i = 0; i < size; i++) {
      const weight = vectors[i * size + k]! * scale;
      weights[i * 2 * size + k] = weight;
      weights[i * 2 * size + size + k] = -weight;
      bias[k]! -= weight * mean[i]!;
    }
    bias[size + k] = -bias[k]!;
  }
  return { weights, bias };
}

/** Every 2x2 patch of pictures `[n, h, w, c]`: rows of `size` = 4 c values, in the order of the filters. */
function patches({ shape, data }: NdArray): { rows: Float32Array; size: number } {
  const [n, h, w, c] = shape as Shape & readonly [number, number, number, number];
  const size = SIDE * SIDE * c;
  const rows = new Float32Array(n * (h - 1) * (w - 1) * size);
  let at = 0;
  for (let picture = 0; picture < n; picture++)
    for (let y = 0; y < h - 1; y++)
      for (let x = 0; x < w - 1; x++)
        for (let dy = 0; dy < SIDE; dy++) {
          const from = ((picture * h + y + dy) * w + x) * c;
          for (let i = 0; i < SIDE * c; i++) rows[at++] = data[from + i]!;
        }
  return { rows, size };
}
