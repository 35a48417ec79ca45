// Bilinear values at places of a picture, four pixels at a time as WebAssembly: a batch is changed while the step before it is
// computed, on a core that the step would like to have.
import { FunctionBuilder, instantiate } from "../base/assembler.ts";

interface Shape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Bits for parts of a pixel in places. */
const FINE = 10;
/** A pixel in places. */
export const ONE = 1 << FINE;

const LANES = 4;

export class Resampler {
  /** Where each pixel comes from: x, y, in parts of a pixel (`ONE`). */
  readonly map: Int32Array;
  private readonly source: Uint8Array;
  private readonly result: Uint8Array;
  private readonly kernel: () => void;

  constructor(shape: Shape) {
    const pixels = shape.height * shape.width;
    const turns = Math.ceil(pixels / LANES);
    const bytes = pixels * shape.channels;
    const source = 8 * LANES * turns;
    // Places after the last pixel are zeros; what comes of them lies after the result.
    const result = source + bytes;
    const kernel = writeResample(shape, turns, source, result);
    const { run, buffer } = instantiate(kernel, result + LANES * turns * shape.channels);
    this.kernel = run;
    this.map = new Int32Array(buffer, 0, 2 * pixels);
    this.source = new Uint8Array(buffer, source, bytes);
    this.result = new Uint8Array(buffer, result, bytes);
  }

  /** Replaces a picture [h, w, c] by its values at the places of the map; outside of it its edge repeats. */
  apply(picture: Uint8Array): void {
    this.source.set(picture);
    this.kernel();
    picture.set(this.result);
  }
}

function writeResample({ height: h, width: w, channels: c }: Shape, turns: number, source: number, result: number) {
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
