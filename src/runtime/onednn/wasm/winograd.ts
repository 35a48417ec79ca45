// Kernels of Winograd's convolutions (transform.ts): between channels-last pictures, or weights, and matrices, one a point.

import type { Attrs } from "../../../graph/tensor.ts";
import { pointsOf, TILES, type TileSize } from "../../../graph/winograd.ts";
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

/**
 * Values of the tiles at the points: of a picture that is convolved, or of results (the adjoint of `writeFromPoints`). `zeroed`: the row
 * after the last tile gets zeros.
 */
export function writeToPoints(
  what: "picture" | "results",
  pictures: TiledPictures,
  into: Matrices,
  zeroed: boolean,
  { table, constants }: Surroundings,
): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32", "i32"], constants);
  const matrix = TILES[pictures.size][what];
  const [, w, c] = pictures.picture;
  const pool = new VectorPool(f);
  const transform = new Transform(f, pool);
  const row = beginOf(f, table, into);
  const stage = stageAt(f, row, matrix.length, into.stride);
  eachTile(f, table, pictures, matrix[0]!.length, row, ({ rows, columns, pixel }) => {
    pool.reset();
    const at = (i: number, j: number): Vector => {
      if (!isWithin(rows, i) || !isWithin(columns, j)) return undefined;
      f.get(pixel).memory("v128.load", 4 * c * ((i - rows.low) * w + (j - columns.low)));
      return pool.keep();
    };
    transform.toPoints(matrix, at, stage);
  });
  if (!zeroed) return f;
  const channel = f.local("i32");
  f.whileBelow(
    channel,
    () => f.i32(c),
    () => {
      for (let point = 0; point < matrix.length ** 2; point++) stage.store(0, point, undefined);
      f.increase(row, BYTES);
      f.increase(channel, LANES);
    },
  );
  return f;
}

/** Vectors of a tile at the points; `row` holds where the one of the first matrix is. */
export function stageAt(f: FunctionBuilder, row: number, points: number, stride: number): Stage {
  const place = (i: number, j: number) => (i * points + j) * stride;
  return {
    load(i, j) {
      f.get(row).memory("v128.load", place(i, j));
    },
    store(i, j, vector) {
      f.get(row);
      if (vector === undefined) f.floats(0);
      else f.get(vector);
      f.memory("v128.store", place(i, j));
    },
  };
}

/** What is done to results before they are stored. */
export interface Finish {
  /** Place in the address table of what is added, a value for each channel. */
  readonly bias?: number;
  readonly activation?: { readonly name: PointwiseName; readonly attrs: Attrs };
}

/** The results of tiles, from the products at the points. */
export function writeFromPoints(
  pictures: TiledPictures,
  from: Matrices,
  { bias, activation }: Finish,
  { table, constants }: Surroundings,
): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32", "i32"], constants);
  const matrix = TILES[pictures.size].results;
  const [, w, c] = pictures.picture;
  const pool = new VectorPool(f);
  const transform = new Transform(f, pool);
  const [biases, added] = [f.local("i32"), f.local("v128")];
  if (bias !== undefined) addressOf(f, table, bias).set(biases);
  const row = beginOf(f, table, from);
  const stage = stageAt(f, row, matrix.length, from.stride);
  eachTile(f, table, pictures, pictures.size, row, ({ rows, columns, pixel, channel }) => {
    pool.reset();
    if (bias !== undefined) f.get(biases).get(channel).op("i32.add").memory("v128.load").set(added);
    const at = (i: number, j: number): Vector => {
      stage.load(i, j);
      return pool.keep();
    };
    const store = (i: number, j: number, vector: number) => {
      f.get(pixel).get(vector);
      if (bias !== undefined) f.get(added).op("f32x4.add");
      if (activation) {
        const value = pool.keep();
        const { name, attrs } = activation;
        writePointwise(name, { f, locals: [value], attrs, dtype: "float32", result: "float32" });
      }
      f.memory("v128.store", 4 * c * (i * w + j));
    };
    transform.fromPoints(matrix, at, stage, store, [rows.low, rows.high], [columns.low, columns.high]);
  });
  return f;
}

/** Rough numbers of vector instructions for four values at all points of a tile. */
export const transformWork = (size: TileSize): number => 8 * pointsOf(size) ** 2;
