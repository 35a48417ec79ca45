// Noise that is always the same, for a trained model that answers by an average over draws: it gives a picture the same answer in a run and
// in its exported file, and compares classes by the same draws (common random numbers).
import { ndarray, type Shape, sizeOf } from "../base/array.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import { Random } from "../random/random.ts";

const SEED = 0;

/**
 * `k` draws of `d` standard normal values, `[1, k, d]`. Every second one is the one before with the other sign (antithetic variates;
 * Hammersley & Morton 1956): the mean of a linear function over an even number of draws has no error.
 */
export function fixedNormal(k: number, d: number): Tensor {
  const drawn = new Float32Array(Math.ceil(k / 2) * d);
  new Random(SEED, "fixed normal").fillNormal(drawn);
  const values = new Float32Array(k * d);
  for (let row = 0; row < k; row++)
    for (let j = 0; j < d; j++) values[row * d + j] = (row % 2 === 0 ? 1 : -1) * drawn[(row >> 1) * d + j]!;
  return constant(ndarray("float32", [1, k, d], values));
}

/** Values uniform in (0, 1), `[1, ...row]`. */
export function fixedUniform(row: Shape): Tensor {
  const values = new Float32Array(sizeOf(row));
  new Random(SEED, "fixed uniform").fillUniform(values);
  return constant(ndarray("float32", [1, ...row], values));
}
