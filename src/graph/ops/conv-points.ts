// Convolutions of 3x3 taps with stride 1, or of 4x4 with stride 2, as ONNX nodes, by Winograd's algorithm: tiles of the pictures are gathered
// and brought to points by one product with a constant matrix, multiplied with the weights there, a product at each point, and brought
// back by another. Phases of pictures stand beside each other as channels.
import type { Emitter } from "../emitter.ts";
import { type Matrix, phasesOf, type Sides, TILES, type Tiles, tilesOf } from "../winograd.ts";
import { emitExtraRow } from "./im2col.ts";

/** A convolution that is computed in tiles; in the forward sense where its adjoint is that of each step. */
export interface TiledConvolution {
  readonly tiles: Tiles;
  /** Pictures, or gradients in their place: `[n, h, w, c]`. */
  readonly picture: Picture;
  /** Height, width and channels of its result. */
  readonly result: Sides;
  /** Pixels of padding above and to the left. */
  readonly before: readonly [top: number, left: number];
}

type Picture = readonly [n: number, h: number, w: number, c: number];

/** Matrices along both axes at once, a row for each pair of points and a column for each pair of values. */
interface Both {
  readonly picture: Constant;
  readonly pictureBack: Constant;
  readonly taps: Constant;
  /** Turned by half a turn, as the adjoint of a convolution with stride 1 reads them. */
  readonly turnedTaps: Constant;
  readonly tapsBack: Constant;
  readonly results: Constant;
  readonly resultsBack: Constant;
}
/** Kept, because equal constants of a model are known by their values' identity. */
interface Constant {
  readonly dims: readonly [rows: number, columns: number];
  readonly values: Float64Array;
}

const BOTH: ReadonlyMap<Tiles, Both> = new Map(
  Object.values(TILES).flatMap((sizes) => Object.values(sizes).map((tiles) => [tiles, bothAxes(tiles)])),
);

function bothAxes(tiles: Tiles): Both {
  const [picture, taps, results] = [tiles.picture, tiles.taps, tiles.results].map(squared) as [Matrix, Matrix, Matrix];
  return {
    picture: constantOf(picture),
    pictureBack: constantOf(transposed(picture)),
    taps: constantOf(taps),
    turnedTaps: constantOf(taps.map((row) => [...row].reverse())),
    tapsBack: constantOf(transposed(taps)),
    results: constantOf(results),
    resultsBack: constantOf(transposed(results)),
  };
}

/** The Kronecker product of a matrix with itself. */
function squared(matrix: Matrix): Matrix {
  return matrix.flatMap((one) => matrix.map((other) => one.flatMap((a) => other.map((b) => a * b))));
}

function transposed(matrix: Matrix): Matrix {
  return matrix[0]!.map((_, column) => matrix.map((row) => row[column]!));
}

function constantOf(matrix: Matrix): Constant {
  return { dims: [matrix.length, matrix[0]!.length], values: Float64Array.from(matrix.flat()) };
}

/**
 * Emits the results `[n, h, w, o]`.
 * @param weights `[kernel, kernel, c, o]`, or `turned`: `[kernel, kernel, o, c]`, read by half a turn
 * @param bias `[o]`, or none
 */
export function emitInTiles(
  emit: Emitter,
  convolution: TiledConvolution,
  x: string,
  weights: string,
  turned: boolean,
  bias?: string,
): string {
  const { tiles, picture, result } = convolution;
  const { size } = tiles;
  const [n, , , c] = picture;
  const [h, w, o] = result;
  const points = tiles.points ** 2;
  const [rows, columns] = tilesOf(tiles, result);
  const count = n * rows * columns;
  const { taps, turnedTaps, resultsBack } = BOTH.get(tiles)!;
  const atPoints = emitWeightsAtPoints(emit, tiles, weights, c * o, turned ? turnedTaps : taps);
  const right = turned
    ? emit.node("Transpose", [emit.reshape(atPoints, [points, o, c])], { perm: [0, 2, 1] })
    : emit.reshape(atPoints, [points, phasesOf(tiles) * c, o]);
  const products = emit.node("MatMul", [emitPicturesAtPoints(emit, convolution, x), right]);
  const shared = bias && emit.reshape(emit.node("Expand", [bias, emit.ints([count, o])]), [1, count * o]);
  const values = emitProduct(emit, resultsBack, emit.reshape(products, [points, count * o]), shared);
  // [places in a tile, tiles, o] to pixels in their order.
  const place = new Int32Array(n * h * w);
  for (let image = 0, at = 0; image < n; image++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const tile = (image * rows + Math.floor(y / size)) * columns + Math.floor(x / size);
        place[at++] = ((y % size) * size + (x % size)) * count + tile;
      }
  const pixels = emit.reshape(values, [size ** 2 * count, o]);
  return emit.reshape(emit.node("Gather", [pixels, emit.indices(place, [place.length])], { axis: 0 }), [n, h, w, o]);
}

/**
 * Emits the adjoint of the pictures `[n, h, w, c]` of a convolution with stride 2, by the adjoint of each step. Tiles have one value of
 * each phase in common with the next, so that a pixel is the sum of up to four.
 * @param weights `[kernel, kernel, c, o]`
 */
export function emitTiledAdjoint(
  emit: Emitter,
  convolution: TiledConvolution,
  gradient: string,
  weights: string,
): string {
  const { tiles, picture, result, before } = convolution;
  const { size, stride } = tiles;
  const [n, h, w, c] = picture;
  const points = tiles.points ** 2;
  const columns = phasesOf(tiles) * c;
  const { taps, pictureBack } = BOTH.get(tiles)!;
  const [tileRows, tileColumns] = tilesOf(tiles, result);
  const count = n * tileRows * tileColumns;
  const atPoints = emitWeightsAtPoints(emit, tiles, weights, c * result[2], taps);
  const right = emit.node("Transpose", [emit.reshape(atPoints, [points, columns, result[2]])], { perm: [0, 2, 1] });
  const products = emit.node("MatMul", [emitResultsAtPoints(emit, convolution, gradient), right]);
  const values = emitProduct(emit, pictureBack, emit.reshape(products, [points, count * columns]));
  // Along an axis: the phase of a pixel, and the tiles that have it, each with its place there.
  const readers = (pixel: number, axis: 0 | 1) => {
    const phase = (pixel + before[axis]) % stride;
    const value = (pixel + before[axis] - phase) / stride;
    const tile = Math.floor(value / size);
    const own = [{ tile, at: value - tile * size }];
    const all = own[0]!.at === 0 ? [...own, { tile: tile - 1, at: size }] : own;
    return { phase, all: all.filter(({ tile }) => tile >= 0 && tile < (axis === 0 ? tileRows : tileColumns)) };
  };
  const reads = tiles.picture[0]!.length;
  const zeroRow = reads ** 2 * count * phasesOf(tiles);
  const levels = Array.from({ length: 4 }, () => new Int32Array(n * h * w).fill(zeroRow));
  for (let image = 0, at = 0; image < n; image++)
    for (let y = 0; y < h; y++) {
      const down = readers(y, 0);
      for (let x = 0; x < w; x++, at++) {
        const across = readers(x, 1);
        const both = down.all.flatMap((row) => across.all.map((column) => [row, column] as const));
        both.forEach(([row, column], level) => {
          const tile = (image * tileRows + row.tile) * tileColumns + column.tile;
          const place = (row.at * reads + column.at) * count + tile;
          levels[level]![at] = place * phasesOf(tiles) + stride * down.phase + across.phase;
        });
      }
    }
  const rows = emitExtraRow(emit, emit.reshape(values, [1, zeroRow, c]), [1, zeroRow, c], 0);
  const flat = emit.reshape(rows, [zeroRow + 1, c]);
  const used = levels.filter((level, i) => i === 0 || level.some((place) => place !== zeroRow));
  const parts = used.map((level) => emit.node("Gather", [flat, emit.indices(level, [level.length])], { axis: 0 }));
  return emit.reshape(parts.length === 1 ? parts[0]! : emit.node("Sum", parts), [n, h, w, c]);
}

/**
 * Emits the adjoint of the weights, `[kernel, kernel, c, o]`. What it is at the points takes up to 6.25 times as much, so it is brought
 * back before parts of a batch are added up.
 */
export function emitTiledWeightGrad(emit: Emitter, convolution: TiledConvolution, x: string, gradient: string): string {
  const { tiles, picture, result } = convolution;
  const { kernel, stride } = tiles;
  const [c, o] = [picture[3], result[2]];
  const pictures = emitPicturesAtPoints(emit, convolution, x);
  const results = emitResultsAtPoints(emit, convolution, gradient);
  const atPoints = emit.node("MatMul", [emit.node("Transpose", [pictures], { perm: [0, 2, 1] }), results]);
  const flat = emit.reshape(atPoints, [tiles.points ** 2, phasesOf(tiles) * c * o]);
  const taps = emitProduct(emit, BOTH.get(tiles)!.tapsBack, flat);
  const perPhase = kernel / stride;
  const own = stride === 1 ? taps : emitSwapped(emit, taps, [perPhase, perPhase, stride, stride, c * o]);
  return emit.reshape(own, [kernel, kernel, c, o]);
}

/** Emits weights at the points, `[points, values]`; `values` of each tap, those of phases one after another. */
function emitWeightsAtPoints(emit: Emitter, tiles: Tiles, weights: string, values: number, taps: Constant): string {
  const { kernel, stride } = tiles;
  const perPhase = kernel / stride;
  const byTaps = stride === 1 ? weights : emitSwapped(emit, weights, [perPhase, stride, perPhase, stride, values]);
  return emitProduct(emit, taps, emit.reshape(byTaps, [perPhase ** 2, phasesOf(tiles) * values]));
}

/** Emits values of these sizes with the second and the third axis in each other's place. */
const emitSwapped = (emit: Emitter, values: string, sizes: readonly number[]): string =>
  emit.node("Transpose", [emit.reshape(values, sizes)], { perm: [0, 2, 1, 3, 4] });

function emitPicturesAtPoints(emit: Emitter, { tiles, picture, result, before }: TiledConvolution, x: string): string {
  const [grid, { stride }] = [tilesOf(tiles, result), tiles];
  return emitAtPoints(emit, x, picture, { tiles, grid, stride, before, matrix: BOTH.get(tiles)!.picture });
}

function emitResultsAtPoints(emit: Emitter, { tiles, picture, result }: TiledConvolution, gradient: string): string {
  const grid = tilesOf(tiles, result);
  return emitAtPoints(emit, gradient, [picture[0], ...result], {
    ...{ tiles, grid, stride: 1, before: [0, 0] },
    matrix: BOTH.get(tiles)!.results,
  });
}

/** Emits `[points, tiles, phases c]` of pictures `[n, h, w, c]`, of which a tile reads every `stride`-th pixel of each phase. */
function emitAtPoints(
  emit: Emitter,
  x: string,
  [n, h, w, c]: Picture,
  {
    tiles: { size },
    grid: [rows, columns],
    stride,
    before: [top, left],
    matrix,
  }: {
    readonly tiles: Tiles;
    readonly grid: readonly [rows: number, columns: number];
    readonly stride: number;
    readonly before: readonly [top: number, left: number];
    readonly matrix: Constant;
  },
): string {
  const phases = stride ** 2;
  const count = n * rows * columns;
  const reads = Math.sqrt(matrix.dims[1]);
  const index = new Int32Array(reads ** 2 * count * phases);
  let at = 0;
  for (let i = 0; i < reads; i++)
    for (let j = 0; j < reads; j++)
      for (let image = 0; image < n; image++)
        for (let row = 0; row < rows; row++)
          for (let column = 0; column < columns; column++)
            for (let phase = 0; phase < phases; phase++) {
              const y = stride * (size * row + i) + Math.floor(phase / stride) - top;
              const x = stride * (size * column + j) + (phase % stride) - left;
              const inside = y >= 0 && y < h && x >= 0 && x < w;
              index[at++] = image * (h * w + 1) + (inside ? y * w + x : h * w);
            }
  // The row of zeros of each picture is what lies outside of it.
  const pixels = emit.reshape(emitExtraRow(emit, x, [n, h * w, c], 0), [n * (h * w + 1), c]);
  const gathered = emit.node("Gather", [pixels, emit.indices(index, [reads ** 2, count * phases])], { axis: 0 });
  const values = emitProduct(emit, matrix, emit.reshape(gathered, [reads ** 2, count * phases * c]));
  return emit.reshape(values, [matrix.dims[0], count, phases * c]);
}

/** A constant matrix times a value, and a row that is added to each of the product, if there is one. */
function emitProduct(emit: Emitter, { dims, values }: Constant, value: string, row?: string): string {
  return emit.node("Gemm", [emit.constant("float32", dims, values), value, ...(row ? [row] : [])]);
}
