// Activations that oneDNN applies to a product on its way to memory.
import type { Attrs, Tensor } from "../../graph/tensor.ts";
import type { Elementwise } from "./api.ts";
import type { PointwiseName } from "./wasm/pointwise.ts";

const ACTIVATIONS: Readonly<Record<string, (attrs: Attrs) => Elementwise>> = {
  relu: () => ({ kind: "relu", alpha: 0 }),
  leakyRelu: ({ alpha }) => ({ kind: "relu", alpha: alpha as number }),
  tanh: () => ({ kind: "tanh", alpha: 0 }),
  sigmoid: () => ({ kind: "logistic", alpha: 0 }),
} satisfies Partial<Record<PointwiseName, (attrs: Attrs) => Elementwise>>;

/** What a node is as a post-operation of the product that it is applied to; undefined when it is none. */
export const postOperation = ({ op, attrs }: Tensor): Elementwise | undefined => ACTIVATIONS[op.name]?.(attrs);
