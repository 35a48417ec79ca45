import { describe, expect, it } from "vitest";
import { type NdArray, ndarray, type Shape, zeros } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { gridSample, sum } from "../../src/graph/ops/index.ts";
import { input, type Tensor } from "../../src/graph/tensor.ts";
import { FREE_BATCH } from "../../src/onnx/lower.ts";
import type { Backend, CompileOptions } from "../../src/runtime/backend.ts";
import { webBackend } from "../../src/web.ts";
import { BACKENDS, expectClose, randomArray } from "../helpers.ts";

const float32 = (shape: Shape, values: ArrayLike<number>): NdArray =>
  ndarray("float32", shape, Float32Array.from(values));

async function compute(
  backend: Backend,
  outputs: Record<string, Tensor>,
  feeds: Record<string, NdArray>,
  options: CompileOptions = { mode: "train" },
): Promise<Record<string, NdArray>> {
  const executable = await backend.compile("test", outputs, options);
  const results = Object.fromEntries(Object.entries(outputs).map(([name, { shape }]) => [name, zeros(shape)]));
  await executable.run(feeds, results);
  await executable.dispose();
  return results;
}

/**
 * One picture of 2 x 2 pixels, 1 2 / 3 4: pixel centres are at ±½, so that by the definition of PyTorch's grid_sample
 * (align_corners=False, padding_mode="border") a coordinate u between them is the pixel place u + ½, cut to 0..1 elsewhere.
 */
const PLACES: readonly (readonly [x: number, y: number, value: number])[] = [
  [-0.5, -0.5, 1],
  [0.5, -0.5, 2],
  [-0.5, 0.5, 3],
  [0.5, 0.5, 4],
  [0, 0, 2.5],
  [0.25, -0.5, 1.75],
  [-0.5, 0.25, 2.5],
  [-1, -1, 1],
  [1, 1, 4],
  [-3, 0, 2],
  [2, 0, 3],
  [0, 9, 3.5],
];
const square = float32([1, 2, 2, 1], [1, 2, 3, 4]);
const places = float32(
  [1, 3, 4, 2],
  PLACES.flatMap((place) => place.slice(0, 2)),
);

describe("gridSample", () => {
  const y = gridSample(input("x", [1, 2, 2, 1]), input("grid", [1, 3, 4, 2]));
  const expected = PLACES.map(([, , value]) => value);

  it("has PyTorch's values at centres, between them, on edges and outside", () => {
    expect([...interpret([y], { x: square, grid: places })[0]!.data]).toEqual(expected);
  });

  it.each(
    [...BACKENDS, webBackend()].flatMap((backend) => [
      [backend.name, "train", backend] as const,
      [backend.name, "infer", backend] as const,
    ]),
  )("has the same on %s in %s mode", async (_name, mode, backend) => {
    // All places and shares are multiples of a power of two: nothing is rounded.
    expect([...(await compute(backend, { y }, { x: square, grid: places }, { mode })).y!.data]).toEqual(expected);
  });

  it.runIf(BACKENDS.some(({ name }) => name === "onednn"))(
    "is NaN at a place that is not a number, and reads within the picture there, on oneDNN",
    async () => {
      const grid = float32(
        [1, 3, 4, 2],
        [Number.NaN, 0, 0, Number.NaN, Infinity, -Infinity, ...new Array(18).fill(-1)],
      );
      const onednn = BACKENDS.find(({ name }) => name === "onednn")!;
      const found = (await compute(onednn, { y }, { x: square, grid })).y!.data;
      expect([...found]).toEqual([Number.NaN, Number.NaN, 2, ...new Array(9).fill(1)]);
    },
  );

  it.each(BACKENDS)("takes any batch size on $name where the batch is free", async (backend) => {
    const free = gridSample(input("x", [FREE_BATCH, 4, 5, 3]), input("grid", [FREE_BATCH, 2, 3, 2]));
    const executable = await backend.compile("free", { y: free }, { mode: "infer", freeBatch: FREE_BATCH });
    for (const n of [1, 7]) {
      const feeds = {
        x: float32([n, 4, 5, 3], randomArray([n, 4, 5, 3], n).data),
        grid: float32([n, 2, 3, 2], randomArray([n, 2, 3, 2], n + 1).data),
      };
      const result = { y: zeros([n, 2, 3, 3]) };
      await executable.run(feeds, result);
      const own = gridSample(input("x", [n, 4, 5, 3]), input("grid", [n, 2, 3, 2]));
      // Some ten roundings of 6e-8.
      expectClose(result.y.data, interpret([own], feeds)[0]!.data, 1e-6, `batch of ${n}`);
    }
    await executable.dispose();
  });

  it.each(BACKENDS)("finds its pixels past number 2^24 on $name, forward and backward", async (backend) => {
    // Float32 holds whole numbers up to 2^24 alone; the last pictures begin beyond.
    const [n, h, w] = [5, 1024, 4096];
    const pixel = (image: number, row: number, column: number) => (31 * image + 7 * row + 3 * column) % 251;
    const x = zeros([n, h, w, 1]);
    for (let image = 0, at = 0; image < n; image++)
      for (let row = 0; row < h; row++)
        for (let column = 0; column < w; column++) x.data[at++] = pixel(image, row, column);
    // Quarters of the way from pixel (1001, 3001) on: exact in float32, as sizes are powers of two.
    const [row, column] = [1001, 3001];
    const at = [(2 * (column + 0.25) + 1) / w - 1, (2 * (row + 0.5) + 1) / h - 1];
    const grid = float32([n, 1, 1, 2], Array.from({ length: n }, () => at).flat());
    const [picture, places] = [input("x", x.shape), input("grid", grid.shape)];
    const y = gridSample(picture, places);
    const slope = grad(sum(y), [places])[0]!;
    const found = await compute(backend, { y, slope }, { x, grid });
    for (let image = 0; image < n; image++) {
      const [a, b] = [pixel(image, row, column), pixel(image, row, column + 1)];
      const [c, d] = [pixel(image, row + 1, column), pixel(image, row + 1, column + 1)];
      expect(found.y!.data[image]).toBe(0.5 * (0.75 * a + 0.25 * b) + 0.5 * (0.75 * c + 0.25 * d));
      expect(found.slope!.data[2 * image]).toBe((0.5 * (b - a) + 0.5 * (d - c)) * (w / 2));
      expect(found.slope!.data[2 * image + 1]).toBe((0.75 * (c - a) + 0.25 * (d - b)) * (h / 2));
    }
  });

  it("refuses a grid of other pictures, and one without two coordinates", () => {
    const x = input("x", [2, 4, 4, 1]);
    for (const shape of [
      [3, 4, 4, 2],
      [2, 4, 4, 3],
      [2, 4, 2],
    ])
      expect(() => gridSample(x, input("grid", shape))).toThrowError(/gridSample: expected pictures .* and a grid/);
  });
});
