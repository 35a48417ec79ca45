// The language of computation: immutable nodes, each an op applied to inputs. A node's identity is the object itself.
import { type DType, type NdArray, ndarray, type Shape, type TypedArray } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import type { Emitter } from "./emitter.ts";

/** What an op needs to know beside its inputs; plain data, so that equal nodes are found by comparing it. */
export type Attrs = Readonly<Record<string, unknown>>;

/** A symbolic value. Image tensors are `[n, h, w, c]` throughout. */
export interface Tensor<A extends Attrs = Attrs> {
  /** What makes the value. */
  readonly op: OpDef;
  /** What it is made of. */
  readonly inputs: readonly Tensor[];
  /** What the op must know beside its inputs. */
  readonly attrs: A;
  /** Sizes of its axes. */
  readonly shape: Shape;
  /** Type of its elements. */
  readonly dtype: DType;
}

/** The shape and element type of a value. */
export interface TensorType {
  shape: Shape;
  dtype: DType;
}

/** The adjoints of an op's inputs from `dy`, the adjoint of its result; each has the shape of its input. */
export type GradRule<A extends Attrs = Attrs> = (
  node: Tensor<A>,
  dy: Tensor,
  needs: readonly boolean[],
) => readonly (Tensor | undefined)[];

/** All that is true of an op, in one record. */
// biome-ignore lint/suspicious/noExplicitAny: attributes differ from op to op; each record names its own.
export interface OpDef<A extends Attrs = any> {
  /** As it is printed. */
  readonly name: string;
  /** Shape and type of the result; throws `E_SHAPE`, `E_DTYPE`, `E_AXIS` on what does not fit. */
  infer(inputs: readonly Tensor[], attrs: A): TensorType;
  /** The value, in float64 (the oracle for every backend). `out` is the inferred type. */
  evaluate(inputs: readonly NdArray[], attrs: A, out: TensorType): TypedArray;
  /**
   * The derivative. A rule gives the adjoints of the inputs as graphs; `needs[i]` tells which are wanted, and the others may
   * be undefined. "zero": the result is piecewise constant in every input, so nothing flows back. "none": no derivative is
   * known, and `grad` refuses to pass.
   */
  readonly grad: GradRule<A> | "zero" | "none";
  /** Multiplications, each with its addition, that the value takes. Absent for ops that are no product of matrices or convolution. */
  multiplyAdds?(node: Tensor<A>): number;
  /** Emits ONNX nodes and returns the name of the result. */
  lower(emit: Emitter, node: Tensor<A>, inputs: readonly string[]): string;
}

/** Applies an op: checks and infers, then makes the node. */
export function apply<A extends Attrs>(op: OpDef<A>, inputs: readonly Tensor[], attrs: A): Tensor<A> {
  const { shape, dtype } = op.infer(inputs, attrs);
  return { op, inputs, attrs, shape, dtype };
}

function leafLowering(node: Tensor): never {
  fail("E_BACKEND", `internal: leaf ${node.op.name} reached lowering`);
}

/** A named input, fed at run time. */
export const inputOp: OpDef<{ name: string; shape: Shape; dtype: DType }> = {
  name: "input",
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  evaluate: (_, { name }) => fail("E_NAME", `internal: input ${name} has no value`),
  grad: "zero",
  lower: (_, node) => leafLowering(node),
};

/** A constant array. */
export const constantOp: OpDef<{ value: NdArray }> = {
  name: "constant",
  infer: (_, { value }) => ({ shape: value.shape, dtype: value.dtype }),
  evaluate: (_, { value }) => value.data,
  grad: "zero",
  lower: (_, node) => leafLowering(node),
};

/** A value that is fed at run time under `name`. */
export function input(name: string, shape: Shape, dtype: DType = "float32"): Tensor {
  return apply(inputOp, [], { name, shape, dtype });
}

/** A value that is part of the graph. */
export function constant(value: NdArray): Tensor {
  return apply(constantOp, [], { value });
}

/** A constant of one value in every place. */
export function full(shape: Shape, value: number, dtype: DType = "float32"): Tensor {
  return broadcastConstant(value, shape, dtype);
}

/** Scalars keep float64 precision in the interpreter. */
export function scalar(value: number, dtype: DType = "float32"): Tensor {
  const data =
    dtype === "float32" ? Float64Array.of(value) : dtype === "int32" ? Int32Array.of(value) : Uint8Array.of(value);
  return constant({ shape: [], dtype, data });
}

function broadcastConstant(value: number, shape: Shape, dtype: DType): Tensor {
  let size = 1;
  for (const dim of shape) size *= dim;
  return constant(ndarray(dtype, shape, new Array<number>(size).fill(value)));
}

/** Whether a node is a constant; its value is then `attrs.value`. */
export function isConstant(tensor: Tensor): tensor is Tensor<{ value: NdArray }> {
  return tensor.op === constantOp;
}

/** Whether a node is an input; its name is then `attrs.name`. */
export function isInput(tensor: Tensor): tensor is Tensor<{ name: string; shape: Shape; dtype: DType }> {
  return tensor.op === inputOp;
}

/** `float32[64,784]` */
export function typeText({ dtype, shape }: TensorType): string {
  return `${dtype}[${shape.join(",")}]`;
}

/** All nodes that `roots` depend on, inputs before users; deep graphs do not recurse. */
export function topological(roots: readonly Tensor[]): Tensor[] {
  const order: Tensor[] = [];
  const state = new Map<Tensor, boolean>();
  const stack: Tensor[] = [...roots].reverse();
  while (stack.length > 0) {
    const node = stack[stack.length - 1]!;
    const done = state.get(node);
    if (done === undefined) {
      state.set(node, false);
      for (let i = node.inputs.length - 1; i >= 0; i--) if (!state.has(node.inputs[i]!)) stack.push(node.inputs[i]!);
    } else {
      stack.pop();
      if (!done) {
        state.set(node, true);
        order.push(node);
      }
    }
  }
  return order;
}
