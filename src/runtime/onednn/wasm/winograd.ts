// Kernels of Winograd's convolutions (transform.ts): between channels-last pictures, or weights, and matrices, one a point. A row of such
// a matrix is a tile of a picture, a column a channel. All are functions `(from, to, thread)`.

import type { Attrs } from "../../../graph/tensor.ts";
import { type ConstantPool, FunctionBuilder } from "../../../wasm/assembler.ts";
import { LANES } from "./access.ts";
import type { PointwiseName } from "./pointwise.ts";
import { writePointwise } from "./pointwise.ts";
import { pointsOf, type Stage, TAPS, TILES, type TileSize, Transform, type Vector, VectorPool } from "./transform.ts";

/** Bytes of a vector. */
const BYTES = 4 * LANES;
const [FROM, TO, THREAD] = [0, 1, 2];

/** Where kernels find addresses, and numbers. */
export interface Surroundings {
  /** Address of the address table. */
  readonly table: number;
  readonly constants: ConstantPool;
}

/** Matrices in memory, one a point. */
export interface Matrices {
  /** Place in the address table; of the first thread, where each thread has its own in the places after it. */
  readonly slot: number;
  readonly perThread: boolean;
  /** Bytes from its beginning to that of the first matrix, and from one matrix to the next. */
  readonly skip: number;
  readonly stride: number;
}

/** Pictures `[n, h, w, c]` in a value, cut into tiles: each tile spans pixels from `-before` on, `size` from the tile before. */
export interface TiledPictures {
  readonly slot: number;
  readonly picture: readonly [h: number, w: number, c: number];
  readonly size: TileSize;
  /** Tiles of a picture. */
  readonly tiles: readonly [rows: number, columns: number];
  readonly before: readonly [top: number, left: number];
}

/** Tiles that lie alike at the border: neighbours `[from, to)` of which pixels `[low, high)` are within the picture. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly low: number;
  readonly high: number;
}

/** A span of `span` pixels is within a picture of `limit` pixels from `low` to `high`. */
function runsOf(tiles: number, size: number, before: number, span: number, limit: number): Run[] {
  const runs: Run[] = [];
  for (let tile = 0; tile < tiles; tile++) {
    const begin = tile * size - before;
    const low = Math.min(span, Math.max(0, -begin));
    const high = Math.max(low, Math.min(span, limit - begin));
    const last = runs[runs.length - 1];
    if (last && last.low === low && last.high === high) runs[runs.length - 1] = { ...last, to: tile + 1 };
    else runs.push({ from: tile, to: tile + 1, low, high });
  }
  return runs;
}

/** Pushes the address of a value. */
const addressOf = (f: FunctionBuilder, table: number, slot: number) => f.i32(table + 4 * slot).memory("i32.load");

/** A local with where matrices begin. */
function beginOf(f: FunctionBuilder, table: number, { slot, perThread, skip }: Matrices): number {
  const local = f.local("i32");
  if (perThread)
    f.get(THREAD)
      .i32(4)
      .op("i32.mul")
      .memory("i32.load", table + 4 * slot);
  else addressOf(f, table, slot);
  f.i32(skip).op("i32.add").set(local);
  return local;
}

/** What a kernel does with four channels of a tile: `pixel` holds where its first pixel within the picture begins. */
interface Place {
  readonly rows: Run;
  readonly columns: Run;
  readonly pixel: number;
  /** Where the tile's row of the first matrix is. */
  readonly row: number;
  readonly channel: number;
}

/** Walks over the tiles of rows of tiles `[from, to)`, counted through all pictures. */
function eachTile(
  f: FunctionBuilder,
  table: number,
  { slot, picture: [h, w, c], size, tiles, before }: TiledPictures,
  span: number,
  matrices: Matrices,
  body: (place: Place) => void,
): void {
  const [unit, picture, tileRow, column, channel] = range(5).map(() => f.local("i32")) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const [start, line, at, pixel] = range(4).map(() => f.local("i32")) as [number, number, number, number];
  const row = beginOf(f, table, matrices);
  const rowRuns = runsOf(tiles[0], size, before[0], span, h);
  const columnRuns = runsOf(tiles[1], size, before[1], span, w);
  const lineBytes = 4 * w * c;
  addressOf(f, table, slot).set(start);
  f.get(FROM).set(unit);
  const walkRow = (rows: Run) => {
    for (const columns of columnRuns) {
      const firstRow = rows.low - before[0];
      const firstColumn = columns.from * size + columns.low - before[1];
      f.get(line)
        .i32(firstRow * lineBytes + firstColumn * 4 * c)
        .op("i32.add")
        .set(at);
      f.i32(columns.from).set(column);
      f.whileBelow(
        column,
        () => f.i32(columns.to),
        () => {
          f.get(at).set(pixel).i32(0).set(channel);
          f.whileBelow(
            channel,
            () => f.i32(4 * c),
            () => {
              body({ rows, columns, pixel, row, channel });
              for (const local of [pixel, row, channel]) f.increase(local, BYTES);
            },
          );
          f.increase(at, size * 4 * c);
          f.increase(column, 1);
        },
      );
    }
  };
  f.whileBelow(
    unit,
    () => f.get(TO),
    () => {
      f.get(unit).i32(tiles[0]).op("i32.div_u").tee(picture);
      f.i32(tiles[0]).op("i32.mul").set(tileRow);
      f.get(unit).get(tileRow).op("i32.sub").set(tileRow);
      f.get(start)
        .get(picture)
        .i32(h * lineBytes)
        .op("i32.mul", "i32.add");
      f.get(tileRow)
        .i32(size * lineBytes)
        .op("i32.mul", "i32.add")
        .set(line);
      for (const rows of rowRuns) {
        f.get(tileRow)
          .i32(rows.from)
          .op("i32.sub")
          .i32(rows.to - rows.from)
          .op("i32.ge_u", "i32.eqz");
        f.when(() => walkRow(rows));
      }
      f.increase(unit, 1);
    },
  );
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const isWithin = ({ low, high }: Run, i: number) => i >= low && i < high;

/** Values of the tiles at the points: of a picture that is convolved, or of results (the adjoint of `writeFromPoints`). */
export function writeToPoints(
  what: "picture" | "results",
  pictures: TiledPictures,
  into: Matrices,
  { table, constants }: Surroundings,
): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32", "i32"], constants);
  const matrix = TILES[pictures.size][what];
  const [, w, c] = pictures.picture;
  const pool = new VectorPool(f);
  const transform = new Transform(f, pool, [2, 4, 5, 8]);
  eachTile(f, table, pictures, matrix[0]!.length, into, ({ rows, columns, pixel, row }) => {
    pool.reset();
    const at = (i: number, j: number): Vector => {
      if (!isWithin(rows, i) || !isWithin(columns, j)) return undefined;
      f.get(pixel).memory("v128.load", 4 * c * ((i - rows.low) * w + (j - columns.low)));
      return pool.keep();
    };
    transform.toPoints(matrix, at, stageAt(f, row, matrix.length, into.stride));
  });
  return f;
}

/** Vectors of a tile at the points, where `row` and `offset` (locals) say. */
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
  const transform = new Transform(f, pool, [2, 4, 5, 8]);
  const [biases, added] = [f.local("i32"), f.local("v128")];
  if (bias !== undefined) addressOf(f, table, bias).set(biases);
  eachTile(f, table, pictures, pictures.size, from, ({ rows, columns, pixel, row, channel }) => {
    pool.reset();
    if (bias !== undefined) f.get(biases).get(channel).op("i32.add").memory("v128.load").set(added);
    const stage = stageAt(f, row, matrix.length, from.stride);
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
  const transform = new Transform(f, pool, [2, 4, 5, 8]);
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
  const transform = new Transform(f, pool, [2, 4, 5, 8]);
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
