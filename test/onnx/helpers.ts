// Shared by tests of imported networks: weights as constants, bare onnxruntime as the other opinion.
import { type NdArray, ndarray, sizeOf, zeros } from "../../src/base/array.ts";
import { constant, input } from "../../src/graph/tensor.ts";
import type { Network } from "../../src/onnx/import/network.ts";
import type { Weights } from "../../src/onnx/import/weights.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { wasmBackend } from "../../src/runtime/wasm.ts";

/** The weights as the file has them. */
export const ASIS: Weights = { parameter: (_, value) => constant(value), statistic: (_, value) => constant(value) };

/** The values `[n, h, w, c]` as `[n, c, h, w]`. */
export function channelsFirst({ shape, data }: NdArray): NdArray {
  const [n, h, w, c] = shape as readonly number[] as [number, number, number, number];
  const out = new Float32Array(data.length);
  for (let i = 0; i < n; i++)
    for (let p = 0; p < h * w; p++)
      for (let k = 0; k < c; k++) out[(i * c + k) * h * w + p] = data[(i * h * w + p) * c + k]!;
  return ndarray("float32", [n, c, h, w], out);
}

/**
 * What the file's first output is for pictures, as onnxruntime computes the file itself: the WebAssembly build, as 1.28 errs in
 * the mean of a window that `ceil_mode` takes over the padding that counts.
 */
export async function bare(bytes: Uint8Array, network: Network, pictures: NdArray, width: number): Promise<NdArray> {
  const executable = await wasmBackend().load(bytes);
  const output = zeros([pictures.shape[0]!, width]);
  const feed = network.input.channelsFirst ? channelsFirst(pictures) : pictures;
  await executable.run({ [network.input.name]: feed }, { [network.outputs[0]!]: output });
  await executable.dispose();
  return output;
}

/** What the file's first output is for pictures, as a backend computes the imported network. */
export async function imported(network: Network, pictures: NdArray, backend: Backend): Promise<NdArray> {
  const [output] = network.run(input("pictures", pictures.shape), ASIS);
  const executable = await backend.compile("imported", { output: output! }, { mode: "infer" });
  const found = zeros(output!.shape);
  await executable.run({ pictures }, { output: found });
  await executable.dispose();
  return ndarray("float32", [output!.shape[0]!, sizeOf(output!.shape.slice(1))], found.data);
}
