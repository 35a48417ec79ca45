// What a backend is: it takes a whole graph and returns something that runs. Nothing above runtime/ knows which it is.
import type { NdArray } from "../base/array.ts";
import type { Tensor } from "../graph/tensor.ts";

export type Values = Readonly<Record<string, NdArray>>;

export interface CompileOptions {
  /** `train`: weights change between runs. `infer`: weights are constants of the graph. */
  mode: "train" | "infer";
  /** See `LowerOptions.freeBatch`. */
  freeBatch?: number;
}

export interface Executable {
  /**
   * Computes every output into the arrays given. Inputs and outputs must not share memory; float32 is held as such
   * (not as float64, as the interpreter may).
   */
  run(inputs: Values, outputs: Values): Promise<void>;
  dispose(): Promise<void>;
}

export interface BackendInfo {
  name: string;
  version: string;
}

export interface Backend extends BackendInfo {
  compile(name: string, outputs: Readonly<Record<string, Tensor>>, options: CompileOptions): Promise<Executable>;
  /** Loads a finished `.onnx` file. */
  load(model: Uint8Array): Promise<Executable>;
}
