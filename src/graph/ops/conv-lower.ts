// How convolutions become ONNX nodes: onnxruntime's own ops for inference; for training, where the columns serve the weights
// gradient too, column matrices and products.
import type { Emitter } from "../emitter.ts";
import type { Tensor } from "../tensor.ts";
import { bytesAtPoints, type Sides, TILES } from "../winograd.ts";
import { tileSizeFor, transposesByColumns } from "./choices.ts";
import { emitInTiles, emitTiledAdjoint, emitTiledWeightGrad, type TiledConvolution } from "./conv-points.ts";
import { emitCol2im, emitExtraRow, emitIm2col } from "./im2col.ts";
import { columnBytes, inTiles } from "./tiles.ts";
import { isPointwise, outputSize, type Size, type Window } from "./window.ts";

type Four = readonly [number, number, number, number];
/** The attributes of `conv2d` and `conv2dWeightGrad`; absent, `groups` is 1. */
export type ConvAttrs = { window: Window; groups?: number };
/** The attributes of `conv2dTranspose`; `size` is the height and width of its result, which the window alone leaves open. */
export type TransposeAttrs = ConvAttrs & { size: Size };

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

const onnxWindow = ({ window: { kernel, stride, padding, dilation }, groups }: ConvAttrs) => ({
  kernel_shape: kernel,
  strides: stride,
  pads: padding,
  dilations: dilation,
  ...(groups === undefined ? {} : { group: groups }),
});
const TO_CHANNELS_FIRST = { perm: [0, 3, 1, 2] };
const TO_CHANNELS_LAST = { perm: [0, 2, 3, 1] };
/** `[kh, kw, c / groups, o] -> [o, c / groups, kh, kw]`, which serves both Conv and ConvTranspose. */
const WEIGHTS_TO_ONNX = { perm: [3, 2, 0, 1] };

/** The convolution in tiles, where it can be and is faster; undefined: by columns. */
function tiled(
  emit: Emitter,
  { kernel, stride, dilation }: Window,
  picture: Four,
  result: Sides,
  before: Size,
  isAdjoint = false,
): TiledConvolution | undefined {
  const [taps] = kernel;
  // Tiles are numbered over the batch, whose size an inference graph leaves open.
  if (emit.mode === "infer" || kernel[1] !== taps || (taps !== 3 && taps !== 4)) return undefined;
  if (stride.some((step) => step !== TILES[taps][2].stride) || dilation.some((step) => step !== 1)) return undefined;
  const size =
    emit.winograd ?? tileSizeFor({ kernel: taps, images: picture[0], result, channels: picture[3], isAdjoint });
  return size === 0 ? undefined : { tiles: TILES[taps][size], picture, result, before };
}

const pointBytes = ({ tiles, picture, result }: TiledConvolution) => bytesAtPoints(tiles, picture[3], result);

/** Emits what is computed of `x` in tiles, in parts of the batch. */
function emitParts(
  emit: Emitter,
  convolution: TiledConvolution,
  x: string,
  ofPart: (convolution: TiledConvolution, x: string) => string,
): string {
  const [n, ...sides] = convolution.picture;
  const parts = inTiles(emit, n, pointBytes(convolution), 0, [x], ([part], images) =>
    ofPart({ ...convolution, picture: [images, ...sides] }, part!),
  );
  return parts.length === 1 ? parts[0]! : emit.node("Concat", parts, { axis: 0 });
}

/** conv2d: onnxruntime's Conv for inference and in groups, else in tiles, or columns and one Gemm. */
export function lowerConv2d(emit: Emitter, node: Tensor<ConvAttrs>, [x, weights, bias]: readonly string[]): string {
  const { window, groups } = node.attrs;
  if (emit.mode === "infer" || groups !== undefined) {
    const inputs = [
      emit.node("Transpose", [x!], TO_CHANNELS_FIRST),
      emit.node("Transpose", [weights!], WEIGHTS_TO_ONNX),
    ];
    const y = emit.node("Conv", bias ? [...inputs, bias] : inputs, onnxWindow(node.attrs));
    return emit.node("Transpose", [y], TO_CHANNELS_LAST);
  }
  const [oh, ow, o] = node.shape.slice(1) as [number, number, number];
  const [n, h, w, c] = node.inputs[0]!.shape as Four;
  const [top, left] = window.padding;
  const inPoints = tiled(emit, window, [n, h, w, c], [oh, ow, o], [top, left]);
  if (inPoints)
    return emitParts(emit, inPoints, x!, (part, pictures) => emitInTiles(emit, part, pictures, weights!, false, bias));
  const parts = inTiles(emit, n, columnBytes(window, h, w, c), 0, [x!], ([part], images) => {
    const columns = columnsOf(emit, part!, [images, h, w, c], window);
    const flat = emit.reshape(weights!, [columns.width, o]);
    const product = emit.node("Gemm", bias ? [columns.name, flat, bias] : [columns.name, flat]);
    return emit.reshape(product, [images, oh, ow, o]);
  });
  return parts.length === 1 ? parts[0]! : emit.node("Concat", parts, { axis: 0 });
}

/** conv2dTranspose: onnxruntime's ConvTranspose for inference and in groups, else in tiles or products (choices.ts says which). */
export function lowerConv2dTranspose(
  emit: Emitter,
  node: Tensor<TransposeAttrs>,
  [y, weights]: readonly string[],
): string {
  const { window, size, groups } = node.attrs;
  const [n, oh, ow, o] = node.inputs[0]!.shape as Four;
  const c = node.shape[3]!;
  if (emit.mode === "infer" || groups !== undefined) {
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
    const x = emit.node("ConvTranspose", inputs, { ...onnxWindow(node.attrs), output_padding: extra });
    return emit.node("Transpose", [x], TO_CHANNELS_LAST);
  }
  const taps = window.kernel[0] * window.kernel[1];
  if (isPointwise(window)) {
    const flat = emit.reshape(weights!, [c, o]);
    return emit.reshape(emit.node("Gemm", [emit.reshape(y!, [n * oh * ow, o]), flat], { transB: 1 }), node.shape);
  }
  const inPoints = tiledTranspose(emit, node, y!, weights!);
  if (inPoints) return inPoints;
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
}

/** The transposed convolution in tiles, where it can be and is faster: with stride 1 one of y, else the adjoint of each step. */
function tiledTranspose(
  emit: Emitter,
  { attrs: { window, size }, inputs, shape }: Tensor<TransposeAttrs>,
  y: string,
  weights: string,
): string | undefined {
  const [n, oh, ow, o] = inputs[0]!.shape as Four;
  const c = shape[3]!;
  const [[top, left], [taps]] = [window.padding, window.kernel];
  if (window.stride[0] === 1) {
    const turned = tiled(emit, window, [n, oh, ow, o], [...size, c], [taps - 1 - top, taps - 1 - left]);
    return turned && emitParts(emit, turned, y, (part, gradient) => emitInTiles(emit, part, gradient, weights, true));
  }
  const forward = tiled(emit, window, [n, ...size, c], [oh, ow, o], [top, left], true);
  return forward && emitParts(emit, forward, y, (part, gradient) => emitTiledAdjoint(emit, part, gradient, weights));
}

/** conv2dWeightGrad: in tiles, or the columns of the pictures times the result's adjoint. */
export function lowerConv2dWeightGrad(emit: Emitter, node: Tensor<ConvAttrs>, [x, y]: readonly string[]): string {
  const { window, groups } = node.attrs;
  const [n, h, w, c] = node.inputs[0]!.shape as Four;
  const o = node.shape[3]!;
  if (groups !== undefined) return emitGroupedWeightGrad(emit, node, x!, y!, groups);
  const [oh, ow] = node.inputs[1]!.shape.slice(1) as [number, number];
  const [top, left] = window.padding;
  const inPoints = tiled(emit, window, [n, h, w, c], [oh, ow, o], [top, left]);
  if (inPoints) {
    const parts = inTiles(emit, n, pointBytes(inPoints), -4, [x!, y!], ([image, result], images) =>
      emitTiledWeightGrad(emit, { ...inPoints, picture: [images, h, w, c] }, image!, result!),
    );
    return parts.length === 1 ? parts[0]! : emit.node("Sum", parts);
  }
  const parts = inTiles(emit, n, columnBytes(window, h, w, c), -4, [x!, y!], ([image, result], images) => {
    const columns = columnsOf(emit, image!, [images, h, w, c], window);
    return emit.node("Gemm", [columns.name, emit.reshape(result!, [columns.rows, o])], { transA: 1 });
  });
  return emit.reshape(parts.length === 1 ? parts[0]! : emit.node("Sum", parts), node.shape);
}

/**
 * The weights gradient in groups: for one channel a group, columns times the result's adjoint, summed over places; else a product
 * a group.
 */
function emitGroupedWeightGrad(emit: Emitter, node: Tensor<ConvAttrs>, x: string, y: string, groups: number): string {
  const { window } = node.attrs;
  const [n, h, w, c] = node.inputs[0]!.shape as Four;
  const [, oh, ow, o] = node.inputs[1]!.shape as Four;
  const taps = window.kernel[0] * window.kernel[1];
  const rows = n * oh * ow;
  if (c === groups && o === groups) {
    const parts = inTiles(emit, n, columnBytes(window, h, w, c), -4, [x, y], ([image, result], images) => {
      const columns = emitIm2col(emit, image!, [images, h, w, c], window, 0);
      const places = images * oh * ow;
      const each = emit.node("Mul", [emit.reshape(columns, [places, taps, c]), emit.reshape(result!, [places, 1, c])]);
      const flat = emit.reshape(each, [places, taps * c]);
      return emit.node("MatMul", [emit.filled([1, places], 1), flat]);
    });
    return emit.reshape(parts.length === 1 ? parts[0]! : emit.node("Sum", parts), node.shape);
  }
  const channels = (value: string, from: number, to: number) =>
    emit.node("Slice", [value, emit.ints([from]), emit.ints([to]), emit.ints([3])]);
  const [inGroup, outGroup] = [c / groups, o / groups];
  const parts = Array.from({ length: groups }, (_, k) => {
    const image = channels(x, k * inGroup, (k + 1) * inGroup);
    const columns = columnsOf(emit, image, [n, h, w, inGroup], window);
    const result = emit.reshape(channels(y, k * outGroup, (k + 1) * outGroup), [rows, outGroup]);
    return emit.node("Gemm", [columns.name, result], { transA: 1 });
  });
  return emit.reshape(emit.node("Concat", parts, { axis: 1 }), node.shape);
}

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
