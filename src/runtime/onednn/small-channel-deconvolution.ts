// Transposed convolutions to a few channels: the last layer of a generator, and what a GAN's generator learns from the first
// layer of its discriminator. The library fills a vector with channels, of which most are then empty; a product with all taps
// of the kernel as columns leaves none empty, and each pixel of the result is a sum of a few of its values.
import { sizeOf } from "../../base/array.ts";
import { add } from "../../graph/ops/binary.ts";
import { matmul } from "../../graph/ops/matmul.ts";
import { pad, reshape, slice, transpose } from "../../graph/ops/shape.ts";
import type { Window } from "../../graph/ops/window.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { interleave } from "./internal-ops.ts";

/** Channels of the result up to which the product is faster. */
const MOST_CHANNELS = 4;
/** Channels of the operand that it needs. */
const LEAST_OPERAND_CHANNELS = 16;

/** The taps that reach one row (or column) of each tile of the result, and from how many rows above. */
function tapsOf(kernel: number, stride: number, phase: number): { tap: number; back: number }[] {
  return Array.from({ length: kernel }, (_, tap) => ({ tap, back: (tap - phase) / stride })).filter(({ back }) =>
    Number.isInteger(back),
  );
}

/** A transposed convolution as a product and sums where that is faster; otherwise the node as it is. */
export function smallChannelDeconvolution(node: Tensor): Tensor {
  const [y, weights] = node.inputs as [Tensor, Tensor];
  const { kernel, stride, padding, dilation } = node.attrs.window as Window;
  const [n, oh, ow, o] = y.shape as readonly number[] as [number, number, number, number];
  const [, height, width, c] = node.shape as readonly number[] as [number, number, number, number];
  const tiles = [height / stride[0], width / stride[1]] as const;
  if (
    node.attrs.groups !== undefined ||
    c > MOST_CHANNELS ||
    o < LEAST_OPERAND_CHANNELS ||
    dilation.some((d) => d !== 1) ||
    !tiles.every(Number.isInteger)
  )
    return node;
  const [kh, kw] = kernel;
  const flat = reshape(y, [n * oh * ow, o]);
  const products = matmul(flat, reshape(weights, [kh * kw * c, o]), false, true);
  // Row Y of the result is the sum of rows q - back over the taps of its phase, Y + padding = (q - back) * stride + tap.
  const phases = ([0, 1] as const).map((axis) =>
    Array.from({ length: stride[axis] }, (_, i) => tapsOf(kernel[axis], stride[axis], i + padding[axis])),
  ) as [ReturnType<typeof tapsOf>[], ReturnType<typeof tapsOf>[]];
  const backs = phases.map((list) => list.flat().map(({ back }) => back));
  const sizes = [oh, ow];
  const before = backs.map((list) => Math.max(0, ...list));
  const after = backs.map((list, axis) => Math.max(0, tiles[axis]! - sizes[axis]! - Math.min(...list)));
  const columns = kh * kw * c;
  const padded = pad(
    reshape(products, [n, oh, ow, columns]),
    [0, before[0]!, before[1]!, 0],
    [0, after[0]!, after[1]!, 0],
  );
  const pictures = phases[0].flatMap((rows) =>
    phases[1].map((across) => {
      const terms = rows.flatMap((row) =>
        across.map((column) =>
          slice(
            padded,
            [0, before[0]! - row.back, before[1]! - column.back, (row.tap * kw + column.tap) * c],
            [n, tiles[0], tiles[1], c],
          ),
        ),
      );
      return terms.length > 0
        ? transpose(
            terms.reduce((a, b) => add(a, b)),
            [0, 3, 1, 2],
          )
        : undefined;
    }),
  );
  // A kernel smaller than its stride leaves pixels that nothing reaches.
  if (pictures.some((picture) => !picture) || sizeOf(node.shape) === 0) return node;
  return interleave(pictures as Tensor[], stride);
}
