/** What is computed of a convolution: its result, or the adjoint of its picture or of its weights. */
export type Direction = "forward" | "data" | "weights";
