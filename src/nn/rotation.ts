// Pictures turned about their centre, and pictures in polar coordinates, where a turn is a shift along the angle's axis. Angles
// are counterclockwise as seen (rows of a picture count downwards), and offsets in pixels are from the picture's centre.
import { ndarray } from "../base/array.ts";
import type { Size } from "../graph/ops/index.ts";
import * as g from "../graph/ops/index.ts";
import { constant, type Tensor } from "../graph/tensor.ts";

type Four = readonly [number, number, number, number];
type Offset = readonly [x: number, y: number];

/** An offset after a turn by `angle`, in radians. */
const turned = ([x, y]: Offset, angle: number): Offset => [
  x * Math.cos(angle) + y * Math.sin(angle),
  y * Math.cos(angle) - x * Math.sin(angle),
];

/** The offset of the pixel in a row and column of a picture of this size. */
export const offsetOf = (row: number, column: number, [height, width]: Size): Offset => [
  column - (width - 1) / 2,
  row - (height - 1) / 2,
];

/** The numbers that a function of row and column gives, as a constant `[1, rows, columns, values]`. */
export function table(rows: number, columns: number, at: (row: number, column: number) => readonly number[]): Tensor {
  const values = Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns));
  return constant(ndarray("float32", [1, rows, columns, values[0]!.length], Float32Array.from(values.flat())));
}

/**
 * Zeros `[n]`, one for each row of `[n, …]`. They are computed from the rows, which must be finite, so that a graph that is
 * exported takes any number of them.
 */
export const rowZeros = (x: Tensor): Tensor => g.mul(g.mean(g.flatten(x), 1), 0);

/** Pictures `[n, h, w, c]` read at fixed offsets, `[1, oh, ow, 2]` as `gridSample` counts, and moved by `shift` [n, 2] pixels. */
function readAt(x: Tensor, grid: Tensor, shift?: Tensor): Tensor {
  const [n, h, w] = x.shape as Four;
  if (!shift) return g.gridSample(x, g.add(grid, g.reshape(rowZeros(x), [n, 1, 1, 1])));
  const scale = constant(ndarray("float32", [2], [2 / w, 2 / h]));
  return g.gridSample(x, g.add(grid, g.reshape(g.mul(shift, scale), [n, 1, 1, 2])));
}

/** Offsets in pixels in the unit of `gridSample`'s grid, for pictures of this size. */
const gridPlace = ([x, y]: Offset, [height, width]: Size): Offset => [(2 * x) / width, (2 * y) / height];

/** How a picture is read in polar coordinates. */
export interface PolarShape {
  /** Number of directions, evenly spread over the full circle. */
  readonly angles: number;
  /** Number of radii, evenly spread up to the inscribed circle: the middles of as many rings of one thickness. */
  readonly radii: number;
  /** The first direction, as a share of the step between two; the default 0 points to the right. */
  readonly phase?: number;
}

/**
 * Pictures in polar coordinates: `[n, h, w, c] -> [n, angles, radii, c]`, bilinear values. The value at [a, r] lies in the
 * direction 2π (a + phase) / angles, so that a turn by 2π / angles moves every row to the next, and the last to the first.
 * @param shift `[n, 2]`: the centre of each is moved by x and y pixels; by default it is the picture's own
 */
export function polar(x: Tensor, { angles, radii, phase = 0 }: PolarShape, shift?: Tensor): Tensor {
  const size = [x.shape[1]!, x.shape[2]!] as const;
  const step = Math.min(...size) / 2 / radii;
  const grid = table(angles, radii, (a, r) =>
    gridPlace(turned([(r + 0.5) * step, 0], (2 * Math.PI * (a + phase)) / angles), size),
  );
  return readAt(x, grid, shift);
}

/** Pictures moved by x and y pixels, `shift` `[n, 2]`: each pixel is read at the place that far to the right and below. */
export function shifted(x: Tensor, shift: Tensor): Tensor {
  const size = [x.shape[1]!, x.shape[2]!] as const;
  return readAt(
    x,
    table(...size, (row, column) => gridPlace(offsetOf(row, column, size), size)),
    shift,
  );
}

/**
 * Copies of each picture turned back (clockwise) by fixed angles, in radians: `[n, h, w, c] -> [n, angles, side, side, c]`,
 * the square about the centre of each.
 */
export function turnedBack(x: Tensor, angles: readonly number[], side: number): Tensor {
  const [n, h, w, c] = x.shape as Four;
  const grid = table(angles.length * side, side, (row, column) =>
    gridPlace(turned(offsetOf(row % side, column, [side, side]), angles[Math.floor(row / side)]!), [h, w]),
  );
  return g.reshape(readAt(x, grid), [n, angles.length, side, side, c]);
}

/**
 * Pictures each turned by an angle of its own, `[n]` in radians: `[n, h, w, c] -> [n, oh, ow, c]`, bilinear values; beyond a
 * picture's edge, the edge repeats.
 * @param size of the result, about the same centre; by default that of `x`
 */
export function turn(x: Tensor, angle: Tensor, size: Size = [x.shape[1]!, x.shape[2]!]): Tensor {
  const [n, h, w] = x.shape as Four;
  const [cos, sin] = [g.cos, g.sin].map((f) => g.reshape(f(angle), [n, 1, 1, 1])) as [Tensor, Tensor];
  const along = (axis: 0 | 1) => table(...size, (row, column) => [offsetOf(row, column, size)[axis]]);
  const [column, row] = [along(0), along(1)];
  // What lies at an offset of the result is read at that offset turned back.
  const fromX = g.mul(g.sub(g.mul(column, cos), g.mul(row, sin)), 2 / w);
  const fromY = g.mul(g.add(g.mul(column, sin), g.mul(row, cos)), 2 / h);
  return g.gridSample(x, g.concat([fromX, fromY], 3));
}

/** Square pictures `[n, side, side, c]` turned by 90 degrees, pixel for pixel. */
export const quarterTurn = (x: Tensor): Tensor => g.reverse(g.transpose(x, [0, 2, 1, 3]), 1);

/**
 * Inner products of drawings with pictures that are turned back by each of `count` angles: `[n, count]`, in column k those of
 * the angle 2π k / count. It is the picture that is turned, as a fixed map that needs no gradient; whole quarter turns are left
 * to the drawing, whose pixels they only exchange.
 * @param x pictures `[n, h, w, c]`
 * @param drawing `[n, side, side, c]`, laid upon the centre of the picture
 * @param count 1, or a multiple of 4
 */
export function turnedProducts(x: Tensor, drawing: Tensor, count: number): Tensor {
  const [n, side] = drawing.shape as Four;
  const quarters = [drawing];
  while (count > 1 && quarters.length < 4) quarters.push(quarterTurn(quarters.at(-1)!));
  const within = Array.from({ length: count / quarters.length }, (_, k) => (2 * Math.PI * k) / count);
  const copies = g.reshape(turnedBack(x, within, side), [n, within.length, -1]);
  const drawings = g.reshape(g.stack(quarters, 1), [n, quarters.length, -1]);
  return g.reshape(g.matmul(drawings, copies, false, true), [n, count]);
}

/** 1 for pixels whose centre lies in the circle inscribed to pictures of this size, else 0: `[1, height, width, 1]`. */
export const inscribedCircle = (size: Size): Tensor =>
  table(...size, (row, column) => [Math.hypot(...offsetOf(row, column, size)) <= Math.min(...size) / 2 ? 1 : 0]);

/** An axis that closes to a circle, with `count` entries of its other end before and after: for convolutions without a seam. */
export function wrap(x: Tensor, axis: number, count: number): Tensor {
  const length = x.shape[axis]!;
  return g.concat([g.sliceAxis(x, axis, length - count, length), x, g.sliceAxis(x, axis, 0, count)], axis);
}
