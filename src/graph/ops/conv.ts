// Convolution and its two adjoints. The three are closed under differentiation, so gradients of any order exist.
//   conv2d:           y = x * w        x [n, h, w, c], w [kh, kw, c, o], y [n, oh, ow, o]
//   conv2dTranspose:  x from y and w   (the input gradient; as a layer, the "transposed convolution")
//   conv2dWeightGrad: w from x and y   (the weights gradient)
// In groups, g of them, each part of the channels of y is computed from its part of x alone: w [kh, kw, c / g, o]. With a group
// for each channel that is the depthwise convolution.
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
import { reshape } from "./shape.ts";
import { storage } from "./values.ts";
import { forEachTap, makeWindow, outputSize, type Size, type Window, type WindowOptions } from "./window.ts";

type Four = readonly [number, number, number, number];

/** Channels of x and of y in a group. */
const channelsOf = ({ groups = 1 }: ConvAttrs, c: number, o: number) => [c / groups, o / groups] as const;

/**
 * Visits every (image, output pixel, tap, group) whose input pixel exists, with the places of the group's first channel of each
 * operand.
 */
function forEachProduct(
  attrs: ConvAttrs,
  [n, h, w, c]: Four,
  o: number,
  visit: (xAt: number, wAt: number, yAt: number) => void,
): void {
  const { window, groups = 1 } = attrs;
  const out = outputSize(window, [h, w], "conv2d");
  const [inGroup, outGroup] = channelsOf(attrs, c, o);
  forEachTap(window, out, (y, x, tap, inY, inX) => {
    if (inY < 0 || inY >= h || inX < 0 || inX >= w) return;
    for (let image = 0; image < n; image++)
      for (let group = 0; group < groups; group++)
        visit(
          ((image * h + inY) * w + inX) * c + group * inGroup,
          tap * inGroup * o + group * outGroup,
          ((image * out[0] + y) * out[1] + x) * o + group * outGroup,
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
  infer([x, weights, bias], { window, groups = 1 }) {
    if (x!.shape.length !== 4) fail("E_SHAPE", `conv2d: expected an image [n, h, w, c], got ${typeText(x!)}`);
    const [n, h, w, c] = x!.shape as Four;
    const o = weights!.shape[3]!;
    if (c % groups !== 0 || o % groups !== 0)
      fail("E_SHAPE", `conv2d: ${groups} groups do not divide ${c} input and ${o} output channels`);
    checkWeights("conv2d", weights!, window, c / groups, undefined);
    if (bias && sizeOf(bias.shape) !== o) fail("E_SHAPE", `conv2d: bias ${typeText(bias)} does not fit ${o} channels`);
    return { shape: [n, ...outputSize(window, [h, w], "conv2d"), o], dtype: "float32" };
  },
  evaluate([x, weights, bias], attrs, out) {
    const o = out.shape[3]!;
    const y = storage("float32", sizeOf(out.shape));
    if (bias) for (let i = 0; i < y.length; i++) y[i] = bias.data[i % o]!;
    const [inGroup, outGroup] = channelsOf(attrs, x!.shape[3]!, o);
    forEachProduct(attrs, x!.shape as Four, o, (xAt, wAt, yAt) => {
      for (let i = 0; i < inGroup; i++)
        for (let j = 0; j < outGroup; j++) y[yAt + j]! += x!.data[xAt + i]! * weights!.data[wAt + i * o + j]!;
    });
    return y;
  },
  grad(node, dy, needs) {
    const [x, weights, bias] = node.inputs as [Tensor, Tensor, Tensor | undefined];
    return [
      needs[0] ? inputAdjoint(dy, weights, node.attrs, [x.shape[1]!, x.shape[2]!]) : undefined,
      needs[1] ? apply(conv2dWeightGradOp, [x, dy], node.attrs) : undefined,
      bias && needs[2] ? sumTo(dy, bias.shape) : undefined,
    ];
  },
  multiplyAdds: ({ inputs: [, weights], shape }) => (sizeOf(shape) * sizeOf(weights!.shape)) / weights!.shape[3]!,
  lower: lowerConv2d,
};

/** y `[n, oh, ow, o]` and weights `[kh, kw, c / groups, o]` to x `[n, h, w, c]`: the adjoint of `conv2d` with respect to x. */
export const conv2dTransposeOp: OpDef<TransposeAttrs> = {
  name: "conv2dTranspose",
  infer([y, weights], { window, size, groups = 1 }) {
    if (y!.shape.length !== 4) fail("E_SHAPE", `conv2dTranspose: expected an image [n, h, w, c], got ${typeText(y!)}`);
    checkWeights("conv2dTranspose", weights!, window, undefined, y!.shape[3]);
    const [oh, ow] = outputSize(window, size, "conv2dTranspose");
    if (oh !== y!.shape[1] || ow !== y!.shape[2])
      fail(
        "E_SHAPE",
        `conv2dTranspose: a result of ${size.join("x")} needs an input of ${oh}x${ow}, got ${typeText(y!)}`,
      );
    return { shape: [y!.shape[0]!, ...size, weights!.shape[2]! * groups], dtype: "float32" };
  },
  evaluate([y, weights], attrs, out) {
    const x = storage("float32", sizeOf(out.shape));
    const o = y!.shape[3]!;
    const [inGroup, outGroup] = channelsOf(attrs, out.shape[3]!, o);
    forEachProduct(attrs, out.shape as Four, o, (xAt, wAt, yAt) => {
      for (let i = 0; i < inGroup; i++)
        for (let j = 0; j < outGroup; j++) x[xAt + i]! += y!.data[yAt + j]! * weights!.data[wAt + i * o + j]!;
    });
    return x;
  },
  grad(node, dx, needs) {
    const [y, weights] = node.inputs as [Tensor, Tensor];
    const { size: _, ...attrs } = node.attrs;
    return [
      needs[0] ? apply(conv2dOp, [dx, weights], attrs) : undefined,
      needs[1] ? apply(conv2dWeightGradOp, [dx, y], attrs) : undefined,
    ];
  },
  multiplyAdds: ({ inputs: [y, weights] }) => (sizeOf(y!.shape) * sizeOf(weights!.shape)) / weights!.shape[3]!,
  lower: lowerConv2dTranspose,
};

/**
 * x `[n, h, w, c]` and y `[n, oh, ow, o]` to weights `[kh, kw, c / groups, o]`: the adjoint of `conv2d` with respect to
 * the weights.
 */
export const conv2dWeightGradOp: OpDef<ConvAttrs> = {
  name: "conv2dWeightGrad",
  infer([x, y], { window, groups = 1 }) {
    return { shape: [...window.kernel, x!.shape[3]! / groups, y!.shape[3]!], dtype: "float32" };
  },
  evaluate([x, y], attrs, out) {
    const weights = storage("float32", sizeOf(out.shape));
    const o = y!.shape[3]!;
    const [inGroup, outGroup] = channelsOf(attrs, x!.shape[3]!, o);
    forEachProduct(attrs, x!.shape as Four, o, (xAt, wAt, yAt) => {
      for (let i = 0; i < inGroup; i++)
        for (let j = 0; j < outGroup; j++) weights[wAt + i * o + j]! += x!.data[xAt + i]! * y!.data[yAt + j]!;
    });
    return weights;
  },
  grad(node, dw, needs) {
    const [x, y] = node.inputs as [Tensor, Tensor];
    return [
      needs[0] ? inputAdjoint(y, dw, node.attrs, [x.shape[1]!, x.shape[2]!]) : undefined,
      needs[1] ? apply(conv2dOp, [x, dw], node.attrs) : undefined,
    ];
  },
  multiplyAdds: ({ inputs: [, y], shape }) => (sizeOf(y!.shape) * sizeOf(shape)) / shape[3]!,
  lower: lowerConv2dWeightGrad,
};

function inputAdjoint(dy: Tensor, weights: Tensor, attrs: ConvAttrs, size: Size): Tensor {
  return apply(conv2dTransposeOp, [dy, weights], { ...attrs, size });
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
  return apply(conv2dOp, bias ? [x, weights, bias] : [x, weights], groups === 1 ? { window } : { window, groups });
}

/**
 * Each channel convolved with its own kernel.
 * @param x `[n, h, w, c]`
 * @param weights `[kh, kw, c]`
 */
export function depthwiseConv2d(x: Tensor, weights: Tensor, options: WindowOptions & { bias?: Tensor } = {}): Tensor {
  const [kh, kw, c] = weights.shape as readonly number[] as [number, number, number];
  if (weights.shape.length !== 3 || c !== x.shape[3])
    fail("E_SHAPE", `depthwiseConv2d: expected weights [kh, kw, ${x.shape[3]}], got ${typeText(weights)}`);
  return conv2d(x, reshape(weights, [kh, kw, 1, c]), { ...options, groups: c });
}

/**
 * Transposed convolution ("deconvolution").
 * @param y `[n, h, w, o]`
 * @param weights `[kh, kw, c / groups, o]`: the weights of the convolution it is the adjoint of
 * @param size height and width of the result
 * @returns `[n, size, c]`
 */
export function conv2dTranspose(
  y: Tensor,
  weights: Tensor,
  size: Size,
  options: WindowOptions & { groups?: number } = {},
): Tensor {
  const [kh, kw] = weights.shape as Four;
  const { groups = 1 } = options;
  const window = makeWindow([kh, kw], size, options);
  return apply(conv2dTransposeOp, [y, weights], groups === 1 ? { window, size } : { window, size, groups });
}
