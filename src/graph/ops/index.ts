// Every op record, as one list (tests run over it), and the functions that build nodes.
import type { OpDef } from "../tensor.ts";
import { conv2dFilterOp, conv2dOp, conv2dTransposeOp } from "./conv.ts";
import { binaryOps, castOp, notOp, ops as unaryOps, whereOp } from "./elementwise.ts";
import { gatherOp, scatterAddOp } from "./gather.ts";
import { matmulOp } from "./matmul.ts";
import { patchesOp, unpatchesOp } from "./patches.ts";
import { maxPoolOp } from "./pool.ts";
import { argmaxOp, logSoftmaxOp, logSumExpOp, maxOp, softmaxOp, sumOp } from "./reduce.ts";
import { broadcastOp, concatOp, padOp, reshapeOp, sliceOp, transposeOp } from "./shape.ts";

export const OPS: readonly OpDef[] = [
  ...Object.values(unaryOps),
  ...Object.values(binaryOps),
  ...[notOp, whereOp, castOp, sumOp, maxOp, argmaxOp, logSumExpOp, softmaxOp, logSoftmaxOp],
  ...[reshapeOp, transposeOp, sliceOp, padOp, concatOp, broadcastOp],
  ...[matmulOp, patchesOp, unpatchesOp, conv2dOp, conv2dTransposeOp, conv2dFilterOp, maxPoolOp, gatherOp, scatterAddOp],
];

export { type ConvOptions, conv2d, conv2dTranspose } from "./conv.ts";
export {
  abs,
  add,
  and,
  cast,
  clip,
  cos,
  div,
  elu,
  equal,
  erf,
  exp,
  floor,
  gelu,
  greater,
  greaterEqual,
  leakyRelu,
  less,
  lessEqual,
  log,
  maximum,
  minimum,
  mul,
  neg,
  not,
  or,
  pow,
  reciprocal,
  relu,
  sigmoid,
  sign,
  sin,
  softplus,
  sqrt,
  square,
  step,
  sub,
  tanh,
  where,
} from "./elementwise.ts";
export { gather, gridSample, oneHot, scatterAdd } from "./gather.ts";
export { matmul } from "./matmul.ts";
export { patches, unpatches } from "./patches.ts";
export { avgPool, depthwiseConv2d, type Interpolation, maxPool, resize } from "./pool.ts";
export { argmax, logSoftmax, logSumExp, max, mean, softmax, sum, sumTo, variance } from "./reduce.ts";
export { broadcast, concat, flatten, pad, reshape, slice, sliceAxis, split, stack, transpose } from "./shape.ts";
export type { Size, Window, WindowOptions } from "./window.ts";
