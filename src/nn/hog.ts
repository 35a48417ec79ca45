// Histograms of oriented gradients of pictures, as a graph.
import { ndarray } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import { constant, type Tensor } from "../graph/tensor.ts";

/** How pictures are divided. */
export interface HogOptions {
  /** Pixels a side of a cell. */
  readonly cell: number;
  /** Cells a side of a block; blocks overlap by all but one cell. */
  readonly block: number;
  /** Directions that are told apart, over half a turn. */
  readonly bins: number;
}

/** Keeps the length of an empty block's histogram from 0, and the largest share that a number may have of it. */
const [EPSILON, MOST] = [1e-5, 0.2];

/**
 * Histograms of oriented gradients (Dalal & Triggs 2005, Histograms of Oriented Gradients for Human Detection): `[n, h, w, c] -> [n,
 * blocks down, blocks across, block², bins]`. Differences of the two neighbours of a pixel, 0 at the border; of colours that of the
 * channel with the longest; the mean length in each cell by direction; blocks normalised by L2-Hys. Where the paper shares a
 * gradient among the nearest cells and directions, here its own take it whole, as in scikit-image, whose `hog` this is. Pixels
 * beyond the last whole cell are left out.
 * @throws `E_SHAPE` for pictures smaller than a block
 */
export function hog(x: Tensor, { cell, block, bins }: HogOptions): Tensor {
  const { across, down } = steepest(x);
  // Of opposite directions the one of 0 to half a turn, counted from the direction of the columns.
  const turned = g.sub(1, g.mul(2, either(g.less(down, 0), g.and(g.equal(down, 0), g.less(across, 0)))));
  const [dx, dy] = [g.mul(across, turned), g.mul(down, turned)];
  const lengths = g.sqrt(g.add(g.square(dx), g.square(dy)));
  // The angle is at least θ where sin(angle - θ) is not negative: bin k is what is past its start and not past the next.
  const angles = Float64Array.from({ length: bins }, (_, k) => (Math.PI * k) / bins);
  const row = (values: Float64Array) => constant(ndarray("float32", [bins], Float32Array.from(values)));
  const sines = g.sub(g.mul(dy, row(angles.map(Math.cos))), g.mul(dx, row(angles.map(Math.sin))));
  const past = g.cast(g.greaterEqual(sines, 0), "float32"); // [n, h, w, bins]
  const next = g.pad(g.sliceAxis(past, 3, 1, bins), [0, 0, 0, 0], [0, 0, 0, 1]);
  const votes = g.mul(g.sub(past, next), lengths);
  const cells = g.avgPool(votes, cell, { stride: cell, padding: 0 }); // [n, ch, cw, bins]
  const [rows, columns] = [cells.shape[1]! - block + 1, cells.shape[2]! - block + 1];
  const parts: Tensor[] = [];
  for (let i = 0; i < block; i++)
    for (let j = 0; j < block; j++) parts.push(g.sliceAxis(g.sliceAxis(cells, 1, i, i + rows), 2, j, j + columns));
  const blocks = g.concat(parts, 3); // [n, rows, columns, block² bins]
  const normal = (y: Tensor) => g.div(y, g.sqrt(g.add(g.sum(g.square(y), 3, true), EPSILON ** 2)));
  return g.reshape(normal(g.minimum(normal(blocks), MOST)), [x.shape[0]!, rows, columns, block ** 2, bins]);
}

const either = (a: Tensor, b: Tensor): Tensor => g.cast(g.or(a, b), "float32");

/** Differences of neighbours `[n, h, w, 1]` along and down, of the channel where they are longest: the first of several. */
function steepest(x: Tensor): { across: Tensor; down: Tensor } {
  const difference = (channel: Tensor, axis: number) => {
    const size = channel.shape[axis]!;
    if (size < 3) return g.mul(channel, 0);
    const inner = g.sub(g.sliceAxis(channel, axis, 2, size), g.sliceAxis(channel, axis, 0, size - 2));
    const margin = [0, 1, 2, 3].map((i) => Number(i === axis));
    return g.pad(inner, margin, margin);
  };
  const channels = Array.from({ length: x.shape[3]! }, (_, c) => {
    const channel = g.sliceAxis(x, 3, c, c + 1);
    const [across, down] = [difference(channel, 2), difference(channel, 1)];
    return { across, down, squared: g.add(g.square(across), g.square(down)) };
  });
  return channels.reduce((best, one) => {
    const longer = g.greater(one.squared, best.squared);
    const choose = (key: keyof typeof best) => g.where(longer, one[key], best[key]);
    return { across: choose("across"), down: choose("down"), squared: choose("squared") };
  });
}
