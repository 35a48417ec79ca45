// Kernels of Winograd's convolutions between weights and matrices, one a point.
import { phasesOf, type Tiles } from "../../../graph/winograd.ts";
import { FunctionBuilder } from "../../../wasm/assembler.ts";
import { LANES } from "./access.ts";
import { addressOf, BYTES, beginOf, FROM, type Matrices, type Surroundings, TO } from "./tiles.ts";
import { Transform, type Vector, VectorPool } from "./transform.ts";
import { stageAt } from "./winograd.ts";

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

/** Weights `[kernel, kernel, c, o]` in a value. */
export interface Taps {
  readonly slot: number;
  readonly tiles: Tiles;
  readonly sides: readonly [c: number, o: number];
}

/** Runs the body for each phase; `tapOffset` is of the weights of one of its taps, in bytes. */
function eachPhase(
  { tiles, sides: [c, o] }: Taps,
  body: (phase: number, tapOffset: (i: number, j: number) => number) => void,
): void {
  const { stride, kernel } = tiles;
  for (let phase = 0; phase < phasesOf(tiles); phase++) {
    const [row, column] = [Math.floor(phase / stride), phase % stride];
    body(phase, (i, j) => ((stride * i + row) * kernel + stride * j + column) * 4 * c * o);
  }
}

/** Weights at the points, `[phases c, o]` each; a function over vectors of `[c, o]`. */
export function writeWeightsToPoints(
  weights: Taps,
  into: Matrices,
  { table, constants }: Surroundings,
): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32", "i32"], constants);
  const pool = new VectorPool(f);
  const transform = new Transform(f, pool);
  const [start, taps, row] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const matrices = beginOf(f, table, into);
  const {
    slot,
    tiles,
    sides: [c, o],
  } = weights;
  addressOf(f, table, slot).set(start);
  eachVector(f, (offset) => {
    f.get(start).get(offset).op("i32.add").set(taps);
    f.get(matrices).get(offset).op("i32.add").set(row);
    eachPhase(weights, (phase, tapOffset) => {
      pool.reset();
      const at = (i: number, j: number): Vector => {
        f.get(taps).memory("v128.load", tapOffset(i, j));
        return pool.keep();
      };
      transform.toPoints(tiles.taps, at, stageAt(f, row, tiles.points, into.stride, phase * 4 * c * o));
    });
  });
  return f;
}

/**
 * Weights at the points as adjoints of the pictures have them, `[o, phases c]` each; `isTurned`: by half a turn in each phase. A function
 * over squares of four inputs and four outputs.
 */
export function writeTransposedWeightsToPoints(
  weights: Taps,
  isTurned: boolean,
  into: Matrices,
  { table, constants }: Surroundings,
): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32", "i32"], constants);
  const pool = new VectorPool(f);
  const transform = new Transform(f, pool);
  const [start, square, across, down] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const [taps, row] = [f.local("i32"), f.local("i32")];
  const matrices = beginOf(f, table, into);
  const {
    slot,
    tiles,
    sides: [c, o],
  } = weights;
  const lastTap = tiles.kernel / tiles.stride - 1;
  const rowBytes = 4 * c * phasesOf(tiles);
  addressOf(f, table, slot).set(start);
  f.get(FROM).set(square);
  const body = () => {
    f.get(square)
      .i32(c / LANES)
      .op("i32.div_u")
      .set(down);
    f.get(square)
      .get(down)
      .i32(c / LANES)
      .op("i32.mul", "i32.sub")
      .set(across);
    const place = (first: number, firstBytes: number, second: number, secondBytes: number) => {
      f.get(first).i32(firstBytes).op("i32.mul");
      f.get(second).i32(secondBytes).op("i32.mul", "i32.add");
    };
    place(across, BYTES * o, down, BYTES);
    f.get(start).op("i32.add").set(taps);
    place(down, LANES * rowBytes, across, BYTES);
    f.get(matrices).op("i32.add").set(row);
    eachPhase(weights, (phase, tapOffset) => {
      pool.reset();
      const squares = range(lastTap + 1).map((i) =>
        range(lastTap + 1).map((j) => {
          const skip = isTurned ? tapOffset(lastTap - i, lastTap - j) : tapOffset(i, j);
          const rows = range(LANES).map((lane) => {
            f.get(taps).memory("v128.load", skip + 4 * o * lane);
            return pool.keep();
          });
          return transposed(f, pool, rows);
        }),
      );
      for (const output of range(LANES)) {
        const stage = stageAt(f, row, tiles.points, into.stride, phase * 4 * c + output * rowBytes);
        transform.toPoints(tiles.taps, (i, j) => squares[i]![j]![output], stage);
      }
    });
    f.increase(square, 1);
  };
  f.whileBelow(square, () => f.get(TO), body);
  return f;
}

/** Four vectors as the rows of a square: its columns. */
function transposed(f: FunctionBuilder, pool: VectorPool, rows: readonly number[]): number[] {
  const pairs = [
    [0, 1],
    [2, 3],
  ].map(([a, b]) =>
    [
      [0, 4, 1, 5],
      [2, 6, 3, 7],
    ].map((lanes) => {
      f.get(rows[a!]!).get(rows[b!]!).shuffle(lanes);
      return pool.keep();
    }),
  );
  return [0, 1].flatMap((half) =>
    [
      [0, 1, 4, 5],
      [2, 3, 6, 7],
    ].map((lanes) => {
      f.get(pairs[0]![half]!).get(pairs[1]![half]!).shuffle(lanes);
      return pool.keep();
    }),
  );
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** The adjoint of `writeWeightsToPoints` on the sum of several values, added in their order. */
export function writeWeightsFromPoints(
  weights: Taps,
  from: readonly Matrices[],
  { table, constants }: Surroundings,
): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32", "i32"], constants);
  const pool = new VectorPool(f);
  const transform = new Transform(f, pool);
  const {
    slot,
    tiles,
    sides: [c, o],
  } = weights;
  const [start, row] = [f.local("i32"), f.local("i32")];
  const begins = from.map((matrices) => [matrices, beginOf(f, table, matrices)] as const);
  addressOf(f, table, slot).set(start);
  eachVector(f, (offset) => {
    eachPhase(weights, (phase, tapOffset) => {
      pool.reset();
      const at = (i: number, j: number): Vector => {
        begins.forEach(([{ stride }, begin], part) => {
          f.get(begin)
            .get(offset)
            .op("i32.add")
            .memory("v128.load", (i * tiles.points + j) * stride + phase * 4 * c * o);
          if (part > 0) f.op("f32x4.add");
        });
        return pool.keep();
      };
      const [[first, begin]] = begins as [(typeof begins)[number]];
      f.get(begin).get(offset).op("i32.add").set(row);
      transform.fromPoints(
        tiles.taps,
        at,
        stageAt(f, row, tiles.points, first.stride, phase * 4 * c * o),
        (i, j, vector) => {
          f.get(start).get(offset).op("i32.add").get(vector!).memory("v128.store", tapOffset(i, j));
        },
      );
    });
  });
  return f;
}
