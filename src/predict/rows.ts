// Rows of what a model answers: how many are computed at once, and that they are numbers.
import { firstNotFinite } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import type { DataSpec } from "../models/model.ts";

/** Rows that are computed at once, at most, and the most values of pictures in them: maps of a network take some hundred times as much. */
const [MOST_ROWS, MOST_VALUES] = [256, 2 ** 21];

/** Rows that a head computes at once: a power of two, the fewer the larger the pictures are that it looks at or makes. */
export function rowsAtOnce({ height, width, channels }: Pick<DataSpec, "height" | "width" | "channels">): number {
  let rows = MOST_ROWS;
  while (rows > 1 && rows * height * width * channels > MOST_VALUES) rows /= 2;
  return rows;
}

/** Refuses rows of `width` values of an output that are no numbers, from which nothing true could follow. @throws `E_NAN` */
export function requireFinite(output: string, rows: Float32Array, width: number): void {
  const at = firstNotFinite(rows);
  if (at >= 0)
    fail(
      "E_NAN",
      `"${output}" of picture ${Math.floor(at / width) + 1} is ${rows[at]}: the weights went wrong in training, or are damaged. Train again with a lower learning rate (--set rate=…)`,
    );
}
