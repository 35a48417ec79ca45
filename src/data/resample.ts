// Bilinear values at places of a picture, four pixels at a time as WebAssembly: a batch is changed while the step before it is
// computed, on a core that the step would like to have.
import { FunctionBuilder } from "../wasm/assembler.ts";
import { instantiate } from "../wasm/module.ts";
import type { PictureShape } from "./picture.ts";

/** Places in a picture are whole numbers of 1/1024 pixel. */
const FINE = 10;
/** One pixel in that unit. */
export const ONE = 1 << FINE;

const LANES = 4;

/** Numbers of an affine map, as `writePlace` reads them. */
const AFFINE = 12;

type Pair = readonly [x: number, y: number];

/**
 * Moves the pixels of a picture: `map` says from where in the picture each pixel comes, and `apply` replaces the picture by
 * its bilinear values there. One resampler serves pictures of one shape, one at a time.
 */
export class Resampler {
  /** The place that each pixel comes from, `[h, w, 2]`: x and y in units of 1/`ONE` pixel. */
  readonly map: Int32Array;
  private readonly source: Uint8Array;
  private readonly result: Uint8Array;
  private readonly affine: Float32Array;
  private readonly kernels: { readonly place: () => void; readonly resample: () => void };

  constructor(shape: PictureShape) {
    const pixels = shape.height * shape.width;
    const turns = Math.ceil(pixels / LANES);
    const bytes = pixels * shape.channels;
    const source = 8 * LANES * (turns + 1);
    // Places after the last pixel are zeros; what comes of them lies after the result.
    const result = source + bytes;
    const affine = Math.ceil((result + LANES * turns * shape.channels) / 4) * 4;
    const { run, buffer } = instantiate(
      { place: writePlace(shape, affine), resample: writeResample(shape, turns, source, result) },
      affine + 4 * AFFINE,
    );
    this.kernels = run;
    this.affine = new Float32Array(buffer, affine, AFFINE);
    this.map = new Int32Array(buffer, 0, 2 * pixels);
    this.source = new Uint8Array(buffer, source, bytes);
    this.result = new Uint8Array(buffer, result, bytes);
  }

  /**
   * Fills the map with an affine one: the upper left pixel comes from `origin`, and one step to the right or down in the
   * result is a step by `across` or `down` in the picture. All three are x and y in pixels.
   */
  place(origin: Pair, across: Pair, down: Pair): void {
    const parts = ([x, y]: Pair): Pair => [x * ONE, y * ONE];
    const [[x, y], [ax, ay], [dx, dy]] = [parts(origin), parts(across), parts(down)];
    // Half a part more, as fractions are dropped.
    this.affine.set([x + 0.5, y + 0.5, x + ax + 0.5, y + ay + 0.5, 2 * ax, 2 * ay, 2 * ax, 2 * ay, dx, dy, dx, dy]);
    this.kernels.place();
  }

  /** Replaces a picture, bytes `[h, w, c]`, by its values at the places of the map; beyond its edge, the edge repeats. */
  apply(picture: Uint8Array): void {
    this.source.set(picture);
    this.kernels.resample();
    picture.set(this.result);
  }
}

/**
 * Two pixels at a time: their places at the left end, what is added for the next two and what for the next row, four numbers
 * each at address `affine`.
 */
function writePlace({ height: h, width: w }: PictureShape, affine: number) {
  const f = new FunctionBuilder([]);
  const [row, column, to] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const [left, across, down] = [f.local("v128"), f.local("v128"), f.local("v128")];
  const [rows, pairs] = [f.local("v128"), f.local("v128")];
  f.i32(affine).memory("v128.load", 16).set(across);
  f.i32(affine).memory("v128.load", 32).set(down);
  f.whileBelow(
    row,
    () => f.i32(h),
    () => {
      f.i32(affine).memory("v128.load").get(rows).get(down).op("f32x4.mul", "f32x4.add").set(left);
      f.floats(0).set(pairs);
      f.i32(0).set(column);
      f.whileBelow(
        column,
        () => f.i32(w),
        () => {
          f.get(to).get(left).get(pairs).get(across).op("f32x4.mul", "f32x4.add", "i32x4.trunc_sat_f32x4_s");
          f.memory("v128.store");
          f.get(pairs).floats(1).op("f32x4.add").set(pairs);
          f.increase(to, 16);
          f.increase(column, 2);
        },
      );
      // The second of the last pair is beyond an odd row; the next row overwrites it.
      if (w % 2 === 1) f.increase(to, -8);
      f.get(rows).floats(1).op("f32x4.add").set(rows);
      f.increase(row, 1);
    },
  );
  return f;
}

function writeResample(
  { height: h, width: w, channels: c }: PictureShape,
  turns: number,
  source: number,
  result: number,
) {
  const f = new FunctionBuilder([]);
  const [turn, to] = [f.local("i32"), f.local("i32")];
  const [first, second] = [f.local("v128"), f.local("v128")];
  const places = [f.local("v128"), f.local("v128")] as const;
  const parts = [f.local("v128"), f.local("v128")] as const;
  const addresses = Array.from({ length: LANES }, () => f.local("i32"));
  const corner = f.local("v128");
  // The next column and row, where there is one.
  const [right, below] = [w > 1 ? c : 0, h > 1 ? w * c : 0];
  // Just before the last column and row, so that there is always a next one; rounding gives the last its own value.
  const last = [w, h].map((size) => Math.max(0, (size - 1) * ONE - 1));
  f.i32(result).set(to);
  f.whileBelow(
    turn,
    () => f.i32(8 * LANES * turns),
    () => {
      f.get(turn).memory("v128.load").set(first);
      f.get(turn).memory("v128.load", 16).set(second);
      for (const axis of [0, 1] as const) {
        f.get(first)
          .get(second)
          .shuffle([axis, axis + 2, axis + 4, axis + 6]);
        f.ints(0).op("i32x4.max_s").ints(last[axis]!).op("i32x4.min_s").set(places[axis]);
        f.get(places[axis])
          .ints(ONE - 1)
          .op("v128.and")
          .set(parts[axis]);
      }
      f.get(places[1]).i32(FINE).op("i32x4.shr_s").ints(w).op("i32x4.mul");
      f.get(places[0]).i32(FINE).op("i32x4.shr_s", "i32x4.add").ints(c).op("i32x4.mul").set(corner);
      addresses.forEach((address, lane) => {
        f.get(corner).extract("i32x4.extract_lane", lane).set(address);
      });
      for (let k = 0; k < c; k++) {
        const values = (offset: number) => {
          f.ints(0).set(first);
          addresses.forEach((address, lane) => {
            f.get(address)
              .get(first)
              .lane("v128.load8_lane", 4 * lane, source + k + offset)
              .set(first);
          });
          f.get(first);
        };
        /** Between the values here and one column on, times ONE. */
        const across = (offset: number) => {
          values(offset);
          f.set(second);
          values(offset + right);
          f.get(second).op("i32x4.sub").get(parts[0]).op("i32x4.mul");
          f.get(second).i32(FINE).op("i32x4.shl", "i32x4.add");
        };
        across(0);
        f.set(corner);
        across(below);
        f.get(corner).op("i32x4.sub").get(parts[1]).op("i32x4.mul");
        f.get(corner).i32(FINE).op("i32x4.shl", "i32x4.add");
        f.ints(1 << (2 * FINE - 1))
          .op("i32x4.add")
          .i32(2 * FINE)
          .op("i32x4.shr_s")
          .set(first);
        for (let lane = 0; lane < LANES; lane++)
          f.get(to)
            .get(first)
            .lane("v128.store8_lane", 4 * lane, c * lane + k);
      }
      f.increase(to, LANES * c);
      f.increase(turn, 8 * LANES);
    },
  );
  return f;
}
