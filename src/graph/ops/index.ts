// Every op record, as one list (tests run over it), and the functions that build nodes.
import type { OpDef } from "../tensor.ts";
import { binaryOps } from "./binary.ts";
import { conv2dFilterOp, conv2dOp, conv2dTransposeOp } from "./conv.ts";
import { gatherOp, scatterAddOp } from "./gather.ts";
import { gridSampleOp } from "./grid-sample.ts";
import { matmulOp } from "./matmul.ts";
import { patchesOp, unpatchesOp } from "./patches.ts";
import { maxPoolOp } from "./pool.ts";
import { argmaxOp, logSoftmaxOp, logSumExpOp, maxOp, softmaxOp, sumOp } from "./reduce.ts";
import { castOp, notOp, whereOp } from "./select.ts";
import { broadcastOp, concatOp, padOp, reshapeOp, reverseOp, sliceOp, transposeOp } from "./shape.ts";
import { unaryOps } from "./unary.ts";

export const OPS: readonly OpDef[] = [
  ...Object.values(unaryOps),
  ...Object.values(binaryOps),
  ...[notOp, whereOp, castOp, sumOp, maxOp, argmaxOp, logSumExpOp, softmaxOp, logSoftmaxOp],
  ...[reshapeOp, reverseOp, transposeOp, sliceOp, padOp, concatOp, broadcastOp],
  ...[
    matmulOp,
    patchesOp,
    unpatchesOp,
    conv2dOp,
    conv2dTransposeOp,
    conv2dFilterOp,
    maxPoolOp,
    gatherOp,
    scatterAddOp,
    gridSampleOp,
  ],
];

export {
  add,
  and,
  div,
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  maximum,
  minimum,
  mul,
  or,
  pow,
  sub,
} from "./binary.ts";
export { type ConvOptions, conv2d, conv2dTranspose } from "./conv.ts";
export { gather, oneHot, scatterAdd } from "./gather.ts";
export { gridSample } from "./grid-sample.ts";
export { matmul } from "./matmul.ts";
export { patches, unpatches } from "./patches.ts";
export { avgPool, depthwiseConv2d, type Interpolation, maxPool, resize } from "./pool.ts";
export { argmax, logSoftmax, logSumExp, max, mean, softmax, sum, sumTo, variance } from "./reduce.ts";
export { cast, not, where } from "./select.ts";
export {
  broadcast,
  concat,
  flatten,
  pad,
  reshape,
  reverse,
  slice,
  sliceAxis,
  split,
  stack,
  transpose,
} from "./shape.ts";
export {
  abs,
  clip,
  cos,
  elu,
  erf,
  exp,
  floor,
  gelu,
  leakyRelu,
  log,
  neg,
  reciprocal,
  relu,
  sigmoid,
  sign,
  sin,
  softplus,
  sqrt,
  square,
  step,
  tanh,
} from "./unary.ts";
export type { Size, Window, WindowOptions } from "./window.ts";
