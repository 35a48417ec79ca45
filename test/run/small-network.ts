// A small network as an ONNX file, for runs that build on one.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sizeOf } from "../../src/base/array.ts";
import { encodeModel, type OnnxConstant } from "../../src/onnx/schema.ts";
import { randomArray } from "../helpers.ts";

/** Weights that depend on their shape alone, uniform within `scale` of 0. */
export const random = (dims: readonly number[], scale: number) => ({
  data: Float32Array.from(randomArray(dims, sizeOf(dims), [-scale, scale]).data),
});

/** Three convolutions, the second of each channel, over colour pictures of any size, and a classifier of 7 classes. */
export function writeNetwork(folder: string, name: string): string {
  const constants: OnnxConstant[] = [];
  const weights = (id: string, dims: number[], scale: number) => {
    const { data: values } = random(dims, scale);
    constants.push({ name: id, type: "float32", dims, data: new Uint8Array(values.buffer) });
    return id;
  };
  const conv = (input: string, output: string, dims: number[], stride: number, group = 1) => ({
    op: "Conv",
    inputs: [
      input,
      weights(`${output}.weight`, dims, Math.sqrt(6 / sizeOf(dims.slice(1)))),
      weights(`${output}.bias`, [dims[0]!], 0.2),
    ],
    outputs: [output],
    attributes: { strides: [stride, stride], pads: [1, 1, 1, 1], group },
  });
  const plain = (op: string, input: string, output: string) => ({
    op,
    inputs: [input],
    outputs: [output],
    attributes: {},
  });
  const bytes = encodeModel({
    name,
    nodes: [
      conv("picture", "first", [8, 3, 3, 3], 2),
      plain("Relu", "first", "first relu"),
      conv("first relu", "second", [8, 1, 3, 3], 1, 8),
      plain("Relu", "second", "second relu"),
      conv("second relu", "third", [32, 8, 3, 3], 2),
      plain("Relu", "third", "map"),
      plain("GlobalAveragePool", "map", "pooled"),
      plain("Flatten", "pooled", "features"),
      {
        op: "Gemm",
        inputs: ["features", weights("classes.weight", [32, 7], 1)],
        outputs: ["logits"],
        attributes: {},
      },
    ],
    constants,
    inputs: [{ name: "picture", type: "float32", dims: ["n", 3, "h", "w"] }],
    outputs: [{ name: "logits", type: "float32", dims: ["n", 7] }],
  });
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, bytes);
  return path;
}
