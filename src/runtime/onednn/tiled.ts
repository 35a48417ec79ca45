// Winograd's convolutions (Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks"): tiles of the pictures are brought
// to points where a convolution is a product of matrices over channels, so that 16 results of 3x3 taps take 36 products and not 144.
// Each part goes through its tiles in blocks that stay in the core's cache: a kernel of ours, the library's product, a kernel.
import type { Tensor } from "../../graph/tensor.ts";
import { pointsOf, type TileSize } from "../../graph/winograd.ts";
import { ARG, type Desc } from "./api.ts";
import { BLOCK, Blocks, gapAfter, LONG_BLOCK, type TiledConvolution, weightsGap } from "./blocks.ts";
import type { ProductOperands } from "./operands.ts";
import type { KernelWriter, PartRun, PrimitiveCall, StepList, Value } from "./steps.ts";
import { LANES } from "./wasm/access.ts";
import type { PointwiseName } from "./wasm/pointwise.ts";
import type { Matrices, TiledPictures } from "./wasm/tiles.ts";
import { transformWork, writeFromPoints, writeToPoints } from "./wasm/winograd.ts";
import { writeTurnedWeightsToPoints, writeWeightsFromPoints, writeWeightsToPoints } from "./wasm/winograd-weights.ts";

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
    const { rows } = blocks;
    const [own, [pictures, products]] = this.scratch(points, rows, [c, o]);
    const inputs: TiledPictures = { slot: image.slot, picture, size, tiles: blocks.tiles, before };
    const outputs: TiledPictures = { slot: into.slot, picture: result, size, tiles: blocks.tiles, before: [0, 0] };
    const toPoints: KernelWriter = (around) => writeToPoints("picture", inputs, pictures!, false, around);
    const finish = {
      ...(bias ? { bias: bias.slot } : {}),
      ...(activation ? { activation: { name: activation.op.name as PointwiseName, attrs: activation.attrs } } : {}),
    };
    const fromPoints: KernelWriter = (around) => writeFromPoints(outputs, products!, finish, around);
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
    const { rows } = blocks;
    const [own, [pictures, gradients]] = this.scratch(points, rows, [c, o]);
    // A row that is no tile adds nothing to a sum over rows.
    const zeroed = rows > blocks.most;
    const inputs: TiledPictures = { slot: image.slot, picture, size, tiles: blocks.tiles, before };
    const results: TiledPictures = { slot: gradient.slot, picture: result, size, tiles: blocks.tiles, before: [0, 0] };
    const toPoints: KernelWriter = (around) => writeToPoints("picture", inputs, pictures!, zeroed, around);
    const resultsToPoints: KernelWriter = (around) => writeToPoints("results", results, gradients!, zeroed, around);
    const sumStride = c * o + weightsGap(c * o, points);
    const sumDesc = this.operands.desc([points, c, o], [sumStride, o, 1]);
    const described = perSize((tiles) => {
      const { onednn, holder } = this.list.resources;
      const { stride } = pictures!;
      const count = tiles === blocks.most ? rows : tiles;
      const src = this.operands.desc([points, c, count], [stride / 4, 1, c]);
      const weights = this.matricesDesc(points, count, o, gradients!);
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
    const key = `${weights.slot} ${sides} ${size} ${turned}`;
    const known = this.weights.get(key);
    if (known) return known;
    const points = pointsOf(size) ** 2;
    const count = sides[0] * sides[1];
    const stride = 4 * (count + weightsGap(count, points));
    const made = this.list.make(points * stride);
    const vectors = count / 4;
    const taps = { slot: weights.slot, size, sides };
    const into = { slot: made.slot, perThread: false, skip: 0, stride };
    this.list.steps.push({
      name: "weights to points",
      reads: [weights],
      writes: [made],
      handsOver: [],
      work: {
        kind: "kernel",
        kernel: {
          write: (around) => (turned ? writeTurnedWeightsToPoints : writeWeightsToPoints)(taps, into, around),
          units: turned ? vectors / LANES : vectors,
          work: vectors * transformWork(size),
        },
      },
    });
    this.weights.set(key, made);
    return made;
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
