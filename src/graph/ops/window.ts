// The geometry of sliding windows: which input pixel each output pixel and kernel tap reads.
import { fail } from "../../base/errors.ts";

/** A sliding window: each pair is `[height, width]`, padding is `[top, left, bottom, right]`, all in pixels. */
export interface Window {
  /** Places that are looked at, `[height, width]`. */
  readonly kernel: readonly [number, number];
  /** Pixels between neighbouring places of the window. */
  readonly stride: readonly [number, number];
  /** Pixels added on each side, `[top, left, bottom, right]`. */
  readonly padding: readonly [number, number, number, number];
  /** Pixels between neighbouring taps of the kernel. */
  readonly dilation: readonly [number, number];
}

/** Height and width in pixels. */
export type Size = readonly [height: number, width: number];

/** How a window slides over a picture; the kernel's size is given beside. */
export interface WindowOptions {
  /** Pixels between neighbouring places; 1 when absent. */
  stride?: number | Size;
  /** Pixels on every side, `[top, left, bottom, right]`, or `"same"` (output = ceil(input / stride)); none negative; 0 when absent. */
  padding?: number | readonly [number, number, number, number] | "same";
  /** Pixels between neighbouring taps of the kernel; 1 when absent. */
  dilation?: number | Size;
}

const pair = (value: number | Size): Size => (typeof value === "number" ? [value, value] : value);

/** The window of a kernel of this size over pictures of height and width `input`; throws `E_SHAPE` for negative padding. */
export function makeWindow(kernel: Size, input: Size, options: WindowOptions = {}): Window {
  const stride = pair(options.stride ?? 1);
  const dilation = pair(options.dilation ?? 1);
  const { padding = 0 } = options;
  if (padding !== "same") {
    const sides = typeof padding === "number" ? ([padding, padding, padding, padding] as const) : padding;
    // Pixels that are cut away are read by no tap, which tiles of a picture's adjoint do not foresee.
    if (sides.some((pixels) => pixels < 0))
      fail("E_SHAPE", `padding: expected 0 or more pixels on each side, got [${sides}]; cut the picture with slice()`);
    return { kernel, stride, dilation, padding: sides };
  }
  const total = ([0, 1] as const).map((axis) => {
    const out = Math.ceil(input[axis] / stride[axis]);
    return Math.max(0, (out - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1 - input[axis]);
  }) as [number, number];
  const [top, left] = [Math.floor(total[0] / 2), Math.floor(total[1] / 2)];
  return { kernel, stride, dilation, padding: [top, left, total[0] - top, total[1] - left] };
}

/** Output height and width; throws `E_SHAPE` when the kernel is larger than the padded input. */
export function outputSize(window: Window, [height, width]: Size, what: string): Size {
  const { kernel, stride, padding, dilation } = window;
  const one = (size: number, axis: 0 | 1) =>
    Math.floor((size + padding[axis] + padding[axis + 2]! - (kernel[axis] - 1) * dilation[axis] - 1) / stride[axis]) +
    1;
  const out: Size = [one(height, 0), one(width, 1)];
  if (out[0] < 1 || out[1] < 1)
    fail(
      "E_SHAPE",
      `${what}: kernel ${kernel.join("x")} does not fit an input of ${height}x${width} with padding [${padding}]`,
    );
  return out;
}

/** Calls `visit(y, x, tap, inY, inX)` for every output pixel and kernel tap; the input pixel may lie in the padding. */
export function forEachTap(
  { kernel, stride, padding, dilation }: Window,
  [outHeight, outWidth]: Size,
  visit: (y: number, x: number, tap: number, inY: number, inX: number) => void,
): void {
  for (let y = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++)
      for (let ky = 0; ky < kernel[0]; ky++)
        for (let kx = 0; kx < kernel[1]; kx++)
          visit(
            y,
            x,
            ky * kernel[1] + kx,
            y * stride[0] + ky * dilation[0] - padding[0],
            x * stride[1] + kx * dilation[1] - padding[1],
          );
}

/** Whether the window is a single pixel that visits every pixel once. */
export const isPointwise = ({ kernel, stride, padding }: Window): boolean =>
  kernel[0] * kernel[1] === 1 && stride[0] * stride[1] === 1 && padding.every((n) => n === 0);
