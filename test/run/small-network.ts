// A small network as an ONNX file, for runs that build on one.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sizeOf } from "../../src/base/array.ts";
import { RunFolder } from "../../src/node.ts";
import { encodeModel, type OnnxConstant } from "../../src/onnx/schema.ts";
import { randomArray } from "../helpers.ts";

/** Weights that depend on their shape alone, uniform within `scale` of 0. */
export const random = (dims: readonly number[], scale: number) => ({
  data: Float32Array.from(randomArray(dims, sizeOf(dims), [-scale, scale]).data),
});

/** Of convolutions that runs move or leave, the weights `[out, in, kh, kw]`, by their path in a run. */
const CONVOLUTIONS = {
  "backbone/stage1/first.weight": [8, 3, 3, 3],
  "backbone/stage2/third.weight": [32, 8, 3, 3],
} as const;
export const FIRST = "backbone/stage1/first.weight";
export const THIRD = "backbone/stage2/third.weight";

const convolutionWeights = (dims: readonly number[]) => random(dims, Math.sqrt(6 / sizeOf(dims.slice(1)))).data;

/** Whether a run has other weights of a convolution than the file, where they are `[kh, kw, in, out]`. */
export function moved(run: string, path: keyof typeof CONVOLUTIONS): boolean {
  const dims = CONVOLUTIONS[path];
  const [outputs, inputs, height, width] = dims;
  const own = RunFolder.checkpointOf(run).state.get(path)!.data;
  return convolutionWeights(dims).some((value, at) => {
    const [x, y] = [at % width, Math.floor(at / width) % height];
    const [input, output] = [Math.floor(at / (width * height)) % inputs, Math.floor(at / (width * height * inputs))];
    return own[((y * width + x) * inputs + input) * outputs + output] !== value;
  });
}

/** Three convolutions, the second of each channel, over colour pictures of any size, and a classifier of 7 classes. */
export function writeNetwork(folder: string, name: string): string {
  const constants: OnnxConstant[] = [];
  const weights = (id: string, dims: readonly number[], values: Float32Array) => {
    constants.push({ name: id, type: "float32", dims: [...dims], data: new Uint8Array(values.buffer) });
    return id;
  };
  const conv = (input: string, output: string, dims: readonly number[], stride: number, group = 1) => ({
    op: "Conv",
    inputs: [
      input,
      weights(`${output}.weight`, dims, convolutionWeights(dims)),
      weights(`${output}.bias`, [dims[0]!], random([dims[0]!], 0.2).data),
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
      conv("picture", "first", CONVOLUTIONS[FIRST], 2),
      plain("Relu", "first", "first relu"),
      conv("first relu", "second", [8, 1, 3, 3], 1, 8),
      plain("Relu", "second", "second relu"),
      conv("second relu", "third", CONVOLUTIONS[THIRD], 2),
      plain("Relu", "third", "map"),
      plain("GlobalAveragePool", "map", "pooled"),
      plain("Flatten", "pooled", "features"),
      {
        op: "Gemm",
        inputs: ["features", weights("classes.weight", [32, 7], random([32, 7], 1).data)],
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
