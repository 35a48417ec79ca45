// What a graph costs, by what its ops say of themselves.
import { type Tensor, topological } from "./tensor.ts";

/** Multiplications, each with its addition, of the matrix products and convolutions that `roots` depend on, each node once. */
export const multiplyAdds = (roots: readonly Tensor[]): number =>
  topological(roots).reduce((sum, node) => sum + (node.op.multiplyAdds?.(node) ?? 0), 0);
