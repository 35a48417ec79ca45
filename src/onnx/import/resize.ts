// Resize and its forerunner Upsample.
import { ndarray } from "../../base/array.ts";
import * as g from "../../graph/ops/index.ts";
import { constant, type Tensor } from "../../graph/tensor.ts";
import type { Call, Importer } from "./call.ts";
import { lastOf } from "./convolution.ts";
import { channelsLast, computed } from "./values.ts";

/** No picture of a network is larger. */
const LARGEST = 8192;

/** Where a pixel of the result lies in the picture, in its pixels. */
type Place = (i: number, from: number, to: number, scale: number) => number;

/** By `coordinate_transformation_mode`. */
const PLACES: Readonly<Record<string, Place>> = {
  half_pixel: (i, _from, _to, scale) => (i + 0.5) / scale - 0.5,
  pytorch_half_pixel: (i, _from, to, scale) => (to > 1 ? (i + 0.5) / scale - 0.5 : 0),
  align_corners: (i, from, to) => (to > 1 ? (i * (from - 1)) / (to - 1) : 0),
  asymmetric: (i, _from, _to, scale) => i / scale,
};

/** By `nearest_mode`. */
const ROUNDS: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** The matrix `[to, from]` that resamples one axis; what lies outside is the edge. */
function matrix(call: Call, from: number, to: number, scale: number): Tensor {
  const mode = call.text("mode", "nearest");
  const old = call.node.op === "Upsample" || call.opset < 11;
  const how = call.text("coordinate_transformation_mode", old ? "asymmetric" : "half_pixel");
  const place = PLACES[how] ?? call.refuse(`coordinate_transformation_mode is "${how}"`);
  const rounding = call.text("nearest_mode", old ? "floor" : "round_prefer_floor");
  const round = ROUNDS[rounding] ?? call.refuse(`nearest_mode is "${rounding}"`);
  if (mode !== "nearest" && mode !== "linear") call.refuse(`mode is "${mode}"; nearest and linear can be taken`);
  const data = new Float32Array(to * from);
  const within = (at: number) => Math.min(Math.max(at, 0), from - 1);
  for (let i = 0; i < to; i++) {
    const at = place(i, from, to, scale);
    if (mode === "nearest") data[i * from + within(round(at))] = 1;
    else {
      const low = Math.floor(at);
      data[i * from + within(low)]! += 1 - (at - low);
      data[i * from + within(low + 1)]! += at - low;
    }
  }
  return constant(ndarray("float32", [to, from], data));
}

const resize: Importer = (call) => {
  const x = call.image(0);
  if (call.int("antialias", 0) === 1) call.refuse("it smooths before it shrinks (antialias)");
  const old = call.node.op === "Upsample" || call.opset < 11;
  const scalesAt = old ? 1 : 2;
  const scales =
    call.has(scalesAt) && call.known(scalesAt).data.length > 0 ? call.wholeNumbers(scalesAt) : call.floats("scales");
  const sizes = !old && call.has(3) ? call.wholeNumbers(3) : undefined;
  if (!sizes && scales?.length !== 4) call.refuse("it names neither four sizes nor four scales");
  const to = [2, 3].map((axis) => sizes?.at(axis - 4) ?? Math.floor(x.shape[axis]! * scales![axis]!));
  if (to.some((size) => !(size >= 1 && size <= LARGEST))) call.refuse(`a result of ${to.join("x")}`);
  const [n, c, h, w] = x.shape as readonly number[] as [number, number, number, number];
  const [height, width] = to as [number, number];
  const scaleOf = (i: 0 | 1, from: number) => (sizes ? to[i]! / from : scales![i + 2]!);
  let y = lastOf(x);
  if (height !== h)
    y = g.reshape(g.matmul(matrix(call, h, height, scaleOf(0, h)), g.reshape(y, [n, h, w * c])), [n, height, w, c]);
  if (width !== w)
    y = g.reshape(g.matmul(matrix(call, w, width, scaleOf(1, w)), g.reshape(y, [n * height, w, c])), [
      n,
      height,
      width,
      c,
    ]);
  return computed(y, channelsLast(4), x);
};

export const RESIZING: Readonly<Record<string, Importer>> = { Resize: resize, Upsample: resize };
