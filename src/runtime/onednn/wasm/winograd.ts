// Kernels of Winograd's convolutions (transform.ts): between channels-last pictures, or weights, and matrices, one a point.
import type { Attrs } from "../../../graph/tensor.ts";
import { FunctionBuilder } from "../../../wasm/assembler.ts";
import { LANES } from "./access.ts";
import { type PointwiseName, writePointwise } from "./pointwise.ts";
import {
  addressOf,
  BYTES,
  beginOf,
  eachTile,
  FROM,
  isWithin,
  type Matrices,
  type Surroundings,
  type TiledPictures,
  TO,
} from "./tiles.ts";
import { pointsOf, type Stage, TAPS, TILES, type TileSize, Transform, type Vector, VectorPool } from "./transform.ts";

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
function stageAt(f: FunctionBuilder, row: number, points: number, stride: number): Stage {
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

/** Runs the body for each of the vectors that the function is called for; `offset` holds its bytes. */
function eachVector(f: FunctionBuilder, body: (offset: number) => void): void {
  const [offset, end] = [f.local("i32"), f.local("i32")];
  f.get(FROM).i32(BYTES).op("i32.mul").set(offset);
  f.get(TO).i32(BYTES).op("i32.mul").set(end);
  f.whileBelow(
    offset,
    () => f.get(end),
    () => {
      body(offset);
      f.increase(offset, BYTES);
    },
  );
}

/** Weights `[3, 3, c, o]` in a value. */
export interface Taps {
  readonly slot: number;
  readonly size: TileSize;
  readonly sides: readonly [c: number, o: number];
}

/** Weights at the points, `[c, o]` each. `turned`: by half a turn, and `[o, c]`, as the adjoint of the pictures has them. */
export function writeWeightsToPoints(
  { slot, size, sides: [c, o] }: Taps,
  into: Matrices,
  turned: boolean,
  { table, constants }: Surroundings,
): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32", "i32"], constants);
  const pool = new VectorPool(f);
  const transform = new Transform(f, pool);
  const [start, taps, row] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const matrices = beginOf(f, table, into);
  addressOf(f, table, slot).set(start);
  eachVector(f, (offset) => {
    pool.reset();
    if (turned) {
      // Vector v is of output v / (c / 4), from input 4 (v % (c / 4)) on.
      const [row, column] = [f.local("i32"), f.local("i32")];
      f.get(offset)
        .i32(4 * c)
        .op("i32.div_u")
        .set(row);
      f.get(offset)
        .get(row)
        .i32(4 * c)
        .op("i32.mul", "i32.sub")
        .set(column);
      f.get(start).get(column).i32(o).op("i32.mul", "i32.add").get(row).i32(4).op("i32.mul", "i32.add").set(taps);
    } else f.get(start).get(offset).op("i32.add").set(taps);
    f.get(matrices).get(offset).op("i32.add").set(row);
    const at = (i: number, j: number): Vector => {
      const tap = TAPS * i + j;
      const skip = 4 * c * o * (turned ? TAPS ** 2 - 1 - tap : tap);
      if (!turned) f.get(taps).memory("v128.load", skip);
      else {
        f.get(taps).memory("v128.load32_zero", skip);
        const vector = f.local("v128");
        for (let lane = 1; lane < LANES; lane++)
          f.set(vector)
            .get(taps)
            .get(vector)
            .lane("v128.load32_lane", lane, skip + 4 * o * lane);
      }
      return pool.keep();
    };
    transform.toPoints(TILES[size].taps, at, stageAt(f, row, pointsOf(size), into.stride));
  });
  return f;
}

/** The adjoint of `writeWeightsToPoints` on the sum of several values, added in their order. */
export function writeWeightsFromPoints(
  { slot, size, sides: [c, o] }: Taps,
  from: readonly Matrices[],
  { table, constants }: Surroundings,
): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32", "i32"], constants);
  const pool = new VectorPool(f);
  const transform = new Transform(f, pool);
  const matrix = TILES[size].taps;
  const [start, row] = [f.local("i32"), f.local("i32")];
  const begins = from.map((matrices) => [matrices, beginOf(f, table, matrices)] as const);
  addressOf(f, table, slot).set(start);
  eachVector(f, (offset) => {
    pool.reset();
    const at = (i: number, j: number): Vector => {
      begins.forEach(([{ stride }, begin], part) => {
        f.get(begin)
          .get(offset)
          .op("i32.add")
          .memory("v128.load", (i * matrix.length + j) * stride);
        if (part > 0) f.op("f32x4.add");
      });
      return pool.keep();
    };
    const [[first, begin]] = begins as [(typeof begins)[number]];
    f.get(begin).get(offset).op("i32.add").set(row);
    transform.fromPoints(matrix, at, stageAt(f, row, matrix.length, first.stride), (i, j, vector) => {
      f.get(start)
        .get(offset)
        .op("i32.add")
        .get(vector)
        .memory("v128.store", (TAPS * i + j) * 4 * c * o);
    });
  });
  return f;
}

/** Rough numbers of vector instructions for four values at all points of a tile. */
export const transformWork = (size: TileSize): number => 8 * pointsOf(size) ** 2;
