// 3x3 convolutions with stride 1 as ONNX nodes, by Winograd's algorithm: tiles of the pictures are gathered and brought to points by
// one product with a constant matrix, multiplied with the weights there, a product at each point, and brought back by another.
import type { Emitter } from "../emitter.ts";
import { type Matrix, TILES, type TileSize, type Tiles } from "../winograd.ts";
import { TAPS } from "./choices.ts";
import { emitExtraRow } from "./im2col.ts";

/** A convolution that is computed in tiles. */
export interface TiledConvolution {
  readonly size: TileSize;
  /** Pictures, or gradients in their place: `[n, h, w, c]`. */
  readonly picture: readonly [n: number, h: number, w: number, c: number];
  /** Height, width and channels of its result. */
  readonly result: Sides;
  /** Pixels of padding above and to the left. */
  readonly before: readonly [top: number, left: number];
}

type Sides = readonly [h: number, w: number, channels: number];

/** Matrices along both axes at once, a row for each pair of points and a column for each pair of values. */
interface Both {
  readonly picture: Constant;
  readonly taps: Constant;
  /** Turned by half a turn, as the adjoint of a convolution reads them. */
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

const BOTH: Readonly<Record<TileSize, Both>> = { 2: bothAxes(TILES[TAPS][2]), 4: bothAxes(TILES[TAPS][4]) };

function bothAxes(tiles: Tiles): Both {
  const [picture, taps, results] = [tiles.picture, tiles.taps, tiles.results].map(squared) as [Matrix, Matrix, Matrix];
  return {
    picture: constantOf(picture),
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

/** Rows and columns of tiles of a result. */
const tilesOf = (size: TileSize, [h, w]: Sides): readonly [rows: number, columns: number] => [
  Math.ceil(h / size),
  Math.ceil(w / size),
];

/** Bytes that a picture and its result take at the points. */
export function bytesAtPoints({ size, picture: [, , , c], result }: TiledConvolution): number {
  const [rows, columns] = tilesOf(size, result);
  return 4 * TILES[TAPS][size].points ** 2 * rows * columns * (c + result[2]);
}

/**
 * Emits the results `[n, h, w, o]`.
 * @param weights `[3, 3, c, o]`, or `turned`: `[3, 3, o, c]`, read by half a turn
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
  const { size, picture, result } = convolution;
  const [n, , , c] = picture;
  const [h, w, o] = result;
  const points = TILES[TAPS][size].points ** 2;
  const [rows, columns] = tilesOf(size, result);
  const tiles = n * rows * columns;
  const { taps, turnedTaps, resultsBack } = BOTH[size];
  const atPoints = emitProduct(emit, turned ? turnedTaps : taps, emit.reshape(weights, [TAPS ** 2, c * o]));
  const right = turned
    ? emit.node("Transpose", [emit.reshape(atPoints, [points, o, c])], { perm: [0, 2, 1] })
    : emit.reshape(atPoints, [points, c, o]);
  const products = emit.node("MatMul", [emitPicturesAtPoints(emit, convolution, x), right]);
  const shared = bias && emit.reshape(emit.node("Expand", [bias, emit.ints([tiles, o])]), [1, tiles * o]);
  const values = emitProduct(emit, resultsBack, emit.reshape(products, [points, tiles * o]), shared);
  // [places in a tile, tiles, o] to pixels in their order.
  const place = new Int32Array(n * h * w);
  for (let image = 0, at = 0; image < n; image++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const tile = (image * rows + Math.floor(y / size)) * columns + Math.floor(x / size);
        place[at++] = ((y % size) * size + (x % size)) * tiles + tile;
      }
  const pixels = emit.reshape(values, [size ** 2 * tiles, o]);
  return emit.reshape(emit.node("Gather", [pixels, emit.indices(place, [place.length])], { axis: 0 }), [n, h, w, o]);
}

/**
 * Emits the adjoint of the weights, `[3, 3, c, o]`. What it is at the points takes up to four times as much, so it is brought back before
 * parts of a batch are added up.
 */
export function emitTiledWeightGrad(emit: Emitter, convolution: TiledConvolution, x: string, gradient: string): string {
  const { size, picture, result } = convolution;
  const [c, o] = [picture[3], result[2]];
  const pictures = emitPicturesAtPoints(emit, convolution, x);
  const results = emitAtPoints(emit, gradient, [picture[0], ...result], {
    ...{ size, tiles: tilesOf(size, result), reads: size, before: [0, 0] },
    matrix: BOTH[size].results,
  });
  const atPoints = emit.node("MatMul", [emit.node("Transpose", [pictures], { perm: [0, 2, 1] }), results]);
  const flat = emit.reshape(atPoints, [TILES[TAPS][size].points ** 2, c * o]);
  return emit.reshape(emitProduct(emit, BOTH[size].tapsBack, flat), [TAPS, TAPS, c, o]);
}

function emitPicturesAtPoints(emit: Emitter, { size, picture, result, before }: TiledConvolution, x: string): string {
  const tiles = tilesOf(size, result);
  return emitAtPoints(emit, x, picture, {
    size,
    tiles,
    reads: TILES[TAPS][size].points,
    before,
    matrix: BOTH[size].picture,
  });
}

/** Emits `[points, tiles, c]` of pictures `[n, h, w, c]`, of which each tile reads so many pixels a side. */
function emitAtPoints(
  emit: Emitter,
  x: string,
  [n, h, w, c]: TiledConvolution["picture"],
  {
    size,
    tiles: [rows, columns],
    reads,
    before: [top, left],
    matrix,
  }: {
    readonly size: TileSize;
    readonly tiles: readonly [rows: number, columns: number];
    readonly reads: number;
    readonly before: readonly [top: number, left: number];
    readonly matrix: Constant;
  },
): string {
  const tiles = n * rows * columns;
  const index = new Int32Array(reads ** 2 * tiles);
  let at = 0;
  for (let i = 0; i < reads; i++)
    for (let j = 0; j < reads; j++)
      for (let image = 0; image < n; image++)
        for (let row = 0; row < rows; row++)
          for (let column = 0; column < columns; column++) {
            const [y, x] = [size * row + i - top, size * column + j - left];
            const inside = y >= 0 && y < h && x >= 0 && x < w;
            index[at++] = image * (h * w + 1) + (inside ? y * w + x : h * w);
          }
  // The row of zeros of each picture is what lies outside of it.
  const pixels = emit.reshape(emitExtraRow(emit, x, [n, h * w, c], 0), [n * (h * w + 1), c]);
  const gathered = emit.node("Gather", [pixels, emit.indices(index, [reads ** 2, tiles])], { axis: 0 });
  const values = emitProduct(emit, matrix, emit.reshape(gathered, [reads ** 2, tiles * c]));
  return emit.reshape(values, [matrix.dims[0], tiles, c]);
}

/** A constant matrix times a value, and a row that is added to each of the product, if there is one. */
function emitProduct(emit: Emitter, { dims, values }: Constant, value: string, row?: string): string {
  return emit.node("Gemm", [emit.constant("float32", dims, values), value, ...(row ? [row] : [])]);
}
