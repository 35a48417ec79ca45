// What a backend is: it takes a whole graph and returns something that runs. Nothing above runtime/ knows which it is.
import type { DType, NdArray, Shape } from "../base/array.ts";
import type { Tensor } from "../graph/tensor.ts";

export type Values = Readonly<Record<string, NdArray>>;

export interface CompileOptions {
  /** `train`: weights change between runs. `infer`: weights are constants of the graph, and products are float32. */
  mode: "train" | "infer";
  /** See `LowerOptions.freeBatch`. */
  freeBatch?: number;
  /**
   * Outputs that will be given the array of the input they name: the new value replaces the old one. Only for a backend
   * that works `inPlace`.
   */
  aliases?: Readonly<Record<string, string>>;
}

export interface Executable {
  /**
   * Computes every output into the arrays given. Inputs and outputs must not share memory, but for `aliases`; float32 is
   * held as such (not as float64, as the interpreter may).
   */
  run(inputs: Values, outputs: Values): Promise<void>;
  dispose(): Promise<void>;
}

export interface BackendInfo {
  name: string;
  version: string;
  /** For people: what it found on this machine. */
  details?: string;
}

export interface Backend extends BackendInfo {
  /** Whether a step may write new values over old ones; if not, a program keeps two arrays for each. */
  readonly inPlace: boolean;
  /** Zeros where this backend reads and writes without a copy. */
  allocate(shape: Shape, dtype: DType): NdArray;
  /** Ends the use of an array of `allocate`. */
  release(array: NdArray): void;
  compile(name: string, outputs: Readonly<Record<string, Tensor>>, options: CompileOptions): Promise<Executable>;
  /** Loads a finished `.onnx` file. */
  load(model: Uint8Array): Promise<Executable>;
}
