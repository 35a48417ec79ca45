// Which way edges run in which part of a picture: a description of pictures that nothing has to be learnt for.
import { ndarray } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import { constant, type Tensor } from "../graph/tensor.ts";

/** Directions that slopes are sorted by, over the whole circle. */
const DIRECTIONS = 16;
/** Pixels along each side of a picture whose edges are looked at, at most. */
const SIDE = 32;
/** Pixels a side of a cell. */
const CELL = 4;
/** Standard deviation of the smoothing in pixels, and taps of its kernel to each side. */
const [SMOOTHING, REACH] = [0.7, 3];
/** Standard deviation of the window that a cell looks through, in cells. */
const WINDOW = 0.45;
/** A slope counts for a direction by its cosine to it, squared so many times: half of it 17 degrees away. */
const SQUARINGS = 4;

/** Pictures `[n, h, w, c]` shrunk by a whole factor along each side, so that neither is of more than 32 pixels. */
export function shrunk(picture: Tensor): Tensor {
  const factors = picture.shape.slice(1, 3).map((side) => Math.ceil(side / SIDE)) as [number, number];
  return Math.max(...factors) > 1 ? g.avgPool(picture, factors, { padding: 0 }) : picture;
}

/**
 * Histograms of oriented gradients of pictures `[n, h, w, c]`, as rows `[n, cells · 16]` of length 1: in each cell of 4 x 4 pixels,
 * how steep the picture is in each of 16 directions (Dalal & Triggs 2005, section 6). Rows are brought to a sum of 1, and to their
 * roots, so that distances are Hellinger's (Arandjelović & Zisserman 2012, section 2). What departs from the first paper: the slope is
 * that of the smoothed mean of the channels, directions and cells fade into each other without steps, and there is one sum for the
 * whole picture in place of one for each block of cells. Larger pictures are shrunk first (`shrunk`).
 */
export function orientations(picture: Tensor): Tensor {
  const x = shrunk(picture);
  const [n, height, width, channels] = x.shape as readonly [number, number, number, number];
  const kernels = derivatives(channels);
  const slide = { padding: REACH };
  // What is outside a picture is taken to be as bright as the pixel in the middle, so that its border is no edge.
  const inside = g.conv2d(ones([1, height, width, channels]), kernels, slide);
  const slopes = g.relu(g.sub(g.conv2d(x, kernels, slide), g.mul(g.mean(x, [3], true), inside)));
  // Of the squares of a slope's parts along directions all around, those that are above 0 sum to a quarter of their number.
  const steepness = g.sqrt(g.add(g.mul(g.sum(g.square(slopes), [3], true), 4 / DIRECTIONS), 1e-8));
  let shares = g.div(slopes, steepness);
  for (let i = 0; i < SQUARINGS; i++) shares = g.square(shares);
  const votes = g.mul(shares, steepness);
  const [down, across] = [windows(height), windows(width)];
  const [rows, columns] = [down.shape[0]!, across.shape[0]!];
  const bands = g.matmul(down, g.reshape(votes, [n, height, width * DIRECTIONS]));
  const cells = g.matmul(across, g.reshape(bands, [n * rows, width, DIRECTIONS]));
  const histograms = g.reshape(cells, [n, rows * columns * DIRECTIONS]);
  return g.sqrt(g.div(histograms, g.add(g.sum(histograms, [1], true), 1e-12)));
}

const floats = (shape: readonly number[], values: readonly number[]): Tensor =>
  constant(ndarray("float32", shape, Float32Array.from(values)));
const ones = (shape: readonly number[]): Tensor =>
  floats(
    shape,
    Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => 1),
  );
/** Values of a bell of a standard deviation at these distances, of sum 1. */
const bell = (distances: readonly number[], deviation: number): number[] => {
  const heights = distances.map((distance) => Math.exp(-(distance ** 2) / (2 * deviation ** 2)));
  const sum = heights.reduce((total, one) => total + one, 0);
  return heights.map((one) => one / sum);
};

/** Kernels `[7, 7, c, 16]`: the derivative in each direction of the smoothed mean of the channels, but for its scale. */
function derivatives(channels: number): Tensor {
  const taps = Array.from({ length: 2 * REACH + 1 }, (_, i) => i - REACH);
  const smooth = bell(taps, SMOOTHING);
  const values = taps.flatMap((y, i) =>
    taps.flatMap((x, j) =>
      Array.from({ length: channels }).flatMap(() =>
        Array.from({ length: DIRECTIONS }, (_, direction) => {
          const angle = (2 * Math.PI * direction) / DIRECTIONS;
          return (smooth[i]! * smooth[j]! * (x * Math.cos(angle) + y * Math.sin(angle))) / channels;
        }),
      ),
    ),
  );
  return floats([taps.length, taps.length, channels, DIRECTIONS], values);
}

/** How much each place of a side of `size` counts for each cell along it, `[cells, size]`, each row of sum 1. */
function windows(size: number): Tensor {
  const cells = Math.max(1, Math.round(size / CELL));
  const values = Array.from({ length: cells }).flatMap((_, cell) => {
    const middle = ((cell + 0.5) * size) / cells - 0.5;
    return bell(
      Array.from({ length: size }, (_, place) => place - middle),
      (WINDOW * size) / cells,
    );
  });
  return floats([cells, size], values);
}
