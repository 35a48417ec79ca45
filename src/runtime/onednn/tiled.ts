// Winograd's convolutions (Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks"): tiles of the pictures are brought
// to points where a convolution is a product of matrices over channels, so that 16 results of 3x3 taps take 36 products and not 144.
// With stride 2 the phases of a picture stand beside each other as channels, so that 16 results of 4x4 taps take 100 and not 256.
// Each part goes through its tiles in blocks that stay in the core's cache: a kernel of ours, the library's product, a kernel.
import type { Tensor } from "../../graph/tensor.ts";
import { phasesOf, type Tiles } from "../../graph/winograd.ts";
import type { Desc } from "./api.ts";
import { BLOCK, Blocks, gapAfter, LONG_BLOCK, type TiledConvolution, WHOLE_BLOCK, weightsGap } from "./blocks.ts";
import { ARG } from "./c-values.ts";
import type { ProductOperands } from "./operands.ts";
import type { KernelWriter, PartRun, PrimitiveCall, StepList, Value } from "./steps.ts";
import { LANES } from "./wasm/access.ts";
import type { PointwiseName } from "./wasm/pointwise.ts";
import { BYTES, type Matrices, type TiledPictures } from "./wasm/tiles.ts";
import { type Side, transformWork, writeFromPoints, writeToPoints } from "./wasm/winograd.ts";
import {
  writeTransposedWeightsToPoints,
  writeWeightsFromPoints,
  writeWeightsToPoints,
} from "./wasm/winograd-weights.ts";

/**
 * How pictures are computed: the result of a convolution; one with the weights turned by half a turn and from `o` to `c`, which is the
 * adjoint of one with stride 1; or the adjoint of each step in turn, in which tiles of the picture overlap.
 */
export type Way = "result" | "turned" | "adjoint";

/** The most vectors between the axes of a transform. */
const BETWEEN = 64;

/** The steps of convolutions in tiles. */
export class TiledConvolutions {
  /** Weights at the points, by where they come from. */
  private readonly weights = new Map<string, Value>();

  constructor(
    private readonly list: StepList,
    private readonly operands: ProductOperands,
  ) {}

  /** The result of a convolution, or the adjoint of its picture; `image` is what it is computed of. */
  pictures(
    convolution: TiledConvolution,
    way: Way,
    {
      image,
      weights,
      bias,
      activation,
      into,
    }: {
      readonly image: Value;
      readonly weights: Value;
      readonly bias: Value | undefined;
      readonly activation: Tensor | undefined;
      readonly into: Value;
    },
  ): void {
    const { tiles } = convolution;
    const points = tiles.points ** 2;
    const isAdjoint = way === "adjoint";
    const blocks = new Blocks(convolution, isAdjoint ? WHOLE_BLOCK : BLOCK);
    const { rows } = blocks;
    const [c, o] = columnsOf(convolution);
    const [k, n] = isAdjoint ? [o, c] : [c, o];
    const [own, [given, made, between]] = this.scratch(points, rows, [k, n]);
    const [from, to] = (isAdjoint ? ["results", "picture"] : ["picture", "results"]) as [Side, Side];
    const inputs = tiledPictures(convolution, from, image, blocks);
    const outputs = tiledPictures(convolution, to, into, blocks);
    const toPoints: KernelWriter = (around) => writeToPoints(from, tiles, inputs, given, false, around);
    const finish = {
      ...(bias ? { bias: bias.slot } : {}),
      ...(activation ? { activation: { name: activation.op.name as PointwiseName, attrs: activation.attrs } } : {}),
    };
    const fromPoints: KernelWriter = (around) => writeFromPoints(to, tiles, outputs, made, between, finish, around);
    const channels = convolution.picture[2];
    const atPoints = this.weightsAtPoints(weights, tiles, way === "turned" ? [o, channels] : [channels, o], way);
    const stride = c * o + weightsGap(c * o, points);
    const weightsDesc = this.operands.desc([points, k, n], [stride, n, 1]);
    const product = perSize((count) => {
      const { onednn, holder } = this.list.resources;
      const height = count === blocks.most ? rows : count;
      const src = this.matricesDesc(points, height, k, given);
      const dst = this.matricesDesc(points, height, n, made);
      const operation = onednn.matmul(holder, src, weightsDesc, undefined, dst);
      return this.list.call({
        operation,
        args: [
          [ARG.src, own, src, given.skip],
          [ARG.weights, atPoints, weightsDesc],
          [ARG.dst, own, dst, made.skip],
        ],
      });
    });
    const parts = blocks.parts.map((part) =>
      part.flatMap(([begin, end]): (PartRun | PrimitiveCall)[] => [
        { write: toPoints, from: begin, to: end },
        product((end - begin) * blocks.tiles[1]),
        { write: fromPoints, from: begin, to: end },
      ]),
    );
    this.chains(convolution.label, parts, [image, ...(bias ? [bias] : [])], [into, ...own]);
  }

  /** The adjoint of the weights `[kernel, kernel, c, o]`: each part makes one at the points, which are added in their order. */
  weightGrad(convolution: TiledConvolution, image: Value, gradient: Value, into: Value): void {
    const { tiles } = convolution;
    const points = tiles.points ** 2;
    const [c, o] = columnsOf(convolution);
    const blocks = new Blocks(convolution, LONG_BLOCK);
    const { rows } = blocks;
    const [own, [pictures, gradients]] = this.scratch(points, rows, [c, o]);
    // A row that is no tile adds nothing to a sum over rows.
    const zeroed = rows > blocks.most;
    const inputs = tiledPictures(convolution, "picture", image, blocks);
    const results = tiledPictures(convolution, "results", gradient, blocks);
    const toPoints: KernelWriter = (around) => writeToPoints("picture", tiles, inputs, pictures, zeroed, around);
    const resultsToPoints: KernelWriter = (around) =>
      writeToPoints("results", tiles, results, gradients, zeroed, around);
    const sumStride = c * o + weightsGap(c * o, points);
    const sumDesc = this.operands.desc([points, c, o], [sumStride, o, 1]);
    const described = perSize((count) => {
      const { onednn, holder } = this.list.resources;
      const depth = count === blocks.most ? rows : count;
      const src = this.operands.desc([points, c, depth], [pictures.stride / 4, 1, c]);
      const weights = this.matricesDesc(points, depth, o, gradients);
      const operation = (post?: { kind: "sum" }) => onednn.matmul(holder, src, weights, undefined, sumDesc, post);
      return { src, weights, first: operation(), next: operation({ kind: "sum" }) };
    });
    const sums: Value[] = [];
    const parts = blocks.parts.map((part) => {
      const sum = this.list.make(4 * points * sumStride);
      sums.push(sum);
      const product = perSize((count) => {
        const { src, weights, first, next } = described(count);
        const call = (operation: typeof first) =>
          this.list.call({
            operation,
            args: [
              [ARG.src, own, src, pictures.skip],
              [ARG.weights, own, weights, gradients.skip],
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
    const sides = [convolution.picture[2], o] as const;
    const vectors = (sides[0] * o) / 4;
    const taps = { slot: into.slot, tiles, sides };
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
          work: vectors * (transformWork(tiles) + phasesOf(tiles) * points * from.length),
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

  /** Memory of each thread for matrices of so many rows, with each of these numbers of columns, and for what is between two axes. */
  private scratch(
    points: number,
    rows: number,
    columns: readonly [number, number],
  ): [own: readonly Value[], matrices: [Matrices, Matrices, Matrices]] {
    let skip = BETWEEN * BYTES;
    const places = columns.map((size) => {
      const stride = 4 * (rows * size + gapAfter(rows * size, points));
      const place = { skip, stride };
      skip += points * stride;
      return place;
    });
    const own = this.list.ownMemory(skip);
    const matrices = [...places, { skip: 0, stride: BYTES }].map((place) => ({
      slot: own[0]!.slot,
      perThread: true,
      ...place,
    }));
    return [own, matrices as [Matrices, Matrices, Matrices]];
  }

  private weightsAtPoints(weights: Value, tiles: Tiles, sides: readonly [c: number, o: number], way: Way): Value {
    const key = `${weights.slot} ${sides} ${tiles.kernel} ${tiles.size} ${way}`;
    const known = this.weights.get(key);
    if (known) return known;
    const points = tiles.points ** 2;
    const isTransposed = way !== "result";
    const vectors = (sides[0] * sides[1]) / 4;
    const count = phasesOf(tiles) * sides[0] * sides[1];
    const stride = 4 * (count + weightsGap(count, points));
    const made = this.list.make(points * stride);
    const taps = { slot: weights.slot, tiles, sides };
    const into = { slot: made.slot, perThread: false, skip: 0, stride };
    this.list.steps.push({
      name: "weights to points",
      reads: [weights],
      writes: [made],
      handsOver: [],
      work: {
        kind: "kernel",
        kernel: {
          write: (around) =>
            isTransposed
              ? writeTransposedWeightsToPoints(taps, way === "turned", into, around)
              : writeWeightsToPoints(taps, into, around),
          units: isTransposed ? vectors / LANES : vectors,
          work: vectors * transformWork(tiles),
        },
      },
    });
    this.weights.set(key, made);
    return made;
  }
}

/** Columns of the matrices at the points: of a picture, of all its phases, and of its result. */
const columnsOf = ({ tiles, picture, result }: TiledConvolution): [c: number, o: number] => [
  phasesOf(tiles) * picture[2],
  result[2],
];

/** A side of a convolution in its tiles. */
function tiledPictures(
  { tiles, picture, result, before }: TiledConvolution,
  side: Side,
  { slot }: Value,
  blocks: Blocks,
): TiledPictures {
  const lies =
    side === "picture"
      ? { picture, stride: tiles.stride, before }
      : { picture: result, stride: 1, before: [0, 0] as const };
  return { slot, size: tiles.size, tiles: blocks.tiles, ...lies };
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
