// Rows of what a model answers: how many are computed at once, and that they are numbers.
import { firstNotFinite } from "../base/array.ts";
import { fail } from "../base/errors.ts";

/** Rows that a head computes at once. */
export const ROWS_AT_ONCE = 256;

/** Refuses rows of `width` values of an output that are no numbers, from which nothing true could follow. @throws `E_NAN` */
export function requireFinite(output: string, rows: Float32Array, width: number): void {
  const at = firstNotFinite(rows);
  if (at >= 0)
    fail(
      "E_NAN",
      `"${output}" of picture ${Math.floor(at / width) + 1} is ${rows[at]}: the weights went wrong in training, or are damaged. Train again with a lower learning rate (--set rate=…)`,
    );
}
