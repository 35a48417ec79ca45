// Which lowering an op takes where several give the same values: facts measured on two cores (docs/architecture.md has
// the times; those of tiles are by bench/tiles.ts), in one place.
import { type Shape, sizeOf } from "../../base/array.ts";
import { phasesOf, type Sides, TILES, type TiledKernel, type TileSize, tilesOf } from "../winograd.ts";
import type { Window } from "./window.ts";

/**
 * Under this many channels a pixel is too short a run to copy alone: the image is padded, and neighbouring pixels are
 * copied together where stride and kernel allow it.
 */
export const SHORT_PIXEL = 16;

/** A product with fewer columns than this wastes most of the vector unit. */
const LEAST_COLUMNS = 16;

/**
 * A transposed convolution to `c` channels: as one product to columns that pixels gather from, or as one product for each
 * residue class of the stride. Without stride there is one class, which is a plain convolution.
 */
export function transposesByColumns({ stride }: Window, c: number): boolean {
  return stride[0] * stride[1] > 1 && c < LEAST_COLUMNS;
}

/** Sums over leading axes are a product with a row of ones, three times as fast as ReduceSum. */
export function sumsByProduct(axes: readonly number[], rank: number): boolean {
  return axes.length > 0 && axes.length < rank && axes.every((axis, i) => axis === i);
}

/**
 * One value against an array whose last axis has size 1 goes value by value in onnxruntime's broadcasting, four times as
 * slow as against the same array as one axis.
 */
export function broadcastsSlowly(inputs: readonly { shape: Shape }[], result: Shape): boolean {
  return (
    result.length > 1 &&
    result[result.length - 1] === 1 &&
    sizeOf(result) > 1 &&
    inputs.some(({ shape }) => sizeOf(shape) === 1) &&
    inputs.every(({ shape }) => sizeOf(shape) === 1 || sizeOf(shape) === sizeOf(result))
  );
}

/**
 * Columns of a convolution above this many bytes are made in tiles, and again in the backward pass. Measured: the
 * bench's classifier 24.2 -> 21.7 ms and 368 -> 310 MB; a convolutional autoencoder of 64x64x3, batch 128, 225 -> 218 ms and
 * 2462 -> 1774 MB.
 */
export const WHOLE_COLUMNS = 16 * 2 ** 20;
/** Bytes of columns in a tile: 4 MiB cost that autoencoder 256 ms, 16 MiB more memory for the same time. */
export const COLUMN_TILE = 8 * 2 ** 20;

/** Multiply-adds of a product in the time in which a Gather copies a value. */
const GATHERED = 32;
/** Multiply-adds in the time in which a pixel is gathered from up to four tiles, and added. */
const OVERLAPPED = 160;
/** By how much a product with the matrix of a transform, which is small, takes longer than one of large matrices. */
const TRANSFORMED = 1.5;
/** Of the count by columns, at most so much: tiles took up to 1.4 times what is counted of them (`bench/tiles.ts`, ten sizes). */
const WORTH = 0.75;
/** Under this many channels a Gather copies short runs, and a product at a point is small. */
const FEWEST_CHANNELS = 16;
/** Multiply-adds from which a convolution pays for the nodes that it is made of. */
const LEAST_WORK = 2 ** 25;

/**
 * The sizes of a convolution in the forward sense, for its adjoints too; but with stride 1 the adjoint of its picture is a convolution with
 * turned weights, and these are the sizes of that one.
 */
export interface ConvolutionSizes {
  readonly kernel: TiledKernel;
  readonly images: number;
  /** Height, width and channels of its result. */
  readonly result: Sides;
  /** Channels of its picture. */
  readonly channels: number;
  /** Whether its picture's adjoint is computed by the adjoint of each step. */
  readonly isAdjoint: boolean;
}

/**
 * The tiles in which a convolution is computed the fastest (`conv-points.ts`); 0: by its columns. A count and no measurement, so that
 * a resumed run computes as one that was never interrupted.
 */
export function tileSizeFor(sizes: ConvolutionSizes): TileSize | 0 {
  const { kernel, images, result, channels: c, isAdjoint } = sizes;
  const [h, w, o] = result;
  const work = images * h * w * kernel ** 2 * c * o;
  if (Math.min(c, o) < FEWEST_CHANNELS || work < LEAST_WORK) return 0;
  let best: TileSize | 0 = 0;
  let least = WORTH * (work + GATHERED * images * h * w * kernel ** 2 * c);
  for (const size of [2, 4] as const) {
    const tiles = TILES[kernel][size];
    const points = tiles.points ** 2;
    const transform = TRANSFORMED * points;
    const [rows, columns] = tilesOf(tiles, result);
    const count = images * rows * columns;
    const channels = phasesOf(tiles) * c;
    const gathered = isAdjoint ? size ** 2 * OVERLAPPED : points * GATHERED;
    const pictures = channels * (points * (o + transform) + gathered);
    const results = size ** 2 * (GATHERED + transform) * o;
    const cost = count * (pictures + results) + kernel ** 2 * transform * c * o;
    if (cost >= least) continue;
    best = size;
    least = cost;
  }
  return best;
}
