// Kernels of Winograd's convolutions (transform.ts): between channels-last pictures, or weights, and matrices, one a point.

import type { Attrs } from "../../../graph/tensor.ts";
import { type Matrix, phasesOf, type Tiles } from "../../../graph/winograd.ts";
import { FunctionBuilder } from "../../../wasm/assembler.ts";
import { LANES } from "./access.ts";
import { type PointwiseName, writePointwise } from "./pointwise.ts";
import {
  addressOf,
  BYTES,
  beginOf,
  eachTile,
  isWithin,
  type Matrices,
  type Surroundings,
  type TiledPictures,
} from "./tiles.ts";
import { type Stage, Transform, type Vector, VectorPool } from "./transform.ts";

/** What is brought to the points or back: the picture of a convolution, or its results. */
export type Side = "picture" | "results";

/**
 * Values of the tiles at the points, for the convolution's product or the adjoint of what `writeFromPoints` does. `zeroed`: the row
 * after the last tile gets zeros.
 */
export function writeToPoints(
  side: Side,
  tiles: Tiles,
  pictures: TiledPictures,
  into: Matrices,
  zeroed: boolean,
  { table, constants }: Surroundings,
): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32", "i32"], constants);
  const matrix = tiles[side];
  const [, w, c] = pictures.picture;
  const { stride } = pictures;
  const pool = new VectorPool(f);
  const transform = new Transform(f, pool);
  const row = beginOf(f, table, into);
  const stage = stageAt(f, row, tiles.points, into.stride);
  eachTile(f, table, pictures, { values: matrix[0]!.length }, row, ({ rows, columns, pixel }) => {
    pool.reset();
    const at = (i: number, j: number): Vector => {
      if (!isWithin(rows, i) || !isWithin(columns, j)) return undefined;
      f.get(pixel).memory("v128.load", 4 * c * stride * ((i - rows.low) * w + (j - columns.low)));
      return pool.keep();
    };
    transform.toPoints(matrix, at, stage);
  });
  if (!zeroed) return f;
  const channel = f.local("i32");
  f.whileBelow(
    channel,
    () => f.i32(c * stride ** 2),
    () => {
      for (let point = 0; point < tiles.points ** 2; point++) stage.store(0, point, undefined);
      f.increase(row, BYTES);
      f.increase(channel, LANES);
    },
  );
  return f;
}

/** Vectors of a tile at the points; `row` holds where the one of the first matrix is, but for `skip` bytes. */
export function stageAt(f: FunctionBuilder, row: number, points: number, stride: number, skip = 0): Stage {
  const place = (i: number, j: number) => (i * points + j) * stride + skip;
  return {
    load(i, j) {
      f.get(row).memory("v128.load", place(i, j));
    },
    store(i, j, vector) {
      f.get(row);
      pushVector(f, vector);
      f.memory("v128.store", place(i, j));
    },
  };
}

function pushVector(f: FunctionBuilder, vector: Vector): void {
  if (vector === undefined) f.floats(0);
  else f.get(vector);
}

/** What is done to results before they are stored. */
export interface Finish {
  /** Place in the address table of what is added, a value for each channel. */
  readonly bias?: number;
  readonly activation?: { readonly name: PointwiseName; readonly attrs: Attrs };
}

/**
 * The results of tiles, from the products at the points; or the picture, which is the adjoint of `writeToPoints`, for rows of tiles of whole
 * pictures. `between` is where a thread keeps what is between the axes of a transform.
 */
export function writeFromPoints(
  side: Side,
  tiles: Tiles,
  pictures: TiledPictures,
  from: Matrices,
  between: Matrices,
  { bias, activation }: Finish,
  { table, constants }: Surroundings,
): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32", "i32"], constants);
  const { points, size } = tiles;
  const matrix = side === "picture" ? overlapping(tiles) : tiles.results;
  const reach = side === "picture" ? { values: size, lastValues: matrix[0]!.length } : { values: size };
  const [, w, c] = pictures.picture;
  const { stride } = pictures;
  const pool = new VectorPool(f);
  const transform = new Transform(f, pool);
  const [biases, added] = [f.local("i32"), f.local("v128")];
  if (bias !== undefined) addressOf(f, table, bias).set(biases);
  const row = beginOf(f, table, from);
  const stage = stageAt(f, beginOf(f, table, between), matrix.length, BYTES);
  const tileBytes = 4 * c * stride ** 2;
  eachTile(f, table, pictures, reach, row, ({ rows, columns, pixel, channel }) => {
    pool.reset();
    if (bias !== undefined) f.get(biases).get(channel).op("i32.add").memory("v128.load").set(added);
    const at = (i: number, j: number): Vector => {
      const [isAbove, isLeft] = [i === points, j === points];
      if ((isAbove && rows.isFirst) || (isLeft && columns.isFirst)) return undefined;
      const tilesBack = (isAbove ? pictures.tiles[1] : 0) + (isLeft ? 1 : 0);
      const point = (isAbove ? points - 1 : i) * points + (isLeft ? points - 1 : j);
      f.get(row).memory("v128.load", point * from.stride - tilesBack * tileBytes);
      return pool.keep();
    };
    const store = (i: number, j: number, vector: Vector) => {
      f.get(pixel);
      pushVector(f, vector);
      if (bias !== undefined) f.get(added).op("f32x4.add");
      if (activation) {
        const value = pool.keep();
        const { name, attrs } = activation;
        writePointwise(name, { f, locals: [value], attrs, dtype: "float32", result: "float32" });
      }
      f.memory("v128.store", 4 * c * stride * (i * w + j));
    };
    transform.fromPoints(matrix, at, stage, store, [rows.low, rows.high], [columns.low, columns.high]);
  });
  return f;
}

/**
 * Tiles of the picture have one value in common with the next, of which one alone knows the value at infinity and the other that at 0: its
 * first is made of its own points and of the last of the tile before, a row more. Beyond the last tile is its own last value, and
 * one pixel that no tap reads.
 */
function overlapping({ picture, points, size }: Tiles): Matrix {
  const values = range(size + 2);
  return [
    ...picture.map((row) => values.map((i) => row[i] ?? 0)),
    values.map((i) => (i === 0 ? picture[points - 1]![size]! : 0)),
  ];
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Rough numbers of vector instructions for four values of all phases at all points of a tile. */
export const transformWork = (tiles: Tiles): number => 8 * phasesOf(tiles) * tiles.points ** 2;
