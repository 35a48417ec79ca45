// What an exported file keeps of constants: other programs find the weights of a convolution as its own initializer.
import { describe, expect, it } from "vitest";
import { ndarray, sizeOf, stridesOf } from "../../src/base/array.ts";
import { conv2d, conv2dTranspose, reshape, transpose } from "../../src/graph/ops/index.ts";
import { constant, input } from "../../src/graph/tensor.ts";
import { FREE_BATCH, lower } from "../../src/onnx/lower.ts";
import type { OnnxModel } from "../../src/onnx/schema.ts";

const counted = (shape: readonly number[], dtype: "float32" | "int32" = "float32") =>
  constant(
    ndarray(
      dtype,
      shape,
      Array.from({ length: sizeOf(shape) }, (_, i) => i),
    ),
  );

/** The first constant that an op reads, by the place of its operand. */
function operand({ nodes, constants }: OnnxModel, op: string, place: number) {
  const name = nodes.find((node) => node.op === op)!.inputs[place];
  const { dims, data } = constants.find((one) => one.name === name)!;
  return { dims, values: new Float32Array(data.slice().buffer) };
}

describe("constants of an exported graph", () => {
  it.each(["Conv", "ConvTranspose"])(
    "of %s are [out, in, kh, kw], as PyTorch has them, and nothing is left behind",
    (op) => {
      const [kh, kw, c, o] = [2, 3, 4, 5];
      const x = input("x", [FREE_BATCH, 6, 7, op === "Conv" ? c : o]);
      const weights = counted([kh, kw, c, o]);
      const y = op === "Conv" ? conv2d(x, weights) : conv2dTranspose(x, weights, [7, 9]);
      const model = lower("layer", { y }, { mode: "infer", freeBatch: FREE_BATCH });
      const { dims, values } = operand(model, op, 1);
      expect(dims).toEqual([o, c, kh, kw]);
      const strides = stridesOf([kh, kw, c, o]);
      for (let [i, k] = [0, 0]; i < o; i++)
        for (let j = 0; j < c; j++)
          for (let row = 0; row < kh; row++)
            for (let column = 0; column < kw; column++)
              expect(values[k++]).toBe(row * strides[0]! + column * strides[1]! + j * strides[2]! + i);
      expect(model.constants.filter(({ type }) => type === "float32")).toHaveLength(1);
    },
  );

  it("that are reshaped and transposed are read as they are then", () => {
    const y = transpose(reshape(counted([2, 6]), [3, 4]));
    const model = lower("moved", { y, z: reshape(counted([4], "int32"), [2, 2]) }, { mode: "infer" });
    expect(model.nodes.map(({ op }) => op)).toEqual(["Identity", "Identity"]);
    const { dims, values } = operand(model, "Identity", 0);
    expect([dims, [...values]]).toEqual([
      [4, 3],
      [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11],
    ]);
  });

  it("stay as they are in graphs that train", () => {
    const model = lower("train", { y: transpose(counted([2, 3])) }, { mode: "train" });
    expect(model.nodes.map(({ op }) => op)).toEqual(["Transpose"]);
  });
});
