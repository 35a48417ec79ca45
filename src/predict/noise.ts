// The noise that a head is fed when a trained model is used.
import { type NdArray, ndarray, sizeOf } from "../base/array.ts";
import { hashBytes } from "../data/dataset.ts";
import { NOISE_PREFIX } from "../graph/names.ts";
import { drawNoise, drawNoiseFrom, type NoiseSpec } from "../nn/scope.ts";

/** The rows of a call for which noise is drawn. */
export interface NoiseRows {
  /** Number of rows. */
  readonly count: number;
  /** The place of the first of them in the call. */
  readonly from: number;
  /** Bytes of their pictures, `[count, h, w, c]`, for a head that looks at pictures. */
  readonly pictures?: Uint8Array;
}

/**
 * Noise of a head by input name, `[count, …]` each. Where it looks at pictures, each row is drawn from the seed and the bytes of
 * its own picture: what is said of a picture depends neither on its place in the call nor on its neighbours. Elsewhere a row
 * is drawn by its place in the call, so that all differ.
 * @param noises by path in the head's graph
 */
export function headNoise(
  noises: ReadonlyMap<string, NoiseSpec>,
  seed: number,
  { count, from, pictures }: NoiseRows,
): Record<string, NdArray> {
  const values: Record<string, NdArray> = {};
  for (const [path, { kind, shape }] of noises) {
    const row = shape.slice(1);
    const size = sizeOf(row);
    const noise = new Float32Array(count * size);
    values[NOISE_PREFIX + path] = ndarray("float32", [count, ...row], noise);
    if (!pictures) {
      drawNoiseFrom({ kind, shape: [count, ...row] }, path, seed, from * size, noise);
      continue;
    }
    const bytes = pictures.length / count;
    for (let i = 0; i < count; i++) {
      const picture = hashBytes(pictures.subarray(i * bytes, (i + 1) * bytes)) >>> 0;
      drawNoise({ kind, shape: row }, `${path}:${picture}`, seed, 0, noise.subarray(i * size, (i + 1) * size));
    }
  }
  return values;
}
