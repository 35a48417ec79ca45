// Ops that are not of the graph language: this backend's own rewriting makes them, and its kernels compute them.
import { apply, type OpDef, type Tensor } from "../../graph/tensor.ts";

const onnxHasNone = (name: string) => (): never => {
  throw new Error(`internal: ${name} is oneDNN's alone`);
};

/** The value itself, stored: where a kernel reads better from a copy than through a view. */
const copyOp: OpDef<Record<string, never>> = {
  name: "copy",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  evaluate: ([x]) => x!.data,
  grad: (_node, dy) => [dy],
  lower: onnxHasNone("copy"),
};

/** Pixels of several pictures side by side; see `interleave`. */
const interleaveOp: OpDef<{ stride: readonly [number, number] }> = {
  name: "interleave",
  infer([x], { stride }) {
    const [n, c, h, w] = x!.shape as readonly [number, number, number, number];
    return { shape: [n, h * stride[0], w * stride[1], c], dtype: x!.dtype };
  },
  evaluate() {
    throw new Error("internal: interleave has no value of its own");
  },
  grad: "none",
  lower: onnxHasNone("interleave"),
};

/** The ops by name. */
export const internalOps = { copy: copyOp, interleave: interleaveOp } as const;

/** `x`, stored once more. */
export const copy = (x: Tensor): Tensor => apply(copyOp, [x], {});

/**
 * Pictures `[n, c, h, w]`, as many as `stride[0] * stride[1]`, to one `[n, h * stride[0], w * stride[1], c]`: the first gives
 * the pixels at row and column 0 of each tile of `stride`, the second those in the next column, and so on.
 */
export const interleave = (pictures: readonly Tensor[], stride: readonly [number, number]): Tensor =>
  apply(interleaveOp, pictures, { stride });
