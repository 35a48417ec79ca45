// Winograd's convolutions against the interpreter, which multiplies every tap, and against the definition of their transforms.
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray, type TypedArray, zeros } from "../../../src/base/array.ts";
import { grad } from "../../../src/graph/grad.ts";
import { interpret } from "../../../src/graph/interpret.ts";
import { tileSizeFor as byColumnsOrTiles } from "../../../src/graph/ops/choices.ts";
import * as g from "../../../src/graph/ops/index.ts";
import { input, type Tensor } from "../../../src/graph/tensor.ts";
import { TILES, type TileSize } from "../../../src/graph/winograd.ts";
import { Random } from "../../../src/random/random.ts";
import type { Backend } from "../../../src/runtime/backend.ts";
import { nativeBackend } from "../../../src/runtime/native.ts";
import { onednnBackend } from "../../../src/runtime/onednn/backend.ts";
import { tileSizeFor } from "../../../src/runtime/onednn/winograd.ts";
import { BACKENDS, randomArray } from "../../helpers.ts";

const here = BACKENDS.some(({ name }) => name === "onednn");
const SIZES = [2, 4] as const;
/** Kernels in tiles, and their strides. */
const KERNELS = [
  [3, 1],
  [4, 2],
] as const;

const single = (shape: readonly number[], seed: number): NdArray =>
  ndarray("float32", shape, Float32Array.from(randomArray(shape, seed).data));

/** The largest difference, by the largest value. */
function relativeError(found: TypedArray, exact: TypedArray): number {
  let [worst, most] = [0, 0];
  exact.forEach((value, i) => {
    const difference = Math.abs(found[i]! - value);
    worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
    most = Math.max(most, Math.abs(value));
  });
  return worst / most;
}

async function compute(
  outputs: Record<string, Tensor>,
  feeds: Record<string, NdArray>,
  options: { winograd?: TileSize | 0; threads?: number },
  make: (options: { winograd?: TileSize | 0; threads?: number }) => Backend = onednnBackend,
): Promise<Record<string, NdArray>> {
  const executable = await make({ threads: 1, ...options }).compile("test", outputs, { mode: "train" });
  const results = Object.fromEntries(Object.entries(outputs).map(([name, { shape }]) => [name, zeros(shape)]));
  // Twice: the second time what kernels leave between them is not fresh.
  for (let time = 0; time < 2; time++) await executable.run(feeds, results);
  await executable.dispose();
  return results;
}

describe("tiles", () => {
  it.each(KERNELS.flatMap(([kernel, stride]) => SIZES.map((size) => [size, kernel, kernel / stride] as const)))(
    "of %i results with a kernel of %i are correlations of the tile with the %i taps of a phase, but for the roundings of float64",
    (size, kernel, length) => {
      const { picture, taps, results } = TILES[kernel][size];
      const [values, weights] = [randomArray([size + length - 1], 1).data, randomArray([length], 2).data];
      const at = (matrix: readonly (readonly number[])[], x: TypedArray) =>
        matrix.map((row) => row.reduce((sum, factor, i) => sum + factor * x[i]!, 0));
      const products = at(picture, values).map((value, i) => value * at(taps, weights)[i]!);
      for (let i = 0; i < size; i++) {
        const found = results.reduce((sum, row, point) => sum + row[i]! * products[point]!, 0);
        const exact = Array.from(weights).reduce((sum, weight, tap) => sum + values[i + tap]! * weight, 0);
        expect(found).toBeCloseTo(exact, 13);
      }
    },
  );
});

/** What is promised. Found: 1.5e-6 and 1.7e-5, with stride 2 3.8e-6 and 2.7e-5. */
const BOUND: Readonly<Record<TileSize, number>> = { 2: 1e-5, 4: 1e-4 };

describe.each([["onnxruntime", nativeBackend] as const, ...(here ? [["onednn", onednnBackend] as const] : [])])(
  "a convolution in tiles on %s",
  (_name, make) => {
    const activations: ((x: Tensor) => Tensor)[] = [g.relu, g.tanh, g.sigmoid, (x) => g.leakyRelu(x, 0.2), (x) => x];

    it.each(KERNELS.flatMap(([kernel, stride]) => SIZES.map((size) => [size, kernel, stride] as const)))(
      "of %i with a kernel of %i and stride %i has the interpreter's values in all directions, whatever its sizes",
      async (size, kernel, stride) => {
        for (let seed = 0; seed < 20; seed++) {
          const random = new Random(seed, "winograd");
          const between = (from: number, to: number) => from + random.integer(to - from + 1);
          const padding = [between(0, 2), between(0, 2), between(0, 2), between(0, 2)] as const;
          const height = between(Math.max(1, kernel - padding[0] - padding[2]), 8 * stride + 3);
          const width = between(Math.max(1, kernel - padding[1] - padding[3]), 8 * stride + 3);
          const [c, o] = [4 * between(1, 4), 4 * between(1, 4)];
          const x = input("x", [between(1, 3), height, width, c]);
          const [w, b] = [input("w", [kernel, kernel, c, o]), input("b", [o])];
          const product = g.conv2d(x, w, { stride, padding: seed % 3 === 0 ? "same" : padding });
          const activate = activations[seed % activations.length]!;
          // With a bias, then an activation, then the picture itself where it fits.
          const biased = activate(seed % 2 === 0 ? g.add(product, b) : product);
          const fits = `${biased.shape}` === `${x.shape}`;
          const y = fits ? g.add(biased, x) : biased;
          const [dx, dw] = grad(g.sum(g.mul(y, g.cos(y))), [x, w]) as [Tensor, Tensor];
          const feeds = Object.fromEntries(
            [x, w, b].map((node, i) => [node.attrs.name, single(node.shape, 7 * seed + i)]),
          );
          const found = await compute({ y, dx, dw }, feeds as Record<string, NdArray>, { winograd: size }, make);
          const exact = interpret([y, dx, dw], feeds as Record<string, NdArray>);
          for (const [i, name] of ["y", "dx", "dw"].entries())
            expect(
              relativeError(found[name]!.data, exact[i]!.data),
              `${name} of [${x.shape}] -> ${o}, padding ${padding}`,
            ).toBeLessThanOrEqual(BOUND[size]);
        }
      },
    );
  },
);

describe.runIf(here)("a convolution in tiles on oneDNN", () => {
  it.each(KERNELS)(
    "is not the library's, with a kernel of %i and stride %i: it rounds otherwise",
    async (kernel, stride) => {
      const [x, w] = [input("x", [2, 8, 8, 8]), input("w", [kernel, kernel, 8, 8])];
      const y = g.conv2d(x, w, { stride, padding: 1 });
      const [dx, dw] = grad(g.sum(g.square(y)), [x, w]) as [Tensor, Tensor];
      const feeds = { x: single(x.shape, 1), w: single(w.shape, 2) };
      const all = await Promise.all(
        ([0, 2, 4] as const).map((winograd) => compute({ y, dx, dw }, feeds, { winograd })),
      );
      for (const name of ["y", "dx", "dw"])
        expect(new Set(all.map((found) => `${found[name]!.data}`)).size, name).toBe(3);
    },
  );

  it.each([
    // Tiles of 4x4 results and 8x8 pixels, of which each takes 2000 bytes at the points: 31.7 and 32.2 MB (of 2^20 bytes).
    ["in tiles where a picture takes less than 32 MB at the points", 129, false],
    ["the library's where it takes more, though one thread has room for it", 131, true],
  ])("of the adjoint of pictures with stride 2 is %s", async (_name, across, isDirect) => {
    const [y, w] = [input("y", [1, 4 * 129, 4 * across, 4]), input("w", [4, 4, 4, 4])];
    const x = g.conv2dTranspose(y, w, [8 * 129, 8 * across], { stride: 2, padding: 1 });
    const feeds = { y: single(y.shape, 1), w: single(w.shape, 2) };
    const [direct, tiled] = [
      await compute({ x }, feeds, { winograd: 0 }),
      await compute({ x }, feeds, { winograd: 4 }),
    ];
    const [one, other] = [direct, tiled].map((found) => Buffer.from(found.x!.data.buffer)) as [Buffer, Buffer];
    expect(one.equals(other)).toBe(isDirect);
  });

  it("takes weights and pictures that are views, and leaves others to the library", async () => {
    const [x, w] = [input("x", [2, 4, 6, 7]), input("w", [3, 3, 4, 8])];
    const picture = g.transpose(x, [0, 2, 3, 1]);
    const turned = g.conv2d(picture, g.reverse(w, 0), { padding: 1 });
    const grouped = g.conv2d(turned, input("v", [3, 3, 4, 8]), { padding: 1, groups: 2 });
    const strided = g.conv2d(g.conv2d(picture, w, { padding: 1 }), input("u", [3, 3, 8, 4]), { stride: 2, padding: 1 });
    const feeds = {
      x: single([2, 4, 6, 7], 1),
      w: single([3, 3, 4, 8], 2),
      v: single([3, 3, 4, 8], 3),
      u: single([3, 3, 8, 4], 4),
    };
    const outputs = { turned, grouped, strided };
    const found = await compute(outputs, feeds, { winograd: 4 });
    interpret(Object.values(outputs), feeds).forEach(({ data }, i) => {
      const name = Object.keys(outputs)[i]!;
      expect(relativeError(found[name]!.data, data), name).toBeLessThanOrEqual(BOUND[4]);
    });
  });

  it.each(KERNELS.flatMap(([kernel, stride]) => [1, 2, 3].map((threads) => [threads, kernel, stride] as const)))(
    "in blocks and parts repeats its bits on %i threads, with a kernel of %i and stride %i",
    async (threads, kernel, stride) => {
      // 150 million multiply-adds, 70 with stride 2: several parts a thread, and many blocks in each; rows of tiles do not divide by either.
      const [x, w] = [input("x", [37, 22, 26, 24]), input("w", [kernel, kernel, 24, 32])];
      const y = g.conv2d(x, w, { stride, padding: 1 });
      const [dx, dw] = grad(g.mean(g.square(y)), [x, w]) as [Tensor, Tensor];
      const feeds = { x: single(x.shape, 1), w: single(w.shape, 2) };
      const direct = await compute({ y, dx, dw }, feeds, { winograd: 0, threads });
      const [first, again] = [
        await compute({ y, dx, dw }, feeds, { winograd: 4, threads }),
        await compute({ y, dx, dw }, feeds, { winograd: 4, threads }),
      ];
      for (const name of ["y", "dx", "dw"]) {
        expect(relativeError(first[name]!.data, direct[name]!.data), name).toBeLessThanOrEqual(BOUND[4]);
        expect(Buffer.from(first[name]!.data.buffer).equals(Buffer.from(again[name]!.data.buffer)), name).toBe(true);
      }
    },
  );
});

describe("the choice of tiles on oneDNN, with stride 2", () => {
  it.each([
    ["a layer of a small network, of whose tiles a quarter is waste", [128, 14, 32, 64], 4],
    ["one of more channels", [64, 16, 64, 128], 4],
    ["one of a tile a picture, to which its weights at the points are large", [64, 8, 128, 256], 2],
    ["the same for many pictures", [512, 8, 128, 256], 4],
    ["grey pictures", [128, 28, 1, 32], 0],
    ["few channels, whose transforms would cost more than the products", [64, 32, 8, 16], 0],
    ["few pictures, for which making the kernels would not pay", [4, 16, 64, 128], 0],
  ] as const)("%s", (_name, [images, side, c, o], size) => {
    const [picture, result] = [
      [side, side, c],
      [side / 2, side / 2, o],
    ] as const;
    expect(tileSizeFor({ kernel: 4, images, picture, result, before: [1, 1] })).toBe(size);
  });
});

describe("the choice of tiles on oneDNN", () => {
  it.each([
    ["a layer of a small network", [64, 16, 16, 32, 64], 4],
    ["one of the fast network, of whose tiles a quarter is waste", [512, 7, 7, 256, 256], 4],
    ["one of a single tile a picture", [512, 3, 3, 256, 256], 4],
    ["maps of six pixels, which tiles of four do not divide", [64, 6, 6, 64, 64], 2],
    ["maps of five pixels, of which the library leaves out the border", [64, 5, 5, 64, 64], 0],
    ["colours, whose transforms would cost more than the products", [64, 32, 32, 4, 32], 0],
    ["few channels", [64, 32, 32, 8, 8], 0],
    ["one picture of few tiles", [1, 12, 12, 256, 256], 0],
    ["few pictures, for which making the kernels would not pay", [4, 16, 16, 32, 64], 0],
  ] as const)("%s", (_name, [images, h, w, c, o], size) => {
    expect(tileSizeFor({ kernel: 3, images, picture: [h, w, c], result: [h, w, o], before: [1, 1] })).toBe(size);
  });
});

describe("the choice of tiles on onnxruntime", () => {
  it.each([
    ["a layer of a small network", [64, 16, 16, 32, 64], 4],
    ["one of the fast network, of whose tiles a quarter is waste", [512, 7, 7, 256, 256], 4],
    ["one of a single tile a picture, of whose columns a third is padding", [512, 3, 3, 256, 256], 4],
    ["maps of six pixels, which tiles of four do not divide", [64, 6, 6, 64, 64], 2],
    ["maps of five pixels, of whose tiles most is waste", [64, 5, 5, 64, 128], 0],
    ["colours", [64, 32, 32, 3, 32], 0],
    ["few channels", [64, 32, 32, 8, 8], 0],
    ["few pictures, for which more nodes would not pay", [4, 16, 16, 32, 64], 0],
  ] as const)("%s", (_name, [images, h, w, channels, o], size) => {
    expect(byColumnsOrTiles({ kernel: 3, images, channels, result: [h, w, o], isAdjoint: false })).toBe(size);
  });
});

describe("the choice of tiles on onnxruntime, with stride 2", () => {
  it.each([
    ["a layer of a small network, of whose tiles a quarter is waste", [128, 14, 32, 64], 0, 0],
    ["one of more channels", [64, 16, 64, 128], 4, 4],
    ["one of many channels", [64, 8, 128, 256], 4, 4],
    ["one of large maps, where tiles that overlap would be gathered for longer", [32, 64, 32, 64], 4, 0],
    ["colours", [64, 32, 3, 64], 0, 0],
    ["few pictures, for which more nodes would not pay", [3, 16, 64, 128], 0, 0],
  ] as const)("%s", (_name, [images, side, channels, o], size, adjoint) => {
    const sizes = { kernel: 4, images, channels, result: [side / 2, side / 2, o] } as const;
    expect(byColumnsOrTiles({ ...sizes, isAdjoint: false })).toBe(size);
    expect(byColumnsOrTiles({ ...sizes, isAdjoint: true })).toBe(adjoint);
  });
});
