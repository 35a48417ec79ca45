// Pooling over windows and over whole pictures.
import * as g from "../../graph/ops/index.ts";
import { outputSize, type Size, type Window } from "../../graph/ops/window.ts";
import { constant, type Tensor } from "../../graph/tensor.ts";
import type { Call, Importer } from "./call.ts";
import { imageLike, lastOf, sizeOfImage, windowOf } from "./convolution.ts";
import { channelsLast, computed } from "./values.ts";

/** With `ceil_mode` the last place may reach beyond the padding: more padding at the end, as long as it starts inside. */
function ceiled(call: Call, window: Window, size: Size): Window {
  if (call.int("ceil_mode", 0) === 0) return window;
  const { kernel, stride, dilation } = window;
  const padding = [...window.padding] as [number, number, number, number];
  for (const axis of [0, 1] as const) {
    const reach = (kernel[axis] - 1) * dilation[axis] + 1;
    const padded = size[axis] + padding[axis] + padding[axis + 2]!;
    let places = Math.ceil((padded - reach) / stride[axis]) + 1;
    if ((places - 1) * stride[axis] >= size[axis] + padding[axis]) places--;
    padding[axis + 2]! += Math.max(0, (places - 1) * stride[axis] + reach - padded);
  }
  return { ...window, padding };
}

const options = ({ stride, padding, dilation }: Window) => ({ stride, padding, dilation });

const maxPool: Importer = (call) => {
  const x = call.image(0);
  if (call.node.outputs.length > 1) call.refuse("it also gives the places of the largest values");
  const kernel = call.ints("kernel_shape") ?? call.refuse("it names no kernel");
  const window = ceiled(call, windowOf(call, kernel, sizeOfImage(x)), sizeOfImage(x));
  return imageLike(g.maxPool(lastOf(x), window.kernel, options(window)), x);
};

const averagePool: Importer = (call) => {
  const x = call.image(0);
  const kernel = call.ints("kernel_shape") ?? call.refuse("it names no kernel");
  const plain = windowOf(call, kernel, sizeOfImage(x));
  const window = ceiled(call, plain, sizeOfImage(x));
  const y = g.avgPool(lastOf(x), window.kernel, options(window));
  const includes = call.int("count_include_pad", 0) === 1;
  if (window.padding.every((n) => n === 0)) return imageLike(y, x);
  return imageLike(g.mul(y, correction(sizeOfImage(x), window, includes ? plain : undefined)), x);
};

/**
 * What the mean over a whole window becomes the mean by at each place, `[oh, ow, 1]`: elements of the window over those that
 * count, which are the pixels of the picture, or with `counted` its padding too.
 */
function correction(size: Size, window: Window, counted: Window | undefined): Tensor {
  const [oh, ow] = outputSize(window, size, "AveragePool");
  const [top, left, bottom, right] = counted?.padding ?? [0, 0, 0, 0];
  const taps = (axis: 0 | 1, place: number, before: number, after: number) => {
    let count = 0;
    for (let k = 0; k < window.kernel[axis]; k++) {
      const at = place * window.stride[axis] + k * window.dilation[axis] - window.padding[axis];
      count += Number(at >= -before && at < size[axis] + after);
    }
    return count;
  };
  const data = new Float32Array(oh * ow);
  for (let i = 0; i < oh; i++)
    for (let j = 0; j < ow; j++)
      data[i * ow + j] =
        (window.kernel[0] * window.kernel[1]) / Math.max(1, taps(0, i, top, bottom) * taps(1, j, left, right));
  return constant({ shape: [oh, ow, 1], dtype: "float32", data });
}

const globalPool =
  (pool: (x: Tensor, axes: readonly number[], keep: boolean) => Tensor): Importer =>
  (call) => {
    const x = call.image(0);
    return computed(pool(lastOf(x), [1, 2], true), channelsLast(4), x);
  };

export const POOLING: Readonly<Record<string, Importer>> = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalPool(g.mean),
  GlobalMaxPool: globalPool(g.max),
};
