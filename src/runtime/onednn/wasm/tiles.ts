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

/**
 * Pictures `[n, h, w, c]` in a value, cut into tiles: values of each tile and phase are `stride` pixels apart, from `phase - before`
 * on, and `size` of them from those of the tile before.
 */
export interface TiledPictures {
  readonly slot: number;
  readonly picture: readonly [h: number, w: number, c: number];
  readonly size: TileSize;
  readonly stride: number;
  /** Tiles of a picture. */
  readonly tiles: readonly [rows: number, columns: number];
  readonly before: readonly [top: number, left: number];
}

/** How many values a tile has along an axis; the last of a picture may have more, where the tiles between end at the next. */
export interface Reach {
  readonly values: number;
  readonly lastValues?: number;
}

/** Of a phase of a tile along an axis: values `[low, high)` are within the picture. */
export interface Span {
  readonly low: number;
  readonly high: number;
  /** Whether no tile is before it; told where tiles end at the next. */
  readonly isFirst: boolean;
}

/** Neighbouring tiles `[from, to)` that lie alike at the border, with a span for each phase. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly spans: readonly Span[];
}

function runsOf({ picture, size, stride, tiles, before }: TiledPictures, axis: 0 | 1, reach: Reach): Run[] {
  const runs: Run[] = [];
  for (let tile = 0; tile < tiles[axis]; tile++) {
    const { values, lastValues = values } = reach;
    const most = tile === tiles[axis] - 1 ? lastValues : values;
    const spans = range(stride).map((phase): Span => {
      // How many values of the phase come before a pixel, counted from the tile.
      const valuesBefore = (pixel: number) => Math.ceil((pixel + before[axis] - phase) / stride) - size * tile;
      const low = Math.min(most, Math.max(0, valuesBefore(0)));
      const high = Math.max(low, Math.min(most, valuesBefore(picture[axis])));
      return { low, high, isFirst: reach.lastValues !== undefined && tile === 0 };
    });
    const last = runs[runs.length - 1];
    if (last && isEqual(last.spans, spans)) runs[runs.length - 1] = { ...last, to: tile + 1 };
    else runs.push({ from: tile, to: tile + 1, spans });
  }
  return runs;
}

const isEqual = (one: readonly Span[], other: readonly Span[]) =>
  one.every(({ low, high, isFirst }, i) => {
    const span = other[i]!;
    return low === span.low && high === span.high && isFirst === span.isFirst;
  });

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

/** What a kernel does with four channels of a phase of a tile: `pixel` holds where its first pixel within the picture begins. */
interface Place {
  readonly rows: Span;
  readonly columns: Span;
  readonly pixel: number;
  readonly channel: number;
}

/**
 * Walks over the tiles of rows of tiles `[from, to)`, counted through all pictures; `row` holds where a tile's row of the first matrix is,
 * in which the channels of a phase stand together, and where the row after the last is in the end.
 */
export function eachTile(
  f: FunctionBuilder,
  table: number,
  pictures: TiledPictures,
  reach: Reach,
  row: number,
  body: (place: Place) => void,
): void {
  const {
    slot,
    picture: [h, w, c],
    size,
    stride,
    tiles,
    before,
  } = pictures;
  const [unit, picture, tileRow, column] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const [start, line, at, pixel] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const channel = f.local("i32");
  const columnRuns = runsOf(pictures, 1, reach);
  const lineBytes = 4 * w * c;
  addressOf(f, table, slot).set(start);
  f.get(FROM).set(unit);
  const eachChannel = (rows: Span, columns: Span, phase: readonly [row: number, column: number]) => {
    const firstRow = stride * rows.low + phase[0] - before[0];
    const firstColumn = stride * columns.low + phase[1] - before[1];
    f.get(at)
      .i32(firstRow * lineBytes + firstColumn * 4 * c)
      .op("i32.add")
      .set(pixel)
      .i32(0)
      .set(channel);
    f.whileBelow(
      channel,
      () => f.i32(4 * c),
      () => {
        body({ rows, columns, pixel, channel });
        for (const local of [pixel, row, channel]) f.increase(local, BYTES);
      },
    );
  };
  const walkRow = (rows: Run) => {
    for (const columns of columnRuns) {
      f.get(line)
        .i32(columns.from * size * stride * 4 * c)
        .op("i32.add")
        .set(at);
      f.i32(columns.from).set(column);
      f.whileBelow(
        column,
        () => f.i32(columns.to),
        () => {
          rows.spans.forEach((rowSpan, i) => {
            columns.spans.forEach((columnSpan, j) => {
              eachChannel(rowSpan, columnSpan, [i, j]);
            });
          });
          f.increase(at, size * stride * 4 * c);
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
        .i32(size * stride * lineBytes)
        .op("i32.mul", "i32.add")
        .set(line);
      for (const rows of runsOf(pictures, 0, reach)) {
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

/** Whether a value of a span is within the picture. */
export const isWithin = ({ low, high }: Span, i: number) => i >= low && i < high;

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
