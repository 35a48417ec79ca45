// Convolution and its two adjoints. The three are closed under differentiation, so gradients of any order exist.
//   conv2d:           y = x * w        x [n, h, w, c], w [kh, kw, c, o], y [n, oh, ow, o]
//   conv2dTranspose:  x from y and w   (the input gradient; as a layer, the "transposed convolution")
//   conv2dWeightGrad: w from x and y   (the weights gradient)
import { sizeOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { apply, type OpDef, type Tensor, typeText } from "../tensor.ts";
import {
  type ConvAttrs,
  lowerConv2d,
  lowerConv2dTranspose,
  lowerConv2dWeightGrad,
  type TransposeAttrs,
} from "./conv-lower.ts";
import { sumTo } from "./reduce.ts";
import { concat, sliceAxis } from "./shape.ts";
import { storage } from "./values.ts";
import { forEachTap, makeWindow, outputSize, type Size, type Window, type WindowOptions } from "./window.ts";

type Four = readonly [number, number, number, number];

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

/** x `[n, h, w, c]`, weights `[kh, kw, c, o]` and a bias `[o]`, if there is one, to y `[n, oh, ow, o]`. */
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
  lower: lowerConv2d,
};

/** y `[n, oh, ow, o]` and weights `[kh, kw, c, o]` to x `[n, h, w, c]`: the adjoint of `conv2d` with respect to x. */
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
  lower: lowerConv2dTranspose,
};

/**
 * x `[n, h, w, c]` and y `[n, oh, ow, o]` to weights `[kh, kw, c, o]`: the adjoint of `conv2d` with respect to the
 * weights.
 */
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
  lower: lowerConv2dWeightGrad,
};

function inputAdjoint(dy: Tensor, weights: Tensor, window: Window, size: Size): Tensor {
  return apply(conv2dTransposeOp, [dy, weights], { window, size });
}

function conv2dWeightGrad(x: Tensor, y: Tensor, window: Window): Tensor {
  return apply(conv2dWeightGradOp, [x, y], { window });
}

/** How a convolution slides, in how many groups, and what is added. */
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
