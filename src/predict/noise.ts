// The noise that a head is fed when a trained model is used.
import { sizeOf } from "../base/array.ts";
import { hashBytes } from "../data/dataset.ts";
import { drawNoise, type NoiseSpec } from "../nn/scope.ts";

/** The rows of a call for which noise is drawn. */
export interface NoiseRows {
  /** Number of rows. */
  readonly count: number;
  /** Which batch of the call they are. */
  readonly batch: number;
  /** Bytes of their pictures, `[count, h, w, c]`, for a head that looks at pictures. */
  readonly pictures?: Uint8Array;
}

/**
 * Noise `[count, …]` of a head. Where it looks at pictures, each row is drawn from the seed and the bytes of its own picture:
 * what is said of a picture depends neither on its place in the call nor on its neighbours. Elsewhere a row is drawn by its
 * place, so that all differ.
 * @param path of the noise in the head's graph
 */
export function headNoise(
  path: string,
  { kind, shape: [, ...row] }: NoiseSpec,
  seed: number,
  { count, batch, pictures }: NoiseRows,
): Float32Array {
  const size = sizeOf(row);
  const noise = new Float32Array(count * size);
  if (!pictures) {
    drawNoise({ kind, shape: [count, ...row] }, path, seed, batch, noise);
    return noise;
  }
  const bytes = pictures.length / count;
  for (let i = 0; i < count; i++) {
    const picture = hashBytes(pictures.subarray(i * bytes, (i + 1) * bytes)) >>> 0;
    drawNoise({ kind, shape: row }, `${path}:${picture}`, seed, 0, noise.subarray(i * size, (i + 1) * size));
  }
  return noise;
}
