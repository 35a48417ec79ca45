// Drawings put into the middle of the picture, less slanted and nearer to one size, by their moments.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { offsetOf, table } from "./rotation.ts";

/** Share of the slant that is taken away. */
const UPRIGHTED = 0.8;
/** The standard deviation that what is drawn is brought half-way to along each side: a share of the side. */
const EXTENT = 1 / 5;
/** The least standard deviation that is believed, in pixels: a dot shall not be made as large as a letter. */
const LEAST = 0.5;
/** The steepest slant that is believed, in columns a row. */
const STEEPEST = 1;

/**
 * Pictures `[n, h, w, c]`, normalised by the moments of what is drawn: its centre is put into the middle, four fifths of its slant are
 * taken away, and its standard deviation along columns (without the slant) and along rows becomes the geometric mean of what it was
 * and a fifth of the side. This is moment normalisation with slant correction (Liu, Nakashima, Sako & Fujisawa 2004, Handwritten digit
 * recognition: investigation of normalization and feature extraction techniques), but not the whole way. A slant is believed up to one
 * column a row, and a standard deviation from half a pixel on. What is drawn is the difference from the mean of the border, in the mean
 * of the channels. Values are bilinear; beyond an edge, the edge repeats. How far to go was chosen in trials on MNIST, by how many hidden
 * labels a graph of edges finds.
 */
export function momentNormalised(x: Tensor): Tensor {
  const [, h, w] = x.shape as readonly [number, number, number, number];
  const grey = g.mean(x, [3], true);
  const edge = border(h, w);
  const background = g.div(g.sum(g.mul(grey, edge), [1, 2, 3], true), g.sum(edge));
  const drawn = g.abs(g.sub(grey, background));
  const ink = g.add(g.sum(drawn, [1, 2, 3], true), 1e-6);
  // Offsets from the middle, in pixels.
  const along = (axis: 0 | 1) => table(h, w, (row, column) => [offsetOf(row, column, [h, w])[axis]]);
  const [column, row] = [along(0), along(1)];
  const mean = (values: Tensor) => g.div(g.sum(g.mul(drawn, values), [1, 2, 3], true), ink);
  const [x0, y0] = [mean(column), mean(row)];
  const [right, down] = [g.sub(column, x0), g.sub(row, y0)];
  const [xx, xy, yy] = [g.square(right), g.mul(right, down), g.square(down)].map(mean) as [Tensor, Tensor, Tensor];
  const slant = g.clip(g.div(xy, g.maximum(yy, LEAST ** 2)), -STEEPEST, STEEPEST);
  // Of the columns, the variance that is left when the slant is taken away.
  const upright = g.sub(g.add(xx, g.mul(g.square(slant), yy)), g.mul(g.mul(slant, xy), 2));
  const scale = (variance: Tensor, side: number) =>
    g.sqrt(g.div(g.sqrt(g.maximum(variance, LEAST ** 2)), EXTENT * side));
  // A place of the result is read where it was before.
  const fromRow = g.mul(row, scale(yy, h));
  const fromX = g.add(g.add(g.mul(column, scale(upright, w)), x0), g.mul(g.mul(slant, UPRIGHTED), fromRow));
  const fromY = g.add(fromRow, y0);
  return g.gridSample(x, g.concat([g.mul(fromX, 2 / w), g.mul(fromY, 2 / h)], 3));
}

/** 1 for pixels at an edge, else 0: `[1, h, w, 1]`. */
const border = (h: number, w: number): Tensor =>
  table(h, w, (row, column) => [Number(row === 0 || column === 0 || row === h - 1 || column === w - 1)]);
