// Convolution and its two adjoints. The three are closed under differentiation, so gradients of any order exist.
//   conv2d:           y = x * w        x [n, h, w, c], w [kh, kw, c, o], y [n, oh, ow, o]
//   conv2dTranspose:  x from y and w   (the input gradient; as a layer, the "transposed convolution")
//   conv2dWeightGrad:     w from x and y   (the weights gradient)
import { sizeOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import type { Emitter } from "../emitter.ts";
import { apply, type OpDef, type Tensor, typeText } from "../tensor.ts";
import { transposesByColumns } from "./choices.ts";
import { emitCol2im, emitExtraRow, emitIm2col } from "./im2col.ts";
import { sumTo } from "./reduce.ts";
import { concat, sliceAxis } from "./shape.ts";
import { columnBytes, inTiles } from "./tiles.ts";
import { storage } from "./values.ts";
import {
  forEachTap,
  isPointwise,
  makeWindow,
  outputSize,
  type Size,
  type Window,
  type WindowOptions,
} from "./window.ts";

type Four = readonly [number, number, number, number];
type ConvAttrs = { window: Window };
type TransposeAttrs = { window: Window; size: Size };

/** Visits every (image, output pixel, tap) whose input pixel exists, with offsets of the first channel of each operand. */
function forEachProduct(
  window: Window,
  [n, h, w, c]: Four,
  outChannels: number,
  visit: (xAt: number, wAt: number, yAt: number) => void,
): void {
  const out = outputSize(window, [h, w], "conv2d");
  forEachTap(window, out, (y, x, tap, inY, inX) => {
    if (inY < 0 || inY >= h || inX < 0 || inX >= w) return;
    for (let image = 0; image < n; image++)
      visit(
        ((image * h + inY) * w + inX) * c,
        tap * c * outChannels,
        ((image * out[0] + y) * out[1] + x) * outChannels,
      );
  });
}

function checkWeights(
  name: string,
  weights: Tensor,
  window: Window,
  c: number | undefined,
  o: number | undefined,
): void {
  const [kh, kw, ci, co] = weights.shape;
  if (weights.shape.length !== 4 || kh !== window.kernel[0] || kw !== window.kernel[1])
    fail("E_SHAPE", `${name}: expected weights [${window.kernel}, in, out], got ${typeText(weights)}`);
  if (c !== undefined && ci !== c)
    fail("E_SHAPE", `${name}: input has ${c} channels, weights ${typeText(weights)} expect ${ci}`);
  if (o !== undefined && co !== o)
    fail("E_SHAPE", `${name}: input has ${o} channels, weights ${typeText(weights)} expect ${co}`);
}

function columnsOf(
  emit: Emitter,
  x: string,
  shape: Four,
  window: Window,
): { name: string; rows: number; width: number } {
  const [n, h, w, c] = shape;
  const [oh, ow] = outputSize(window, [h, w], "conv2d");
  const rows = n * oh * ow;
  const width = window.kernel[0] * window.kernel[1] * c;
  const source = isPointwise(window) ? x : emitIm2col(emit, x, shape, window, 0);
  return { name: emit.reshape(source, [rows, width]), rows, width };
}

const onnxWindow = ({ kernel, stride, padding, dilation }: Window) => ({
  kernel_shape: kernel,
  strides: stride,
  pads: padding,
  dilations: dilation,
});
const TO_CHANNELS_FIRST = { perm: [0, 3, 1, 2] };
const TO_CHANNELS_LAST = { perm: [0, 2, 3, 1] };
/** `[kh, kw, c, o] -> [o, c, kh, kw]`, which serves both Conv and ConvTranspose. */
const WEIGHTS_TO_ONNX = { perm: [3, 2, 0, 1] };

export const conv2dOp: OpDef<ConvAttrs> = {
  name: "conv2d",
  infer([x, weights, bias], { window }) {
    if (x!.shape.length !== 4) fail("E_SHAPE", `conv2d: expected an image [n, h, w, c], got ${typeText(x!)}`);
    const [n, h, w, c] = x!.shape as Four;
    checkWeights("conv2d", weights!, window, c, undefined);
    const o = weights!.shape[3]!;
    if (bias && sizeOf(bias.shape) !== o) fail("E_SHAPE", `conv2d: bias ${typeText(bias)} does not fit ${o} channels`);
    return { shape: [n, ...outputSize(window, [h, w], "conv2d"), o], dtype: "float32" };
  },
  evaluate([x, weights, bias], { window }, out) {
    const shape = x!.shape as Four;
    const [c, o] = [shape[3], out.shape[3]!];
    const y = storage("float32", sizeOf(out.shape));
    if (bias) for (let i = 0; i < y.length; i++) y[i] = bias.data[i % o]!;
    forEachProduct(window, shape, o, (xAt, wAt, yAt) => {
      for (let i = 0; i < c; i++)
        for (let j = 0; j < o; j++) y[yAt + j]! += x!.data[xAt + i]! * weights!.data[wAt + i * o + j]!;
    });
    return y;
  },
  grad(node, dy, needs) {
    const [x, weights, bias] = node.inputs as [Tensor, Tensor, Tensor | undefined];
    const { window } = node.attrs;
    return [
      needs[0] ? inputAdjoint(dy, weights, window, [x.shape[1]!, x.shape[2]!]) : undefined,
      needs[1] ? conv2dWeightGrad(x, dy, window) : undefined,
      bias && needs[2] ? sumTo(dy, bias.shape) : undefined,
    ];
  },
  lower(emit, node, [x, weights, bias]) {
    const { window } = node.attrs;
    if (emit.mode === "infer") {
      const inputs = [
        emit.node("Transpose", [x!], TO_CHANNELS_FIRST),
        emit.node("Transpose", [weights!], WEIGHTS_TO_ONNX),
      ];
      const y = emit.node("Conv", bias ? [...inputs, bias] : inputs, onnxWindow(window));
      return emit.node("Transpose", [y], TO_CHANNELS_LAST);
    }
    const [oh, ow, o] = node.shape.slice(1) as [number, number, number];
    const [n, h, w, c] = node.inputs[0]!.shape as Four;
    const parts = inTiles(emit, n, columnBytes(window, h, w, c), 0, [x!], ([part], images) => {
      const columns = columnsOf(emit, part!, [images, h, w, c], window);
      const flat = emit.reshape(weights!, [columns.width, o]);
      const product = emit.node("Gemm", bias ? [columns.name, flat, bias] : [columns.name, flat]);
      return emit.reshape(product, [images, oh, ow, o]);
    });
    return parts.length === 1 ? parts[0]! : emit.node("Concat", parts, { axis: 0 });
  },
};

export const conv2dTransposeOp: OpDef<TransposeAttrs> = {
  name: "conv2dTranspose",
  infer([y, weights], { window, size }) {
    if (y!.shape.length !== 4) fail("E_SHAPE", `conv2dTranspose: expected an image [n, h, w, c], got ${typeText(y!)}`);
    checkWeights("conv2dTranspose", weights!, window, undefined, y!.shape[3]);
    const [oh, ow] = outputSize(window, size, "conv2dTranspose");
    if (oh !== y!.shape[1] || ow !== y!.shape[2])
      fail(
        "E_SHAPE",
        `conv2dTranspose: a result of ${size.join("x")} needs an input of ${oh}x${ow}, got ${typeText(y!)}`,
      );
    return { shape: [y!.shape[0]!, ...size, weights!.shape[2]!], dtype: "float32" };
  },
  evaluate([y, weights], { window }, out) {
    const shape = out.shape as Four;
    const [c, o] = [shape[3], y!.shape[3]!];
    const x = storage("float32", sizeOf(shape));
    forEachProduct(window, shape, o, (xAt, wAt, yAt) => {
      for (let i = 0; i < c; i++)
        for (let j = 0; j < o; j++) x[xAt + i]! += y!.data[yAt + j]! * weights!.data[wAt + i * o + j]!;
    });
    return x;
  },
  grad(node, dx, needs) {
    const [y, weights] = node.inputs as [Tensor, Tensor];
    const { window } = node.attrs;
    return [
      needs[0] ? apply(conv2dOp, [dx, weights], { window }) : undefined,
      needs[1] ? conv2dWeightGrad(dx, y, window) : undefined,
    ];
  },
  lower(emit, node, [y, weights]) {
    const { window, size } = node.attrs;
    const [n, oh, ow, o] = node.inputs[0]!.shape as Four;
    const c = node.shape[3]!;
    if (emit.mode === "infer") {
      const { kernel, stride, padding, dilation } = window;
      const extra = ([0, 1] as const).map(
        (axis) =>
          size[axis] +
          padding[axis] +
          padding[axis + 2]! -
          ((node.inputs[0]!.shape[axis + 1]! - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1),
      );
      const inputs = [
        emit.node("Transpose", [y!], TO_CHANNELS_FIRST),
        emit.node("Transpose", [weights!], WEIGHTS_TO_ONNX),
      ];
      const x = emit.node("ConvTranspose", inputs, { ...onnxWindow(window), output_padding: extra });
      return emit.node("Transpose", [x], TO_CHANNELS_LAST);
    }
    const taps = window.kernel[0] * window.kernel[1];
    if (isPointwise(window)) {
      const flat = emit.reshape(weights!, [c, o]);
      return emit.reshape(emit.node("Gemm", [emit.reshape(y!, [n * oh * ow, o]), flat], { transB: 1 }), node.shape);
    }
    if (!transposesByColumns(window, c)) {
      // Each pixel of the result reads every stride-th tap, o channels each.
      const bytes = (4 * size[0] * size[1] * taps * o) / (window.stride[0] * window.stride[1]);
      const parts = inTiles(emit, n, bytes, 0, [y!], ([part], images) =>
        emitByClass(emit, node, part!, weights!, images),
      );
      return parts.length === 1 ? parts[0]! : emit.node("Concat", parts, { axis: 0 });
    }
    // One product to columns, then each pixel gathers its own; the row of zeros serves pixels with fewer taps.
    const rows = emitExtraRow(emit, emit.reshape(y!, [n, oh * ow, o]), [n, oh * ow, o], 0);
    const flat = emit.reshape(rows, [n * (oh * ow + 1), o]);
    const columns = emit.node("Gemm", [flat, emit.reshape(weights!, [taps * c, o])], { transB: 1 });
    const pixels = emit.reshape(columns, [n, (oh * ow + 1) * taps, c]);
    return emitCol2im(emit, pixels, node.shape as Four, window, oh * ow * taps);
  },
};

/**
 * The transposed convolution as plain products: pixels of one residue class (row mod stride, column mod stride) read
 * the same taps, so each class is a dense convolution of y; a last Gather interleaves the classes.
 */
function emitByClass(emit: Emitter, node: Tensor<TransposeAttrs>, y: string, weights: string, n: number): string {
  const { window, size } = node.attrs;
  const { kernel, stride, padding, dilation } = window;
  const [, oh, ow, o] = node.inputs[0]!.shape as Four;
  const c = node.shape[3]!;
  const shape = [n, ...node.shape.slice(1)];
  const axisTaps = (axis: 0 | 1, residue: number) =>
    Array.from({ length: kernel[axis] }, (_, k) => k).filter(
      (k) => (((residue + padding[axis] - k * dilation[axis]) % stride[axis]) + stride[axis]) % stride[axis] === 0,
    );
  const perTap = emit.node("Transpose", [emit.reshape(weights, [kernel[0] * kernel[1], c, o])], { perm: [0, 2, 1] });
  const zeroRow = oh * ow;
  const rows = emitExtraRow(emit, emit.reshape(y, [n, oh * ow, o]), [n, oh * ow, o], 0);
  const place = new Int32Array(size[0] * size[1]);
  const parts: string[] = [];
  let offset = 0;
  for (let ry = 0; ry < Math.min(stride[0], size[0]); ry++)
    for (let rx = 0; rx < Math.min(stride[1], size[1]); rx++) {
      const taps = axisTaps(0, ry).flatMap((ky) => axisTaps(1, rx).map((kx) => [ky, kx] as const));
      const height = Math.ceil((size[0] - ry) / stride[0]);
      const width = Math.ceil((size[1] - rx) / stride[1]);
      const source: number[] = [];
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++) {
          place[(ry + i * stride[0]) * size[1] + rx + j * stride[1]] = offset + i * width + j;
          for (const [ky, kx] of taps) {
            const fromY = (ry + i * stride[0] + padding[0] - ky * dilation[0]) / stride[0];
            const fromX = (rx + j * stride[1] + padding[1] - kx * dilation[1]) / stride[1];
            source.push(fromY >= 0 && fromY < oh && fromX >= 0 && fromX < ow ? fromY * ow + fromX : zeroRow);
          }
        }
      // A class that no tap reaches still needs a row of zeros.
      const reads = taps.length > 0 ? source : new Array<number>(height * width).fill(zeroRow);
      const tapCount = Math.max(1, taps.length);
      const columns = emit.node("Gather", [rows, emit.indices(Int32Array.from(reads), [height * width, tapCount])], {
        axis: 1,
      });
      const tapIndex = taps.length > 0 ? taps.map(([ky, kx]) => ky * kernel[1] + kx) : [0];
      const chosen = emit.node("Gather", [perTap, emit.indices(Int32Array.from(tapIndex), [tapCount])], { axis: 0 });
      const flat = emit.reshape(columns, [n * height * width, tapCount * o]);
      const product = emit.node("Gemm", [flat, emit.reshape(chosen, [tapCount * o, c])]);
      parts.push(emit.reshape(product, [n, height * width, c]));
      offset += height * width;
    }
  if (parts.length === 1) return emit.reshape(parts[0]!, shape);
  const all = emit.node("Concat", parts, { axis: 1 });
  return emit.reshape(emit.node("Gather", [all, emit.indices(place, [place.length])], { axis: 1 }), shape);
}

export const conv2dWeightGradOp: OpDef<ConvAttrs> = {
  name: "conv2dWeightGrad",
  infer([x, y], { window }) {
    return { shape: [...window.kernel, x!.shape[3]!, y!.shape[3]!], dtype: "float32" };
  },
  evaluate([x, y], { window }, out) {
    const shape = x!.shape as Four;
    const [c, o] = [shape[3], y!.shape[3]!];
    const weights = storage("float32", sizeOf(out.shape));
    forEachProduct(window, shape, o, (xAt, wAt, yAt) => {
      for (let i = 0; i < c; i++)
        for (let j = 0; j < o; j++) weights[wAt + i * o + j]! += x!.data[xAt + i]! * y!.data[yAt + j]!;
    });
    return weights;
  },
  grad(node, dw, needs) {
    const [x, y] = node.inputs as [Tensor, Tensor];
    const { window } = node.attrs;
    return [
      needs[0] ? inputAdjoint(y, dw, window, [x.shape[1]!, x.shape[2]!]) : undefined,
      needs[1] ? apply(conv2dOp, [x, dw], { window }) : undefined,
    ];
  },
  lower(emit, node, [x, y]) {
    const { window } = node.attrs;
    const [n, h, w, c] = node.inputs[0]!.shape as Four;
    const o = node.shape[3]!;
    const parts = inTiles(emit, n, columnBytes(window, h, w, c), -4, [x!, y!], ([image, result], images) => {
      const columns = columnsOf(emit, image!, [images, h, w, c], window);
      return emit.node("Gemm", [columns.name, emit.reshape(result!, [columns.rows, o])], { transA: 1 });
    });
    return emit.reshape(parts.length === 1 ? parts[0]! : emit.node("Sum", parts), node.shape);
  },
};

function inputAdjoint(dy: Tensor, weights: Tensor, window: Window, size: Size): Tensor {
  return apply(conv2dTransposeOp, [dy, weights], { window, size });
}

function conv2dWeightGrad(x: Tensor, y: Tensor, window: Window): Tensor {
  return apply(conv2dWeightGradOp, [x, y], { window });
}

export interface ConvOptions extends WindowOptions {
  /** Channels are convolved in this many separate groups. */
  groups?: number;
  /** `[out channels]` */
  bias?: Tensor;
}

/**
 * Convolution (cross-correlation, as the field uses the word).
 * @param x `[n, h, w, c]`
 * @param weights `[kh, kw, c / groups, o]`
 * @returns `[n, oh, ow, o]`
 */
export function conv2d(x: Tensor, weights: Tensor, options: ConvOptions = {}): Tensor {
  const [kh, kw] = weights.shape as Four;
  const { groups = 1, bias } = options;
  const window = makeWindow([kh, kw], [x.shape[1]!, x.shape[2]!], options);
  if (groups === 1) return apply(conv2dOp, bias ? [x, weights, bias] : [x, weights], { window });
  const inGroup = x.shape[3]! / groups;
  const outGroup = weights.shape[3]! / groups;
  if (!Number.isInteger(inGroup) || !Number.isInteger(outGroup))
    fail(
      "E_SHAPE",
      `conv2d: ${groups} groups do not divide ${x.shape[3]} input and ${weights.shape[3]} output channels`,
    );
  const parts = Array.from({ length: groups }, (_, g) => {
    const own = sliceAxis(x, 3, g * inGroup, (g + 1) * inGroup);
    const w = sliceAxis(weights, 3, g * outGroup, (g + 1) * outGroup);
    const b = bias && sliceAxis(bias, 0, g * outGroup, (g + 1) * outGroup);
    return apply(conv2dOp, b ? [own, w, b] : [own, w], { window });
  });
  return concat(parts, 3);
}

/**
 * Transposed convolution ("deconvolution").
 * @param y `[n, h, w, o]`
 * @param weights `[kh, kw, c, o]`: the weights of the convolution it is the adjoint of
 * @param size height and width of the result
 * @returns `[n, size, c]`
 */
export function conv2dTranspose(y: Tensor, weights: Tensor, size: Size, options: WindowOptions = {}): Tensor {
  const [kh, kw] = weights.shape as Four;
  return apply(conv2dTransposeOp, [y, weights], { window: makeWindow([kh, kw], size, options), size });
}
