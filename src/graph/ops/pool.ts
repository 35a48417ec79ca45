// Pooling over windows and resizing.
import { ndarray, sizeOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { apply, constant, type OpDef, type Tensor, typeText } from "../tensor.ts";
import { div, equal, mul } from "./binary.ts";
import { col2im, emitIm2col, im2col } from "./im2col.ts";
import { matmul } from "./matmul.ts";
import { mean, sum } from "./reduce.ts";
import { cast } from "./select.ts";
import { reshape } from "./shape.ts";
import { storage } from "./values.ts";
import { forEachTap, makeWindow, outputSize, type Size, type Window, type WindowOptions } from "./window.ts";

type Four = readonly [number, number, number, number];
/** Below every activation, yet finite, so that a comparison with padding is never NaN. */
const LOWEST = -3e38;

/** Pictures `[n, h, w, c]` to `[n, oh, ow, c]`; padding never is the maximum. */
export const maxPoolOp: OpDef<{ window: Window }> = {
  name: "maxPool",
  infer([x], { window }) {
    if (x!.shape.length !== 4) fail("E_SHAPE", `maxPool: expected an image [n, h, w, c], got ${typeText(x!)}`);
    const [n, h, w, c] = x!.shape as Four;
    return { shape: [n, ...outputSize(window, [h, w], "maxPool"), c], dtype: "float32" };
  },
  evaluate([x], { window }, out) {
    const [n, h, w, c] = x!.shape as Four;
    const [, oh, ow] = out.shape as Four;
    const values = storage("float32", sizeOf(out.shape)).fill(LOWEST);
    forEachTap(window, [oh, ow], (y, xx, _tap, inY, inX) => {
      if (inY < 0 || inY >= h || inX < 0 || inX >= w) return;
      for (let image = 0; image < n; image++)
        for (let channel = 0; channel < c; channel++) {
          const at = ((image * oh + y) * ow + xx) * c + channel;
          values[at] = Math.max(values[at]!, x!.data[((image * h + inY) * w + inX) * c + channel]!);
        }
    });
    return values;
  },
  // The places of a window that hold its maximum share the adjoint equally (PyTorch gives all to the first).
  grad(node, dy) {
    const [x] = node.inputs as [Tensor];
    const { window } = node.attrs;
    const [n, oh, ow, c] = node.shape as Four;
    const mask = cast(equal(im2col(x, window, LOWEST), reshape(node, [n, oh, ow, 1, c])), "float32");
    const share = div(dy, sum(mask, 3));
    return [col2im(mul(mask, reshape(share, [n, oh, ow, 1, c])), window, [x.shape[1]!, x.shape[2]!])];
  },
  lower(emit, node, [x]) {
    const { window } = node.attrs;
    const [n, oh, ow, c] = node.shape as Four;
    if (emit.mode === "infer") {
      const first = emit.node("Transpose", [x!], { perm: [0, 3, 1, 2] });
      const { kernel, stride, padding, dilation } = window;
      const y = emit.node("MaxPool", [first], {
        kernel_shape: kernel,
        strides: stride,
        pads: padding,
        dilations: dilation,
      });
      return emit.node("Transpose", [y], { perm: [0, 2, 3, 1] });
    }
    const taps = window.kernel[0] * window.kernel[1];
    const columns = emitIm2col(emit, x!, node.inputs[0]!.shape as Four, window, LOWEST);
    const rows = emit.reshape(columns, [n * oh * ow, taps, c]);
    return emit.reshape(emit.node("ReduceMax", [rows], { axes: [1], keepdims: 0 }), node.shape);
  },
};

/** Largest value under each window: `[n, h, w, c] -> [n, oh, ow, c]`. */
export function maxPool(x: Tensor, kernel: number | Size, options: WindowOptions = {}): Tensor {
  const size: Size = typeof kernel === "number" ? [kernel, kernel] : kernel;
  const window = makeWindow(size, [x.shape[1]!, x.shape[2]!], { stride: size, ...options });
  return apply(maxPoolOp, [x], { window });
}

/** Mean under each window; zeros in the padding count. */
export function avgPool(x: Tensor, kernel: number | Size, options: WindowOptions = {}): Tensor {
  const size: Size = typeof kernel === "number" ? [kernel, kernel] : kernel;
  const window = makeWindow(size, [x.shape[1]!, x.shape[2]!], { stride: size, ...options });
  return mean(im2col(x, window), 3);
}

/** How a resized axis takes its values: from the nearest pixel, or between the two nearest. */
export type Interpolation = "nearest" | "bilinear";

/** The matrix `[out, in]` that resamples one axis; pixel centres are aligned at half pixels, edges repeat. */
function resizeMatrix(from: number, to: number, mode: Interpolation): Float64Array {
  const matrix = new Float64Array(to * from);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    if (mode === "nearest") {
      matrix[i * from + Math.min(from - 1, Math.floor(((i + 0.5) * from) / to))] = 1;
      continue;
    }
    const low = Math.floor(centre);
    const share = centre - low;
    matrix[i * from + Math.min(Math.max(low, 0), from - 1)]! += 1 - share;
    matrix[i * from + Math.min(Math.max(low + 1, 0), from - 1)]! += share;
  }
  return matrix;
}

/** `[n, h, w, c] -> [n, size, c]`, each axis resampled by a constant matrix. */
export function resize(x: Tensor, size: Size, mode: Interpolation = "nearest"): Tensor {
  const [n, h, w, c] = x.shape as Four;
  const operator = (from: number, to: number) => constant(ndarray("float32", [to, from], resizeMatrix(from, to, mode)));
  const tall = h === size[0] ? x : reshape(matmul(operator(h, size[0]), reshape(x, [n, h, w * c])), [n, size[0], w, c]);
  if (w === size[1]) return tall;
  const rows = reshape(tall, [n * size[0], w, c]);
  return reshape(matmul(operator(w, size[1]), rows), [n, ...size, c]);
}
