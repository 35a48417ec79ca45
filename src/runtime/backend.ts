// What a backend is: it takes a whole graph and returns something that runs. Nothing above runtime/ knows which it is.
import type { DType, NdArray, Shape } from "../base/array.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Arrays by the name of the input or output they are for. */
export type Values = Readonly<Record<string, NdArray>>;

/** What a graph is compiled for. */
export interface CompileOptions {
  /** `train`: weights change between runs. `infer`: weights are constants of the graph, and products are float32. */
  mode: "train" | "infer";
  /** See `LowerOptions.freeBatch`. */
  freeBatch?: number;
  /**
   * Outputs that replace the value of the input they name. A backend that works `inPlace` is given one array for both; for others
   * both are arrays of `allocate`.
   */
  aliases?: Readonly<Record<string, string>>;
}

/** A compiled graph. A run may be asked for before the ones before it have ended. */
export interface Executable {
  /**
   * Computes every output into the arrays given. Inputs and outputs must not share memory, but for `aliases`; float32 is
   * held as such (not as float64, as the interpreter may).
   * @throws `E_NAME` when an input has no array, `E_SHAPE` when an array has another size or type than the graph says,
   *   `E_BACKEND` when the computation fails
   */
  run(inputs: Values, outputs: Values): Promise<void>;
  /** Frees the memory, after the runs that are in flight; nothing may be run afterwards. */
  dispose(): Promise<void>;
}

/** How a backend calls itself. */
export interface BackendInfo {
  name: string;
  version: string;
  /** For people: what it found on this machine. */
  details?: string;
  /** Threads that compute: with another number, sums are added in another order. */
  threads: number;
}

/** A library that computes graphs, and the memory it reads and writes best. */
export interface Backend extends BackendInfo {
  /** Whether a step may write new values over old ones; if not, a program keeps two arrays for each. */
  readonly inPlace: boolean;
  /** Zeros where this backend reads and writes without a copy. */
  allocate(shape: Shape, dtype: DType): NdArray;
  /** Ends the use of an array of `allocate`. */
  release(array: NdArray): void;
  /**
   * Compiles the graph of `outputs`; `name` is for messages.
   * @throws `E_BACKEND` when the library refuses it
   */
  compile(name: string, outputs: Readonly<Record<string, Tensor>>, options: CompileOptions): Promise<Executable>;
  /** Loads a finished `.onnx` file. */
  load(model: Uint8Array): Promise<Executable>;
}

/** A backend, and where it is not all that was asked for. */
export interface ChosenBackend {
  /** What computes. */
  readonly backend: Backend;
  /** A sentence for each difference: fewer threads than asked for; why it is not the faster one. */
  readonly notes: readonly string[];
}
