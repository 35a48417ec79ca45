// Pictures in tiles, and the matrices that kernels of Winograd's convolutions make of them: one a point, a row a tile and a column a
// channel. Kernels are functions `(from, to, thread)`.
import type { TileSize } from "../../../graph/winograd.ts";
import type { ConstantPool, FunctionBuilder } from "../../../wasm/assembler.ts";
import { LANES } from "./access.ts";

/** Bytes of a vector. */
export const BYTES = 4 * LANES;
/** Parameters of kernels. */
export const [FROM, TO, THREAD] = [0, 1, 2] as const;

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
export interface Run {
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
export const addressOf = (f: FunctionBuilder, table: number, slot: number) =>
  f.i32(table + 4 * slot).memory("i32.load");

/** A local with where matrices begin. */
export function beginOf(f: FunctionBuilder, table: number, { slot, perThread, skip }: Matrices): number {
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
  readonly channel: number;
}

/**
 * Walks over the tiles of rows of tiles `[from, to)`, counted through all pictures; `row` holds where a tile's row of the first matrix is,
 * and where the row after the last is in the end.
 */
export function eachTile(
  f: FunctionBuilder,
  table: number,
  { slot, picture: [h, w, c], size, tiles, before }: TiledPictures,
  span: number,
  row: number,
  body: (place: Place) => void,
): void {
  const [unit, picture, tileRow, column] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const [start, line, at, pixel] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const channel = f.local("i32");
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
              body({ rows, columns, pixel, channel });
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
      f.get(unit).i32(tiles[0]).op("i32.div_u").set(picture);
      f.get(unit).get(picture).i32(tiles[0]).op("i32.mul", "i32.sub").set(tileRow);
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

/** Whether a pixel of a span is within the picture. */
export const isWithin = ({ low, high }: Run, i: number) => i >= low && i < high;
