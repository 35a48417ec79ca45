// Which kind of kernel computes each op. Every op of the language has a row, and each kind has a table of its own that is
// typed by the names of that kind: a new op does not compile before this backend knows it.
import type { OpName } from "../../graph/ops/index.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { internalOps } from "./internal-ops.ts";

/** The name of an op that this backend meets, but for inputs and constants. */
export type Name = OpName | keyof typeof internalOps;

/**
 * - `pointwise`: value by value, in registers (wasm/pointwise.ts)
 * - `view`: the values of its operand in another order, which readers follow (view.ts)
 * - `copies`: written in several passes (copies.ts)
 * - `reduction`: a loop that adds or compares (wasm/loop.ts)
 * - `rows`: row by row, at addresses that are data (wasm/rows.ts)
 * - `product`: a primitive of the library's (products.ts)
 * - `composed`: rewritten to the others beforehand (expand.ts)
 */
export type Kind = "pointwise" | "view" | "copies" | "reduction" | "rows" | "product" | "composed";

const KINDS = {
  neg: "pointwise",
  abs: "pointwise",
  sign: "pointwise",
  floor: "pointwise",
  exp: "pointwise",
  log: "pointwise",
  sqrt: "pointwise",
  square: "pointwise",
  reciprocal: "pointwise",
  sin: "pointwise",
  cos: "pointwise",
  tanh: "pointwise",
  sigmoid: "pointwise",
  softplus: "pointwise",
  erf: "pointwise",
  relu: "pointwise",
  leakyRelu: "pointwise",
  step: "pointwise",
  elu: "pointwise",
  clip: "pointwise",
  add: "pointwise",
  sub: "pointwise",
  mul: "pointwise",
  div: "pointwise",
  maximum: "pointwise",
  minimum: "pointwise",
  pow: "pointwise",
  greater: "pointwise",
  greaterEqual: "pointwise",
  equal: "pointwise",
  and: "pointwise",
  or: "pointwise",
  not: "pointwise",
  where: "pointwise",
  cast: "pointwise",
  copy: "pointwise",
  reshape: "view",
  transpose: "view",
  slice: "view",
  reverse: "view",
  broadcast: "view",
  im2col: "view",
  pad: "copies",
  concat: "copies",
  col2im: "copies",
  interleave: "copies",
  sum: "reduction",
  max: "reduction",
  argmax: "rows",
  gather: "rows",
  scatterAdd: "rows",
  gridSample: "rows",
  matmul: "product",
  conv2d: "product",
  conv2dTranspose: "product",
  conv2dWeightGrad: "product",
  softmax: "composed",
  logSoftmax: "composed",
  logSumExp: "composed",
  maxPool: "composed",
  takeAlong: "composed",
} as const satisfies Readonly<Record<Name, Kind>>;

/** The names of the ops of one kind. */
export type NameOf<K extends Kind> = { [N in Name]: (typeof KINDS)[N] extends K ? N : never }[Name];

const BY_NAME: Readonly<Record<string, Kind>> = KINDS;

/** The kind of a node's op; undefined for inputs and constants. */
export const kindOf = ({ op: { name } }: Tensor): Kind | undefined => BY_NAME[name];

/** A node whose op is of one kind. */
export type NodeOf<K extends Kind> = Tensor & { readonly op: { readonly name: NameOf<K> } };

/** Whether a node's op is of this kind; inputs and constants are of none. */
export const isOfKind = <K extends Kind>(kind: K, node: Tensor): node is NodeOf<K> => kindOf(node) === kind;
