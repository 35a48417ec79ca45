// Convolutions whose columns are too many for the cache, lowered a part of the batch at a time.
import type { Emitter } from "../emitter.ts";
import { COLUMN_TILE, WHOLE_COLUMNS } from "./choices.ts";
import { isPointwise, outputSize, type Window } from "./window.ts";

/**
 * Lowers a convolution in tiles of the batch whose columns stay in the cache, where all of them would not.
 * @param columnBytes of one image
 * @param axis 0, or -4 which says the same: passes that name it differently do not share columns, so that those of the
 *   forward pass are made again in the backward pass instead of being kept
 */
export function inTiles(
  emit: Emitter,
  n: number,
  columnBytes: number,
  axis: 0 | -4,
  operands: readonly string[],
  build: (operands: string[], images: number) => string,
): string[] {
  if (emit.mode === "infer" || n * columnBytes <= WHOLE_COLUMNS) return [build([...operands], n)];
  const tile = Math.max(1, Math.floor(COLUMN_TILE / columnBytes));
  return Array.from({ length: Math.ceil(n / tile) }, (_, k) => {
    const [from, to] = [k * tile, Math.min(n, (k + 1) * tile)];
    const bounds = [from, to, axis].map((value) => emit.ints([value]));
    return build(
      operands.map((operand) => emit.node("Slice", [operand, ...bounds])),
      to - from,
    );
  });
}

/** Bytes of the columns of one image `[h, w, c]`; a pointwise window has none of its own. */
export function columnBytes(window: Window, h: number, w: number, c: number): number {
  if (isPointwise(window)) return 0;
  const [oh, ow] = outputSize(window, [h, w], "conv2d");
  return 4 * oh * ow * window.kernel[0] * window.kernel[1] * c;
}
