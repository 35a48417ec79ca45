// The nearest of many points to another by Euclidean distance, sixteen points at a time, in WebAssembly.
import { FunctionBuilder } from "../wasm/assembler.ts";
import { instantiate } from "../wasm/module.ts";

/** Numbers of a vector, and of points whose numbers lie beside each other: places that are searched together. */
const LANES = 4;
export const BLOCK = 16;
/** Numbers of a point that a turn of the loop takes; points are filled up with zeros. */
const TURN = 4;

/** Places that hold points, or none, and a list of the `k` nearest to the point that was asked last. */
export class Nearest {
  /** Places of those found so far, nearest first, `[k]`; only as many hold as have a distance. */
  readonly places: Int32Array;
  /** Their squared distances, `[k]`; infinite where none was found. */
  readonly squared: Float32Array;
  private readonly run: (from: number, to: number, except: number) => void;
  private readonly point: Float32Array;
  private readonly blocks: Float32Array;
  private readonly padded: number;

  /**
   * @param room how many places
   * @param k how many are listed, at least 1
   * @throws `E_BACKEND` where the process may not have the memory
   */
  constructor(
    room: number,
    private readonly width: number,
    k: number,
  ) {
    this.padded = TURN * Math.ceil(width / TURN);
    const size = BLOCK * Math.ceil(room / BLOCK) * this.padded;
    const distances = 4 * size;
    const point = distances + 4 * BLOCK;
    const squared = point + 4 * this.padded;
    const places = squared + 4 * k;
    const addresses: Addresses = { distances, point, squared, places };
    const { run, buffer } = instantiate({ search: writeSearch(this.padded, k, addresses) }, places + 4 * k);
    this.run = run.search;
    this.blocks = new Float32Array(buffer, 0, size).fill(Number.NaN);
    this.point = new Float32Array(buffer, point, this.padded);
    this.squared = new Float32Array(buffer, squared, k);
    this.places = new Int32Array(buffer, places, k);
  }

  /** Puts row `i` of `points` `[…, width]` at a place. What is not a number is never found. */
  put(place: number, points: Float32Array, i: number): void {
    const { blocks, padded, width } = this;
    const to = Math.floor(place / BLOCK) * BLOCK * padded + (place % BLOCK);
    for (let d = 0; d < padded; d++) blocks[to + d * BLOCK] = d < width ? points[i * width + d]! : 0;
  }

  /** Begins a new list: of the points nearest to row `i` of `points`. */
  ask(points: Float32Array, i: number): void {
    this.point.set(points.subarray(i * this.width, (i + 1) * this.width));
    this.squared.fill(Number.POSITIVE_INFINITY);
    this.places.fill(0);
  }

  /** Looks at the blocks that hold the places `from` to, but not with, `to`, for nearer points; one place is left out. */
  search(from: number, to: number, except = -1): void {
    this.run(Math.floor(from / BLOCK), Math.ceil(to / BLOCK), except);
  }
}

/** Where the distances of a block, the point that is asked, and the list are. */
interface Addresses {
  readonly distances: number;
  readonly point: number;
  readonly squared: number;
  readonly places: number;
}

/** Blocks `from` to `to`: the distances of each, and into the list with those below its last. */
function writeSearch(width: number, k: number, addresses: Addresses): FunctionBuilder {
  const [from, to, except] = [0, 1, 2];
  const f = new FunctionBuilder(["i32", "i32", "i32"]);
  const [row, at] = [f.local("i32"), f.local("i32")];
  const [x, difference, last] = [f.local("v128"), f.local("v128"), f.local("v128")];
  const sums = Array.from({ length: BLOCK / LANES }, () => f.local("v128"));
  const insert = writeInsert(f, k, addresses, from, except);
  const readLast = () =>
    f
      .i32(addresses.squared + 4 * (k - 1))
      .memory("v128.load32_splat")
      .set(last);
  readLast();
  f.get(from)
    .i32(4 * BLOCK * width)
    .op("i32.mul")
    .set(row);
  f.whileBelow(
    from,
    () => f.get(to),
    () => {
      for (const sum of sums) f.floats(0).set(sum);
      f.i32(0).set(at);
      f.whileBelow(
        at,
        () => f.i32(4 * width),
        () => {
          for (let d = 0; d < TURN; d++) {
            f.get(at)
              .memory("v128.load32_splat", addresses.point + 4 * d)
              .set(x);
            for (const [i, sum] of sums.entries()) {
              f.get(row).memory("v128.load", 4 * (BLOCK * d + LANES * i));
              f.get(x).op("f32x4.sub").tee(difference).get(difference).op("f32x4.mul");
              f.get(sum).op("f32x4.add").set(sum);
            }
          }
          f.increase(row, 4 * BLOCK * TURN);
          f.increase(at, 4 * TURN);
        },
      );
      f.get(sums[0]!).get(last).op("f32x4.lt");
      for (const sum of sums.slice(1)) f.get(sum).get(last).op("f32x4.lt", "v128.or");
      f.op("v128.any_true").when(() => {
        for (const [i, sum] of sums.entries())
          f.i32(0)
            .get(sum)
            .memory("v128.store", addresses.distances + 4 * LANES * i);
        insert();
        readLast();
      });
      f.increase(from, 1);
    },
  );
  return f;
}

/** Puts the points of a block into the list that are nearer than its last. */
function writeInsert(
  f: FunctionBuilder,
  k: number,
  { distances, squared, places }: Addresses,
  block: number,
  except: number,
): () => void {
  const [lane, place, at, held] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const [distance, other] = [f.local("f32"), f.local("f32")];
  /** The place that is carried and the one at `at` change places, and so do their distances. */
  const exchange = () => {
    f.get(at).memory("i32.load", places).set(held);
    f.get(at).get(place).memory("i32.store", places);
    f.get(held).set(place);
    f.get(at).get(distance).memory("f32.store", squared);
    f.get(other).set(distance);
  };
  const carry = () => {
    f.i32(0).set(at);
    f.whileBelow(
      at,
      () => f.i32(4 * k),
      () => {
        f.get(at).memory("f32.load", squared).tee(other);
        f.get(distance).op("f32.gt").when(exchange);
        f.increase(at, 4);
      },
    );
  };
  return () => {
    f.i32(0).set(lane);
    f.whileBelow(
      lane,
      () => f.i32(BLOCK),
      () => {
        f.i32(squared + 4 * (k - 1)).memory("f32.load");
        f.get(lane).i32(4).op("i32.mul").memory("f32.load", distances).tee(distance).op("f32.gt");
        f.when(() => {
          f.get(block).i32(BLOCK).op("i32.mul").get(lane).op("i32.add").tee(place);
          f.get(except).op("i32.sub").when(carry);
        });
        f.increase(lane, 1);
      },
    );
  };
}
