// What an op's lowering writes to: ONNX nodes and constants by name. Implemented in onnx/lower.ts.
import type { DType, Shape, TypedArray } from "../base/array.ts";
import type { TileSize } from "./winograd.ts";

/** A whole number, a float, a text or a list of whole numbers. */
export type OnnxAttribute = number | { readonly float: number } | string | readonly number[];
/** The attributes of an ONNX node by name. */
export type OnnxAttributes = Readonly<Record<string, OnnxAttribute>>;

/** What the lowering of an op writes ONNX nodes to; values go by their names in the ONNX graph. */
export interface Emitter {
  /**
   * `train`: weights are inputs and gradients share intermediate results, so convolutions are column matrices and Gemm.
   * `infer`: weights are constants, so onnxruntime's own Conv and its blocked layouts are faster.
   */
  readonly mode: "train" | "infer";
  /** Tiles that every convolution of 3x3 taps with stride 1 or 4x4 with stride 2 is compiled for training in, 0: none; undefined: where they are faster (`ops/choices.ts`). */
  readonly winograd: TileSize | 0 | undefined;
  /** Adds a node with one output; an equal node is shared. */
  node(op: string, inputs: readonly string[], attributes?: OnnxAttributes): string;
  /** A one-dimensional int64 constant (axes, pads, sizes). */
  ints(values: readonly number[]): string;
  /** An int32 constant of any shape (gather indices). */
  indices(values: Int32Array, dims: readonly number[]): string;
  /** A constant of any shape; one whose values are in the same array is shared. */
  constant(dtype: DType, shape: Shape, values: TypedArray): string;
  /** A scalar constant. */
  scalar(value: number, dtype?: DType): string;
  /** A float32 constant of one value. */
  filled(dims: readonly number[], value: number): string;
  /** `input` with new sizes; a size that depends on the batch stays free when the batch is. */
  reshape(input: string, shape: readonly number[]): string;
}
