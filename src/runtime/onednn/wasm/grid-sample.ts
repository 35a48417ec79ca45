// Bilinear samples of pictures (graph/ops/grid-sample.ts has the formula): both coordinates of a place in one vector, then
// four channels at a time.
import type { FunctionBuilder } from "../../../wasm/assembler.ts";
import { LANES } from "./access.ts";

/** A kernel that samples pictures at the places of a grid `[n, oh, ow, 2]`. */
export interface GridSample {
  readonly kind: "gridSample";
  /** Pictures `[n, h, w, c]`. */
  readonly picture: readonly [n: number, h: number, w: number, c: number];
  /** Height and width of the result. */
  readonly size: readonly [oh: number, ow: number];
}

/** Rows of the result, which threads share. */
export const gridSampleUnits = ({ picture: [n], size: [oh] }: GridSample): number => n * oh;

/** Instructions for a place, and for a vector of channels there. */
const PLACE_COST = 30;
const CHANNELS_COST = 12;

/** A rough number of vector instructions. */
export const gridSampleWork = ({ picture: [n, , , c], size: [oh, ow] }: GridSample): number =>
  n * oh * ow * (PLACE_COST + CHANNELS_COST * Math.ceil(c / LANES));

/**
 * Writes the body of a function `(from, to)` over rows of the result.
 * @param addresses locals that hold where the pictures, the grid and the result begin
 */
export function writeGridSample(
  f: FunctionBuilder,
  { picture: [, h, w, c], size: [oh, ow] }: GridSample,
  addresses: readonly number[],
): void {
  const [pictures, grid, target] = addresses as [number, number, number];
  const [from, to] = [0, 1];
  const pixelBytes = 4 * c;
  const [right, below] = [w > 1 ? pixelBytes : 0, h > 1 ? w * pixelBytes : 0];
  const [row, column, channel] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const [picture, place, result] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const [upper, lower] = [f.local("i32"), f.local("i32")];
  const [position, low, share] = [f.local("v128"), f.local("v128"), f.local("v128")];
  const [fx, fy, restX, restY] = [f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128")];
  /** A vector with one number for x and one for y. */
  const pair = (x: number, y: number) => f.floatLanes([x, y, 0, 0]);

  /** Sets `upper` and `lower` to the pixels left of the place, and the shares of the pixels around it. */
  const locate = () => {
    f.get(place).memory("v128.load64_zero").floats(1).op("f32x4.add");
    pair(w / 2, h / 2)
      .op("f32x4.mul")
      .floats(0.5)
      .op("f32x4.sub");
    pair(w - 1, h - 1)
      .op("f32x4.pmin")
      .floats(0)
      .op("f32x4.pmax")
      .set(position);
    f.get(position).op("f32x4.floor");
    pair(Math.max(0, w - 2), Math.max(0, h - 2))
      .op("f32x4.pmin")
      .set(low);
    f.get(position).get(low).op("f32x4.sub").set(share);
    // A place that is not a number becomes pixel 0 here, so that no address is outside; its shares stay NaN.
    f.get(low).op("i32x4.trunc_sat_f32x4_s").set(low);
    f.get(low).extract("i32x4.extract_lane", 1).i32(w).op("i32.mul");
    f.get(low).extract("i32x4.extract_lane", 0).op("i32.add").i32(pixelBytes).op("i32.mul");
    f.get(picture).op("i32.add").tee(upper).i32(below).op("i32.add").set(lower);
    f.get(share).get(share).shuffle([0, 0, 0, 0]).set(fx);
    f.get(share).get(share).shuffle([1, 1, 1, 1]).set(fy);
    for (const [rest, part] of [
      [restX, fx],
      [restY, fy],
    ] as const)
      f.floats(1).get(part).op("f32x4.sub").set(rest);
  };

  /** So many channels of the sample, and on to the next. */
  const sample = (lanes: number) => {
    const load = lanes === LANES ? "v128.load" : "v128.load32_zero";
    const across = (left: number) => {
      f.get(left).memory(load).get(restX).op("f32x4.mul");
      f.get(left).memory(load, right).get(fx).op("f32x4.mul", "f32x4.add");
    };
    f.get(result);
    across(upper);
    f.get(restY).op("f32x4.mul");
    across(lower);
    f.get(fy).op("f32x4.mul", "f32x4.add");
    if (lanes === LANES) f.memory("v128.store");
    else f.lane("v128.store32_lane", 0);
    for (const local of [upper, lower, result]) f.increase(local, 4 * lanes);
    f.increase(channel, lanes);
  };
  const samples = (lanes: number) =>
    f.whileBelow(
      channel,
      () => f.i32(c - lanes + 1),
      () => sample(lanes),
    );

  f.get(from).set(row);
  f.get(grid)
    .get(from)
    .i32(8 * ow)
    .op("i32.mul", "i32.add")
    .set(place);
  f.get(target)
    .get(from)
    .i32(ow * pixelBytes)
    .op("i32.mul", "i32.add")
    .set(result);
  f.whileBelow(
    row,
    () => f.get(to),
    () => {
      f.get(pictures)
        .get(row)
        .i32(oh)
        .op("i32.div_u")
        .i32(h * w * pixelBytes)
        .op("i32.mul", "i32.add")
        .set(picture);
      f.i32(0).set(column);
      f.whileBelow(
        column,
        () => f.i32(ow),
        () => {
          locate();
          f.i32(0).set(channel);
          samples(LANES);
          samples(1);
          f.increase(place, 8);
          f.increase(column, 1);
        },
      );
      f.increase(row, 1);
    },
  );
}
