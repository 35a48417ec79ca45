// Winograd's convolutions (Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks"): tiles of the pictures are brought
// to points where a convolution is a product of matrices over channels, so that 16 results of 3x3 taps take 36 products and not 144.
// Each part goes through its tiles in blocks that stay in the core's cache: a kernel of ours, the library's product, a kernel.

import type { Tensor } from "../../graph/tensor.ts";
import { ARG, type Desc } from "./api.ts";
import type { ProductOperands } from "./operands.ts";
import { share } from "./protocol.ts";
import type { PartRun, PrimitiveCall, StepList, Value } from "./steps.ts";
import type { PointwiseName } from "./wasm/pointwise.ts";
import { pointsOf, type TileSize } from "./wasm/transform.ts";
import {
  type Matrices,
  type TiledPictures,
  transformWork,
  writeFromPoints,
  writeToPoints,
  writeWeightsFromPoints,
  writeWeightsToPoints,
} from "./wasm/winograd.ts";

/** Values in a line of a cache, the sets of lines of a first cache, and the lines of a set that a tile may take. */
const LINE = 16;
const SETS = 64;
const WAYS = 6;
/** Tiles in a block: enough for a product to run near its full rate, and as many as fit a core's own cache beside weights. */
const BLOCK = {
  least: Number(process.env.WMIN ?? 32),
  most: Number(process.env.WMAX ?? 96),
  bytes: Number(process.env.WB ?? 2 ** 20),
};
/** Of a weights gradient, whose products are as long as the block. */
const LONG_BLOCK = {
  least: Number(process.env.LMIN ?? 64),
  most: Number(process.env.LMAX ?? 128),
  bytes: Number(process.env.LB ?? 2 ** 20),
};

/** What is convolved with what, in tiles. */
export interface TiledConvolution {
  /** For messages. */
  readonly label: string;
  readonly size: TileSize;
  readonly images: number;
  /** Height, width and channels of each picture, and of its result. */
  readonly picture: Sides;
  readonly result: Sides;
  /** Pixels of padding above and to the left. */
  readonly before: readonly [top: number, left: number];
  /** How many parts the rows of tiles are cut into. */
  readonly parts: number;
}

/** Height, width, channels. */
export type Sides = readonly [h: number, w: number, c: number];

/** The steps of convolutions in tiles. */
export class TiledConvolutions {
  /** Weights at the points, by where they come from. */
  private readonly weights = new Map<string, Value>();

  constructor(
    private readonly list: StepList,
    private readonly operands: ProductOperands,
  ) {}

  /**
   * The results.
   * @param weights `[3, 3, c, o]`, or `turned`: as the adjoint of a convolution reads them, by half a turn and `o` to `c`
   */
  pictures(
    convolution: TiledConvolution,
    {
      image,
      weights,
      turned,
      bias,
      activation,
      into,
    }: {
      readonly image: Value;
      readonly weights: Value;
      readonly turned: boolean;
      readonly bias: Value | undefined;
      readonly activation: Tensor | undefined;
      readonly into: Value;
    },
  ): void {
    const { size, picture, result, before } = convolution;
    const [c, o] = [picture[2], result[2]];
    const points = pointsOf(size) ** 2;
    const atPoints = this.weightsAtPoints(weights, size, turned ? [o, c] : [c, o], turned);
    const blocks = new Blocks(convolution, BLOCK);
    // An odd number of rows, one of which may be nothing: the library's faster products want matrices without gaps.
    const rows = blocks.most | 1;
    const [own, [pictures, products]] = this.scratch(points, rows, [c, o]);
    const inputs: TiledPictures = { slot: image.slot, picture, size, tiles: blocks.tiles, before };
    const outputs: TiledPictures = { slot: into.slot, picture: result, size, tiles: blocks.tiles, before: [0, 0] };
    const toPoints: PartRun["write"] = (around) => writeToPoints("picture", inputs, pictures!, around);
    const finish = {
      ...(bias ? { bias: bias.slot } : {}),
      ...(activation ? { activation: { name: activation.op.name as PointwiseName, attrs: activation.attrs } } : {}),
    };
    const fromPoints: PartRun["write"] = (around) => writeFromPoints(outputs, products!, finish, around);
    const weightsDesc = this.operands.desc([points, c, o], [c * o + weightsGap(c * o, points), o, 1]);
    const product = perSize((tiles) => {
      const { onednn, holder } = this.list.resources;
      const count = tiles === blocks.most ? rows : tiles;
      const src = this.matricesDesc(points, count, c, pictures!);
      const dst = this.matricesDesc(points, count, o, products!);
      const operation = onednn.matmul(holder, src, weightsDesc, undefined, dst);
      return this.list.call({
        operation,
        args: [
          [ARG.src, own, src, pictures!.skip],
          [ARG.weights, atPoints, weightsDesc],
          [ARG.dst, own, dst, products!.skip],
        ],
      });
    });
    const parts = blocks.parts.map((part) =>
      part.flatMap(([from, to]): (PartRun | PrimitiveCall)[] => [
        { write: toPoints, from, to },
        product((to - from) * blocks.tiles[1]),
        { write: fromPoints, from, to },
      ]),
    );
    this.chains(convolution.label, parts, [image, ...(bias ? [bias] : [])], [into, ...own]);
  }

  /** The adjoint of the weights `[3, 3, c, o]`: each part makes one at the points, which are added in their order. */
  weightGrad(convolution: TiledConvolution, image: Value, gradient: Value, into: Value): void {
    const { size, picture, result, before } = convolution;
    const [c, o] = [picture[2], result[2]];
    const points = pointsOf(size) ** 2;
    const blocks = new Blocks(convolution, LONG_BLOCK);
    const [own, [pictures, gradients]] = this.scratch(points, blocks.most, [c, o]);
    const inputs: TiledPictures = { slot: image.slot, picture, size, tiles: blocks.tiles, before };
    const results: TiledPictures = { slot: gradient.slot, picture: result, size, tiles: blocks.tiles, before: [0, 0] };
    const toPoints: PartRun["write"] = (around) => writeToPoints("picture", inputs, pictures!, around);
    const resultsToPoints: PartRun["write"] = (around) => writeToPoints("results", results, gradients!, around);
    const sumStride = c * o + gapAfter(c * o, points);
    const sumDesc = this.operands.desc([points, c, o], [sumStride, o, 1]);
    const described = perSize((tiles) => {
      const { onednn, holder } = this.list.resources;
      const { stride } = pictures!;
      const src = this.operands.desc([points, c, tiles], [stride / 4, 1, c]);
      const weights = this.matricesDesc(points, tiles, o, gradients!);
      const operation = (post?: { kind: "sum" }) => onednn.matmul(holder, src, weights, undefined, sumDesc, post);
      return { src, weights, first: operation(), next: operation({ kind: "sum" }) };
    });
    const sums: Value[] = [];
    const parts = blocks.parts.map((part) => {
      const sum = this.list.make(4 * points * sumStride);
      sums.push(sum);
      const product = perSize((tiles) => {
        const { src, weights, first, next } = described(tiles);
        const call = (operation: typeof first) =>
          this.list.call({
            operation,
            args: [
              [ARG.src, own, src, pictures!.skip],
              [ARG.weights, own, weights, gradients!.skip],
              [ARG.dst, sum, sumDesc],
            ],
          });
        return { first: call(first), next: call(next) };
      });
      return part.flatMap(([from, to], i): (PartRun | PrimitiveCall)[] => {
        const { first, next } = product((to - from) * blocks.tiles[1]);
        return [{ write: toPoints, from, to }, { write: resultsToPoints, from, to }, i === 0 ? first : next];
      });
    });
    this.chains(convolution.label, parts, [image, gradient], [...sums, ...own]);
    const vectors = (c * o) / 4;
    const taps = { slot: into.slot, size, sides: [c, o] as const };
    const from = sums.map(({ slot }) => ({ slot, perThread: false, skip: 0, stride: 4 * sumStride }));
    this.list.steps.push({
      name: "weights from points",
      reads: sums,
      writes: [into],
      handsOver: [],
      work: {
        kind: "kernel",
        kernel: {
          write: (around) => writeWeightsFromPoints(taps, from, around),
          units: vectors,
          work: vectors * (transformWork(size) + points * from.length),
        },
      },
    });
  }

  private chains(
    label: string,
    parts: readonly (readonly (PartRun | PrimitiveCall)[])[],
    images: readonly Value[],
    results: readonly Value[],
  ): void {
    const calls = parts.flat().filter((action): action is PrimitiveCall => "primitive" in action);
    const writes = new Set([...results, ...calls.flatMap(({ scratch }) => scratch)]);
    const touched = new Set([...images, ...calls.flatMap((call) => call.touched)]);
    this.list.steps.push({
      name: `winograd ${label}`,
      reads: [...touched].filter((value) => !writes.has(value)),
      writes: [...writes],
      handsOver: [],
      work: { kind: "chains", parts },
    });
  }

  private matricesDesc(points: number, rows: number, columns: number, { stride }: Matrices): Desc {
    return this.operands.desc([points, rows, columns], [stride / 4, columns, 1]);
  }

  /** Memory of each thread for matrices of so many rows, with each of these numbers of columns. */
  private scratch(points: number, rows: number, columns: readonly number[]): [readonly Value[], Matrices[]] {
    let skip = 0;
    const places = columns.map((size) => {
      const stride = 4 * (rows * size + gapAfter(rows * size, points));
      const place = { skip, stride };
      skip += points * stride;
      return place;
    });
    const own = this.list.ownMemory(skip);
    return [own, places.map((place) => ({ slot: own[0]!.slot, perThread: true, ...place }))];
  }

  private weightsAtPoints(
    weights: Value,
    size: TileSize,
    sides: readonly [c: number, o: number],
    turned: boolean,
  ): Value {
    const key = `${weights.slot} ${size} ${turned}`;
    const known = this.weights.get(key);
    if (known) return known;
    const points = pointsOf(size) ** 2;
    const count = sides[0] * sides[1];
    const stride = 4 * (count + weightsGap(count, points));
    const made = this.list.make(points * stride);
    const vectors = count / 4;
    const into = { slot: made.slot, perThread: false, skip: 0, stride };
    this.list.steps.push({
      name: "weights to points",
      reads: [weights],
      writes: [made],
      handsOver: [],
      work: {
        kind: "kernel",
        kernel: {
          write: (around) => writeWeightsToPoints({ slot: weights.slot, size, sides }, into, turned, around),
          units: vectors,
          work: vectors * transformWork(size),
        },
      },
    });
    this.weights.set(key, made);
    return made;
  }
}

/** Rows of tiles in parts, and each part in blocks. */
class Blocks {
  /** Rows and columns of tiles of a picture. */
  readonly tiles: readonly [rows: number, columns: number];
  /** `[from, to)` in rows of tiles, counted through all pictures. */
  readonly parts: readonly (readonly (readonly [from: number, to: number])[])[];
  /** Tiles in the largest block. */
  readonly most: number;

  constructor(
    { size, images, picture: [, , c], result: [h, w, o], parts }: TiledConvolution,
    { least, most: many, bytes }: typeof BLOCK,
  ) {
    this.tiles = [Math.ceil(h / size), Math.ceil(w / size)];
    const tilesInBlock = Math.max(least, Math.min(many, bytes / (4 * pointsOf(size) ** 2 * (c + o))));
    const [rows, columns] = this.tiles;
    const most = Math.max(1, Math.floor(tilesInBlock / columns));
    this.parts = share(images * rows, 1, parts).map(([begin, end]) =>
      share(end - begin, 1, Math.ceil((end - begin) / most)).map(([from, to]) => [begin + from, begin + to] as const),
    );
    this.most = columns * Math.max(...this.parts.flat().map(([from, to]) => to - from));
  }
}

/** Of a function of sizes: what was made for a size is made once. */
function perSize<T>(make: (size: number) => T): (size: number) => T {
  const made = new Map<number, T>();
  return (size) => {
    const known = made.get(size) ?? make(size);
    made.set(size, known);
    return known;
  };
}

/** Values between matrices, so that a tile's at all points do not fall on the same few lines of a cache. */
function gapAfter(values: number, points: number): number {
  let step = Math.ceil(values / LINE);
  let sets = SETS;
  for (; step % 2 === 0 && sets > 1; step /= 2) sets /= 2;
  return points <= WAYS * sets ? 0 : LINE;
}

/** Weights from which the library's products of matrices with gaps are as fast as of those without. */
const LARGE_WEIGHTS = 2 ** 13;
const weightsGap = (values: number, points: number) => (values < LARGE_WEIGHTS ? 0 : gapAfter(values, points));
