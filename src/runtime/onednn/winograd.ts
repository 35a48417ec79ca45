// Which convolutions are Winograd's, and in which tiles.
import { sizeOf } from "../../base/array.ts";
import type { Window } from "../../graph/ops/window.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { pointsOf, TAPS, type TileSize } from "../../graph/winograd.ts";
import type { Sides } from "./blocks.ts";
import type { Direction } from "./direction.ts";
import type { NodeOf } from "./kinds.ts";
import type { ProductOperands } from "./operands.ts";
import { partsOf } from "./protocol.ts";
import type { Reader } from "./reading.ts";
import type { StepList, Value } from "./steps.ts";
import { found } from "./terms.ts";
import { TiledConvolutions } from "./tiled.ts";
import { isWhole } from "./view.ts";
import { LANES } from "./wasm/access.ts";

/** Multiply-adds of a direct convolution in a part: less is done of them, in a quarter of a millisecond of one core at least. */
const PART_WORK = 2 ** 26;

/**
 * What the library multiplies and adds in the time in which a kernel brings a value to the points or back, and a weight. Measured on
 * AVX-512; on half as wide vectors the library does less in that time, so that what pays here pays there.
 */
const TRANSFORM: Readonly<
  Record<TileSize, { readonly picture: number; readonly result: number; readonly weight: number }>
> = {
  2: { picture: 220, result: 180, weight: 600 },
  4: { picture: 650, result: 550, weight: 1400 },
};
/** Of the time of a direct convolution, at most so much: above, what is not counted decides. */
const WORTH = 0.9;
/** Tiles from which a product at a point has enough rows. */
const FEWEST_TILES = 64;
/** Multiply-adds of a direct convolution from which the kernels, which take some 50 ms to be made, are worth it in a few hundred runs. */
const LEAST_WORK = 2 ** 25;

/** What the choice depends on: nothing that differs from one run to the next, so that runs repeat and resume bit for bit. */
export interface Sizes {
  readonly images: number;
  readonly picture: Sides;
  readonly result: Sides;
  /** Pixels of padding above and to the left. */
  readonly before: readonly [top: number, left: number];
}

/** The tiles in which a convolution of 3x3 taps is computed the fastest; 0: directly. */
export function tileSizeFor({
  images,
  picture: [ph, pw, c],
  result: [h, w, o],
  before: [top, left],
}: Sizes): TileSize | 0 {
  let best: TileSize | 0 = 0;
  // The library leaves out what would be multiplied by padding.
  const work = images * tapsWithin(h, ph, top) * tapsWithin(w, pw, left) * c * o;
  if (work < LEAST_WORK) return 0;
  let least = WORTH * work;
  for (const size of [2, 4] as const) {
    const tiles = images * Math.ceil(h / size) * Math.ceil(w / size);
    const { picture, result, weight } = TRANSFORM[size];
    const cost = tiles * (pointsOf(size) ** 2 * c * o + picture * c + result * o) + weight * c * o;
    if (tiles < FEWEST_TILES || cost >= least) continue;
    best = size;
    least = cost;
  }
  return best;
}

/** How many taps of so many results along an axis read a pixel of the picture. */
function tapsWithin(results: number, pixels: number, before: number): number {
  let count = 0;
  for (let tap = 0; tap < TAPS; tap++) {
    const shift = tap - before;
    count += Math.max(0, Math.min(results, pixels - shift) - Math.max(0, -shift));
  }
  return count;
}

/** Of the sums of one weights gradient, at most: a program has 4 GB in all, and machines have many threads. */
const SUM_BYTES = 2 ** 28;

/** Lowers the convolutions that are Winograd's. */
export class Winograd {
  private readonly tiled: TiledConvolutions;

  constructor(
    private readonly reader: Reader,
    private readonly list: StepList,
    private readonly operands: ProductOperands,
  ) {
    this.tiled = new TiledConvolutions(list, operands);
  }

  /** Adds the steps of a convolution, where it can be and pays. @returns whether it did */
  lower(node: NodeOf<"product">, direction: Direction, activation: Tensor | undefined): boolean {
    const { threads, winograd } = this.list.resources;
    const operands = found(this.reader.nativeOperands(node));
    const [first, second] = node.inputs as [Tensor, Tensor];
    const forward = direction === "forward";
    const weightGrad = direction === "weights";
    const weights = weightGrad ? node : second;
    if (!isFor(weights, node)) return false;
    if (!weightGrad && !isWhole(operands[1]!.view, second.shape)) return false;
    const sides = ({ shape }: Tensor) => shape.slice(1) as readonly number[] as Sides;
    const [top, left] = (node.attrs.window as Window).padding;
    const sizes: Sizes = {
      images: first.shape[0]!,
      picture: sides(first),
      result: sides(weightGrad ? second : node),
      // The adjoint reads as far beyond the border as the convolution does not.
      before: direction === "data" ? [TAPS - 1 - top, TAPS - 1 - left] : [top, left],
    };
    const work = sizes.images * sizeOf(sizes.result) * TAPS ** 2 * sizes.picture[2];
    if (this.operands.typeFor(work) !== "f32") return false;
    const size = winograd ?? tileSizeFor(sizes);
    if (size === 0) return false;
    const convolution = {
      ...sizes,
      size,
      label: `${node.op.name} [${first.shape}] 3x3 -> ${sizes.result[2]}`,
      parts: weightGrad ? sumsOf(sizes, size, threads) : partsOf(work, PART_WORK, threads),
    };
    const into = this.list.value(activation ?? node);
    const [image, other, bias] = operands.map(({ base }) => this.list.value(base)) as [Value, Value, Value?];
    if (weightGrad) this.tiled.weightGrad(convolution, image, other, into);
    else this.tiled.pictures(convolution, { image, weights: other, turned: !forward, bias, activation, into });
    return true;
  }
}

/** Parts of a weights gradient: each has a sum at the points, four times as large as the weights in tiles of 4x4. */
function sumsOf({ picture: [, , c], result: [, , o] }: Sizes, size: TileSize, threads: number): number {
  const bytes = pointsOf(size) ** 2 * c * o * 4;
  return Math.max(1, Math.min(threads, Math.floor(SUM_BYTES / bytes)));
}

/** Whether a convolution has 3x3 taps a pixel apart, and channels in whole vectors. */
function isFor({ shape }: Tensor, { attrs }: Tensor): boolean {
  const { stride, dilation } = attrs.window as Window;
  const [kh, kw, c, o] = shape as readonly number[] as [number, number, number, number];
  const isDense =
    [...stride, ...dilation].every((size) => size === 1) && ((attrs.groups as number | undefined) ?? 1) === 1;
  return kh === TAPS && kw === TAPS && isDense && c % LANES === 0 && o % LANES === 0;
}
