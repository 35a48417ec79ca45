// The column matrix of a convolution ("im2col") as an op, and its adjoint ("col2im"). Pooling and the gradients of
// convolution are built from them.
import { sizeOf } from "../../base/array.ts";
import type { Emitter } from "../emitter.ts";
import { apply, type OpDef, type Tensor } from "../tensor.ts";
import { SHORT_PIXEL } from "./choices.ts";
import { storage } from "./values.ts";
import { forEachTap, outputSize, type Size, type Window } from "./window.ts";

type ImageShape = readonly [n: number, h: number, w: number, c: number];
type Im2colAttrs = { window: Window; fill: number };
type Col2imAttrs = { window: Window; size: Size };

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** `[n, rows, c]` with one more row that holds `value`. A Concat of long runs; Pad is several times slower. */
export function emitExtraRow(
  emit: Emitter,
  x: string,
  [n, rows, c]: readonly [number, number, number],
  value: number,
): string {
  // With a free batch the constant would need the batch size.
  if (emit.mode === "infer") return emit.node("Pad", [x, emit.ints([0, 0, 0, 0, 1, 0]), emit.scalar(value)]);
  return emit.node("Concat", [emit.reshape(x, [n, rows, c]), emit.filled([n, 1, c], value)], { axis: 1 });
}

/** Emits the columns `[n, oh * ow, taps, c]` of an image `[n, h, w, c]`: one Gather over pixels. */
export function emitIm2col(emit: Emitter, x: string, shape: ImageShape, window: Window, fill: number): string {
  const [n, h, w, c] = shape;
  const out = outputSize(window, [h, w], "im2col");
  const taps = window.kernel[0] * window.kernel[1];
  if (c < SHORT_PIXEL) return emitShortIm2col(emit, x, shape, window, fill, out);
  const padded = window.padding.some((pixels) => pixels > 0);
  const rows = padded
    ? emitExtraRow(emit, emit.reshape(x, [n, h * w, c]), [n, h * w, c], fill)
    : emit.reshape(x, [n, h * w, c]);
  const index: number[] = [];
  forEachTap(window, out, (_y, _x, _tap, inY, inX) => {
    index.push(inY >= 0 && inY < h && inX >= 0 && inX < w ? inY * w + inX : h * w);
  });
  return emit.node("Gather", [rows, emit.indices(Int32Array.from(index), [out[0] * out[1], taps])], { axis: 1 });
}

/** Emits the columns of few channels: the image is padded, and runs of `unit` pixels are copied where stride and kernel allow. */
function emitShortIm2col(
  emit: Emitter,
  x: string,
  [n, h, w, c]: ImageShape,
  window: Window,
  fill: number,
  out: Size,
): string {
  const { kernel, stride, padding, dilation } = window;
  const unit = dilation[1] === 1 ? gcd(stride[1], kernel[1]) : 1;
  const ragged = (w + padding[1] + padding[3]) % unit;
  const right = padding[3] + (ragged === 0 ? 0 : unit - ragged);
  const [top, left, bottom] = padding;
  const [paddedHeight, paddedWidth] = [h + top + bottom, w + left + right];
  const unpadded = top + left + bottom + right === 0;
  const padded = unpadded
    ? x
    : emit.node("Pad", [x, emit.ints([0, top, left, 0, 0, bottom, right, 0]), emit.scalar(fill)]);
  const row = paddedWidth / unit;
  const index: number[] = [];
  forEachTap(window, out, (_y, _x, tap, inY, inX) => {
    if ((tap % kernel[1]) % unit === 0) index.push((inY + top) * row + (inX + left) / unit);
  });
  const pixels = emit.reshape(padded, [n, paddedHeight * row, unit * c]);
  const taps = kernel[0] * kernel[1];
  const columns = emit.node("Gather", [pixels, emit.indices(Int32Array.from(index), [out[0] * out[1], taps / unit])], {
    axis: 1,
  });
  return unit === 1 ? columns : emit.reshape(columns, [n, out[0] * out[1], taps, c]);
}

/**
 * Emits the adjoint: each pixel sums the column entries that were read from it. `columns` is `[n, rows, c]` with
 * `rows >= oh * ow * taps`; when `zeroRow` is given, that row holds zeros and stands for entries that do not exist.
 */
export function emitCol2im(
  emit: Emitter,
  columns: string,
  shape: ImageShape,
  window: Window,
  zeroRow: number | undefined,
): string {
  const [, h, w] = shape;
  const taps = window.kernel[0] * window.kernel[1];
  const out = outputSize(window, [h, w], "col2im");
  const readers: number[][] = Array.from({ length: h * w }, () => []);
  forEachTap(window, out, (y, x, tap, inY, inX) => {
    if (inY >= 0 && inY < h && inX >= 0 && inX < w) readers[inY * w + inX]!.push((y * out[1] + x) * taps + tap);
  });
  const depth = Math.max(1, ...readers.map((list) => list.length));
  const parts = Array.from({ length: depth }, (_, level) => {
    const index = Int32Array.from(readers, (list) => list[level] ?? zeroRow ?? -1);
    return emit.node("Gather", [columns, emit.indices(index, [h * w])], { axis: 1 });
  });
  return emit.reshape(parts.length === 1 ? parts[0]! : emit.node("Sum", parts), shape);
}

/** Whether some pixel is read by fewer taps than another, so that gathering needs a row of zeros. */
function isUneven(window: Window, [h, w]: Size): boolean {
  const counts = new Int32Array(h * w);
  forEachTap(window, outputSize(window, [h, w], "col2im"), (_y, _x, _tap, inY, inX) => {
    if (inY >= 0 && inY < h && inX >= 0 && inX < w) counts[inY * w + inX]!++;
  });
  return counts.some((count) => count !== counts[0]);
}

/** Pictures `[n, h, w, c]` to what the window sees at each place, `[n, oh, ow, taps, c]`. */
export const im2colOp: OpDef<Im2colAttrs> = {
  name: "im2col",
  infer([x], { window }) {
    const [n, h, w, c] = x!.shape as ImageShape;
    const out = outputSize(window, [h, w], "im2col");
    return { shape: [n, ...out, window.kernel[0] * window.kernel[1], c], dtype: "float32" };
  },
  evaluate([x], { window, fill }, out) {
    const [n, h, w, c] = x!.shape as ImageShape;
    const [, outHeight, outWidth, taps] = out.shape as readonly number[] as [number, number, number, number];
    const values = storage("float32", sizeOf(out.shape));
    forEachTap(window, [outHeight, outWidth], (y, xx, tap, inY, inX) => {
      const inside = inY >= 0 && inY < h && inX >= 0 && inX < w;
      for (let image = 0; image < n; image++)
        for (let channel = 0; channel < c; channel++)
          values[(((image * outHeight + y) * outWidth + xx) * taps + tap) * c + channel] = inside
            ? x!.data[((image * h + inY) * w + inX) * c + channel]!
            : fill;
    });
    return values;
  },
  grad(node, dy) {
    const [, h, w] = node.inputs[0]!.shape as ImageShape;
    return [col2im(dy, node.attrs.window, [h, w])];
  },
  lower(emit, node, [x]) {
    const { window, fill } = node.attrs;
    return emit.reshape(emitIm2col(emit, x!, node.inputs[0]!.shape as ImageShape, window, fill), node.shape);
  },
};

/** Windows `[n, oh, ow, taps, c]` to pictures `[n, h, w, c]`: the adjoint of `im2col`. */
export const col2imOp: OpDef<Col2imAttrs> = {
  name: "col2im",
  infer: ([columns], { size }) => ({ shape: [columns!.shape[0]!, ...size, columns!.shape[4]!], dtype: "float32" }),
  evaluate([columns], { window, size }, out) {
    const [n, outHeight, outWidth, taps, c] = columns!.shape as readonly number[] as [
      number,
      number,
      number,
      number,
      number,
    ];
    const [h, w] = size;
    const values = storage("float32", sizeOf(out.shape));
    forEachTap(window, [outHeight, outWidth], (y, x, tap, inY, inX) => {
      if (inY < 0 || inY >= h || inX < 0 || inX >= w) return;
      for (let image = 0; image < n; image++)
        for (let channel = 0; channel < c; channel++)
          values[((image * h + inY) * w + inX) * c + channel]! +=
            columns!.data[(((image * outHeight + y) * outWidth + x) * taps + tap) * c + channel]!;
    });
    return values;
  },
  grad: (node, dy) => [im2col(dy, node.attrs.window)],
  lower(emit, node, [columns]) {
    const [n, outHeight, outWidth, taps, c] = node.inputs[0]!.shape as readonly number[] as [
      number,
      number,
      number,
      number,
      number,
    ];
    const rows = outHeight * outWidth * taps;
    const flat = emit.reshape(columns!, [n, rows, c]);
    const { window, size } = node.attrs;
    if (!isUneven(window, size)) return emitCol2im(emit, flat, node.shape as ImageShape, window, undefined);
    return emitCol2im(emit, emitExtraRow(emit, flat, [n, rows, c], 0), node.shape as ImageShape, window, rows);
  },
};

/** `[n, h, w, c] -> [n, oh, ow, taps, c]`: the pixels under the window at each place; `fill` in the padding. */
export function im2col(x: Tensor, window: Window, fill = 0): Tensor {
  return apply(im2colOp, [x], { window, fill });
}

/** The adjoint of `im2col`: `[n, oh, ow, taps, c] -> [n, h, w, c]`, overlaps added. */
export function col2im(columns: Tensor, window: Window, size: Size): Tensor {
  return apply(col2imOp, [columns], { window, size });
}
