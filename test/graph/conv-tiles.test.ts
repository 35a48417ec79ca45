// Convolutions in tiles whose batch is cut into parts, on onnxruntime, against those by columns.
import { describe, expect, it } from "vitest";
import { type NdArray, zeros } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import * as g from "../../src/graph/ops/index.ts";
import { input, type Tensor } from "../../src/graph/tensor.ts";
import type { TileSize } from "../../src/graph/winograd.ts";
import { lower } from "../../src/onnx/lower.ts";
import { BY_TILES, expectClose, randomArray } from "../helpers.ts";

const single = ({ data, ...rest }: NdArray): NdArray => ({ ...rest, data: Float32Array.from(data) });

describe.each([
  // At the points a picture takes 0.3 MiB in tiles of 4, 0.5 in tiles of 2, and more than 16 MiB are cut; neither rows of tiles nor
  // pictures divide evenly. Parts of 16, 16, 16 and 5 pictures; of 24, 24 and 5.
  { kernel: 3, stride: 1, picture: [53, 22, 26, 24], parts: { 2: 4, 4: 3 } },
  // 0.5 and 0.6 MiB: four of 15 pictures and one; five of 12 and one.
  { kernel: 4, stride: 2, picture: [61, 44, 52, 24], parts: { 2: 6, 4: 5 } },
])("a convolution of $kernel x $kernel taps in tiles, in parts of the batch", ({ kernel, stride, picture, parts }) => {
  const [x, w, b] = [input("x", picture), input("w", [kernel, kernel, 24, 32]), input("b", [32])];
  const y = g.conv2d(x, w, { stride, padding: 1, bias: b });
  const adjoint = input("adjoint", y.shape);
  const [dx, dw] = grad(g.sum(g.mul(y, adjoint)), [x, w]) as [Tensor, Tensor];
  const outputs = { y, dx, dw };
  const feeds = Object.fromEntries(
    Object.entries({ x, w, b, adjoint }).map(([name, { shape }], i) => [name, single(randomArray(shape, i + 1))]),
  );

  async function compute(tiles: TileSize | 0): Promise<Record<keyof typeof outputs, NdArray>> {
    const backend = BY_TILES.find(({ name }) => name === `onnxruntime with tiles of ${tiles}`)!;
    const executable = await backend.compile("parts", outputs, { mode: "train" });
    const results = { y: zeros(y.shape), dx: zeros(dx.shape), dw: zeros(dw.shape) };
    await executable.run(feeds, results);
    await executable.dispose();
    return results;
  }

  it.each([
    [2, parts[2], 1e-5],
    [4, parts[4], 1e-4],
  ] as const)("of %i has the values of columns in all directions, in %i parts", async (size, parts, bound) => {
    const { nodes } = lower("parts", outputs, { mode: "train", winograd: size });
    // A product at the points for each part of each direction.
    const products = nodes.filter(({ op }) => op === "MatMul");
    expect(products.length).toBe(3 * parts);
    // Gradients of the weights are brought back from the points before they are added up: there they would be 1.8 to 6.25 times as large.
    const [added, ...others] = nodes.filter(({ op, inputs }) => op === "Sum" && inputs.length === parts);
    expect(others).toEqual([]);
    expect(products.filter(({ outputs: [product] }) => added!.inputs.includes(product!))).toEqual([]);
    const [found, expected] = [await compute(size), await compute(0)];
    // The bounds of test/runtime/onednn/winograd.test.ts. Found: 9e-7 and 6e-6, with stride 2 no more.
    for (const name of ["y", "dx", "dw"] as const) expectClose(found[name].data, expected[name].data, bound, name);
  });
});
