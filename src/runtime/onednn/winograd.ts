// Which convolutions are Winograd's, and in which tiles.
import { sizeOf } from "../../base/array.ts";
import type { Window } from "../../graph/ops/window.ts";
import type { Tensor } from "../../graph/tensor.ts";
import {
  bytesAtPoints,
  phasesOf,
  type Sides,
  TILES,
  type TiledKernel,
  type TileSize,
  type Tiles,
  tilesOf,
} from "../../graph/winograd.ts";
import type { Direction } from "./direction.ts";
import type { NodeOf } from "./kinds.ts";
import type { ProductOperands } from "./operands.ts";
import { partsOf } from "./protocol.ts";
import type { Reader } from "./reading.ts";
import type { StepList, Value } from "./steps.ts";
import { found } from "./terms.ts";
import { TiledConvolutions, type Way } from "./tiled.ts";
import { isWhole } from "./view.ts";
import { LANES } from "./wasm/access.ts";

/** Multiply-adds of a direct convolution in a part: less is done of them, in a quarter of a millisecond of one core at least. */
const PART_WORK = 2 ** 26;

/** What the library multiplies and adds in the time in which a kernel brings a value of a tile to the points or back, and a weight. */
interface TransformCost {
  readonly picture: number;
  readonly result: number;
  readonly weight: number;
}

/**
 * Measured on AVX-512; on half as wide vectors the library does less in that time, so that what pays here pays there. A value of a picture is
 * one of each phase.
 */
const TRANSFORM: Readonly<Record<TiledKernel, Readonly<Record<TileSize, TransformCost>>>> = {
  3: { 2: { picture: 220, result: 180, weight: 600 }, 4: { picture: 650, result: 550, weight: 1400 } },
  4: { 2: { picture: 750, result: 150, weight: 1200 }, 4: { picture: 2000, result: 500, weight: 6000 } },
};
/** Of the time of a direct convolution, at most so much: above, what is not counted decides. */
const WORTH = 0.9;
/** Tiles from which a product at a point has enough rows. */
const FEWEST_TILES = 64;
/** Multiply-adds of a direct convolution from which the kernels, which take some 50 ms to be made, are worth it in a few hundred runs. */
const LEAST_WORK = 2 ** 25;

/** What the choice depends on: nothing that differs from one run to the next, so that runs repeat and resume bit for bit. */
export interface Sizes {
  readonly kernel: TiledKernel;
  readonly images: number;
  readonly picture: Sides;
  readonly result: Sides;
  /** Pixels of padding above and to the left. */
  readonly before: readonly [top: number, left: number];
}

/** The tiles in which a convolution is computed the fastest; 0: directly. */
export function tileSizeFor(sizes: Sizes): TileSize | 0 {
  const {
    kernel,
    images,
    picture: [ph, pw, c],
    result,
    before: [top, left],
  } = sizes;
  const [h, w, o] = result;
  let best: TileSize | 0 = 0;
  const { stride } = TILES[kernel][2];
  // With stride 1 the library leaves out what would be multiplied by padding; with stride 2 it gains no time by that.
  const taps = stride === 1 ? tapsWithin(kernel, h, ph, top) * tapsWithin(kernel, w, pw, left) : h * w * kernel ** 2;
  const work = images * taps * c * o;
  if (work < LEAST_WORK) return 0;
  let least = WORTH * work;
  for (const size of [2, 4] as const) {
    const tiles = TILES[kernel][size];
    const [rows, columns] = tilesOf(tiles, result);
    const count = images * rows * columns;
    const { picture, result: perResult, weight } = TRANSFORM[kernel][size];
    const products = tiles.points ** 2 * phasesOf(tiles) * c * o;
    const cost = count * (products + picture * c + perResult * o) + weight * c * o;
    if (count < FEWEST_TILES || cost >= least) continue;
    best = size;
    least = cost;
  }
  return best;
}

/** How many taps of so many results along an axis, with stride 1, read a pixel of the picture. */
function tapsWithin(kernel: number, results: number, pixels: number, before: number): number {
  let count = 0;
  for (let tap = 0; tap < kernel; tap++) {
    const shift = tap - before;
    count += Math.max(0, Math.min(results, pixels - shift) - Math.max(0, -shift));
  }
  return count;
}

/** Of the sums of one weights gradient, at most: a program has 4 GB in all. */
const MOST_SUM_BYTES = 2 ** 28;
/** Of a whole picture at the points, at most, of which each thread keeps one: 1 GB on 32 threads. */
const MOST_PICTURE_BYTES = 2 ** 25;

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
    const weightGrad = direction === "weights";
    const kernel = kernelOf(weightGrad ? node : second, node);
    if (!kernel) return false;
    if (!weightGrad && !isWhole(operands[1]!.view, second.shape)) return false;
    const way: Way = direction !== "data" ? "result" : TILES[kernel][2].stride === 1 ? "turned" : "adjoint";
    const sides = ({ shape }: Tensor) => shape.slice(1) as readonly number[] as Sides;
    const [top, left] = (node.attrs.window as Window).padding;
    const sizes: Sizes = {
      kernel,
      images: first.shape[0]!,
      picture: sides(way === "adjoint" ? node : first),
      result: sides(way === "adjoint" ? first : weightGrad ? second : node),
      // Turned, it reads as far beyond the border as the convolution does not.
      before: way === "turned" ? [kernel - 1 - top, kernel - 1 - left] : [top, left],
    };
    const work = sizes.images * sizeOf(sizes.result) * kernel ** 2 * sizes.picture[2];
    if (this.operands.typeFor(work) !== "f32") return false;
    const size = winograd ?? tileSizeFor(sizes);
    if (size === 0) return false;
    const tiles = TILES[kernel][size];
    if (way === "adjoint" && bytesAtPoints(tiles, sizes.picture[2], sizes.result) > MOST_PICTURE_BYTES) return false;
    const convolution = {
      ...sizes,
      tiles,
      label: `${node.op.name} [${first.shape}] ${kernel}x${kernel} -> ${sides(weightGrad ? second : node)[2]}`,
      parts: weightGrad ? sumsOf(sizes, tiles, threads) : partsOf(work, PART_WORK, threads),
    };
    const into = this.list.value(activation ?? node);
    const [image, other, bias] = operands.map(({ base }) => this.list.value(base)) as [Value, Value, Value?];
    if (weightGrad) this.tiled.weightGrad(convolution, image, other, into);
    else this.tiled.pictures(convolution, way, { image, weights: other, bias, activation, into });
    return true;
  }
}

/** Parts of a weights gradient: each has a sum at the points, up to 6.25 times as large as the weights. */
function sumsOf({ picture: [, , c], result: [, , o] }: Sizes, tiles: Tiles, threads: number): number {
  const bytes = tiles.points ** 2 * phasesOf(tiles) * c * o * 4;
  return Math.max(1, Math.min(threads, Math.floor(MOST_SUM_BYTES / bytes)));
}

/** The kernel of a convolution that can be in tiles: its taps a pixel apart, its stride that of the kernel, its channels in whole vectors. */
function kernelOf({ shape }: Tensor, { attrs }: Tensor): TiledKernel | undefined {
  const { stride, dilation } = attrs.window as Window;
  const [kh, kw, c, o] = shape as readonly number[] as [number, number, number, number];
  if (kh !== kw || (kh !== 3 && kh !== 4) || c % LANES !== 0 || o % LANES !== 0) return undefined;
  const fits = stride.every((step) => step === TILES[kh][2].stride) && dilation.every((step) => step === 1);
  return fits && ((attrs.groups as number | undefined) ?? 1) === 1 ? kh : undefined;
}
