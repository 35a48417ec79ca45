// Networks of ONNX files: PyTorch's exports of common blocks equal onnxruntime on both backends, gradients equal PyTorch's, and
// what cannot be taken is named.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ndarray, sizeOf, zeros } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant, input, type Tensor } from "../../src/graph/tensor.ts";
import { Network } from "../../src/onnx/import/network.ts";
import { reordered } from "../../src/onnx/import/values.ts";
import { encodeModel, type OnnxConstant, type OnnxNode } from "../../src/onnx/schema.ts";
import { BACKENDS, expectClose, randomArray } from "../helpers.ts";
import { wave } from "../reference/wave.ts";
import { ASIS, bare, imported } from "./helpers.ts";

interface Export {
  readonly opset: number;
  readonly file: string;
}
interface Gradients extends Export {
  readonly output: readonly number[];
  readonly picture: readonly number[];
  readonly parameters: Readonly<Record<string, readonly number[]>>;
}
/** See exports.py. */
const { networks, gradients } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../reference/exports.json"), "utf8"),
) as { networks: Record<string, Export>; gradients: Gradients };
const bytesOf = ({ file }: Export): Uint8Array => Buffer.from(file, "base64");
const pictures = (n: number) => ({
  ...randomArray([n, 16, 16, 3], 5, [0, 1]),
  data: Float32Array.from(randomArray([n, 16, 16, 3], 5, [0, 1]).data),
});

/** Networks with an op that is not taken, and how the message names it. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  recurrent: /the node ".*LSTM.*" \(LSTM\) cannot be taken/,
  "sums by letters": /the node ".*Einsum.*" \(Einsum\) cannot be taken/,
};

describe("networks that PyTorch exports", () => {
  const taken = Object.keys(networks).filter((name) => !(name in REFUSED));
  expect(taken.length).toBeGreaterThanOrEqual(20);

  for (const backend of BACKENDS)
    it.each(taken)(`%s: as onnxruntime, on ${backend.name}`, async (name) => {
      const bytes = bytesOf(networks[name]!);
      const network = Network.read(bytes);
      const own = await imported(network, pictures(2), backend);
      const n = network.input.batch ?? 2;
      const x = pictures(n);
      const expected = await bare(bytes, network, x, own.shape[1]!);
      // A file that was made for one picture takes two here, and gives the first what onnxruntime gives it.
      const first = own.data.slice(0, expected.data.length);
      // float32 sums in another order, of values up to a few hundred terms.
      expectClose(first, expected.data, 2e-5, name);
    });

  it.each(Object.entries(REFUSED))("%s: is refused by name", (name, message) => {
    const network = Network.read(bytesOf(networks[name]!));
    expect(() => network.run(input("x", [2, 16, 16, 3]), ASIS)).toThrowError(message);
  });

  it.each(["inverted residual", "ConvNeXt block", "channel shuffle"])("%s: moves no picture about", (name) => {
    const network = Network.read(bytesOf(networks[name]!));
    const transposes = new Set<Tensor>();
    const walk = (node: Tensor): void => {
      if (node.op.name === "transpose") transposes.add(node);
      for (const operand of node.inputs) walk(operand);
    };
    for (const output of network.run(input("x", [2, 16, 16, 3]), ASIS)) walk(output);
    // Mixing channels of a shuffle is a move of their own.
    expect(transposes.size).toBeLessThanOrEqual(name === "channel shuffle" ? 2 : 0);
  });
});

describe.each(BACKENDS)("gradients of a network with every op of the list, on $name", (backend) => {
  it("are PyTorch's, by each parameter and by the picture", async () => {
    const network = Network.read(bytesOf(gradients));
    const parameters = new Map<string, Tensor>();
    const values = new Map<string, ReturnType<typeof ndarray>>();
    const picture = input("picture", [2, 16, 16, 3]);
    const [output] = network.run(picture, {
      parameter(path, value) {
        values.set(path, value);
        const tensor = input(path, value.shape);
        parameters.set(path, tensor);
        return tensor;
      },
      statistic: (_, value) => constant(value),
    });
    const weights = constant(wave(output!.shape, 1, 1));
    const paths = [...parameters.keys()];
    const [byPicture, ...byParameter] = grad(g.sum(g.mul(output!, weights)), [picture, ...parameters.values()]);
    const outputs: Record<string, Tensor> = { output: output!, "d picture": byPicture! };
    for (const [i, path] of paths.entries()) outputs[`d ${path}`] = byParameter[i]!;
    const executable = await backend.compile("gradients", outputs, { mode: "train" });
    const found = Object.fromEntries(Object.entries(outputs).map(([name, { shape }]) => [name, zeros(shape)]));
    const x = channelsLastOf(
      wave([2, 3, 16, 16], 0.3, 0.5).data.map((value) => value + 0.5),
      [2, 3, 16, 16],
    );
    await executable.run({ picture: ndarray("float32", [2, 16, 16, 3], x), ...Object.fromEntries(values) }, found);
    await executable.dispose();
    expectClose(found.output!.data, Float32Array.from(gradients.output), 1e-5, "output");
    const expected = channelsLastOf(Float32Array.from(gradients.picture), [2, 3, 16, 16]);
    expectClose(found["d picture"]!.data, expected, 1e-4, "gradient by the picture");
    const names = Object.keys(gradients.parameters);
    expect(paths.map((path) => path.replace(/^stage\d+\//, "")).sort()).toEqual([...names].sort());
    for (const path of paths) {
      const value = Float32Array.from(gradients.parameters[path.replace(/^stage\d+\//, "")]!);
      const { shape } = values.get(path)!;
      // [o, i, kh, kw], or [c, 1, kh, kw] of a convolution of each channel, to ours.
      const [kh, kw, i, o] = shape.length === 3 ? [shape[0], shape[1], 1, shape[2]] : shape;
      const own = shape.length < 3 ? value : reordered(value, [o!, i!, kh!, kw!], [2, 3, 1, 0]);
      expect(value.length).toBe(sizeOf(shape));
      expectClose(found[`d ${path}`]!.data, own, 1e-4, `gradient by ${path}`);
    }
  });
});

/** `[n, c, h, w]` as `[n, h, w, c]`. */
const channelsLastOf = (data: ArrayLike<number>, shape: readonly number[]) => reordered(data, shape, [0, 2, 3, 1]);

/** Mean colours of pictures times what nodes make of the constants "a" and "b". */
function scaledBy(node: Omit<OnnxNode, "outputs">, dims: readonly number[]): Uint8Array {
  const values = (name: string, seed: number): OnnxConstant => {
    const data = Float32Array.from(randomArray(dims, seed, [0.5, 1.5]).data);
    return { name, type: "float32", dims: [...dims], data: new Uint8Array(data.buffer) };
  };
  return encodeModel({
    name: "constants",
    nodes: [
      { op: "GlobalAveragePool", inputs: ["picture"], outputs: ["pooled"], attributes: {} },
      { op: "Flatten", inputs: ["pooled"], outputs: ["colours"], attributes: {} },
      { ...node, outputs: ["made"] },
      { op: "Mul", inputs: ["colours", "made"], outputs: ["y"], attributes: {} },
    ],
    constants: [values("a", 1), values("b", 2)],
    inputs: [{ name: "picture", type: "float32", dims: ["n", 3, 16, 16] }],
    outputs: [{ name: "y", type: "float32", dims: ["n", 3] }],
  });
}

describe("what is known beforehand", () => {
  it.each<[string, Omit<OnnxNode, "outputs">, readonly number[]]>([
    ["a mean of constants", { op: "Mean", inputs: ["a", "b"], attributes: {} }, [3]],
    // More values than a call has arguments.
    ["the largest of many", { op: "ReduceMax", inputs: ["a"], attributes: { keepdims: 0 } }, [300_000]],
    ["the least of many", { op: "ReduceMin", inputs: ["a"], attributes: { keepdims: 0 } }, [300_000]],
    ["the product of all", { op: "ReduceProd", inputs: ["a"], attributes: { keepdims: 0 } }, [2, 3]],
  ])("%s: as onnxruntime", async (_, node, dims) => {
    const bytes = scaledBy(node, dims);
    const network = Network.read(bytes);
    const x = pictures(2);
    const own = await imported(network, x, BACKENDS[0]!);
    // float32 sums over 256 pixels in another order.
    expectClose(own.data, (await bare(bytes, network, x, 3)).data, 2e-6, node.op);
  });

  it.each(["ReduceMax", "ReduceMin"])("%s of no values is infinite, as the standard has it", (op) => {
    const network = Network.read(scaledBy({ op, inputs: ["a"], attributes: { keepdims: 0 } }, [0]));
    const [y] = network.run(input("x", [2, 16, 16, 3]), ASIS);
    expect(y!.shape).toEqual([2, 3]);
  });

  it("a product over some axes is refused", () => {
    const network = Network.read(
      scaledBy({ op: "ReduceProd", inputs: ["a"], attributes: { axes: [0], keepdims: 0 } }, [2, 3]),
    );
    expect(() => network.run(input("x", [2, 16, 16, 3]), ASIS)).toThrowError(
      /ReduceProd.* over axes \[0\], and not over all/,
    );
  });
});
