// Every op record by its name, and the functions that build nodes.
import type { OpDef } from "../tensor.ts";
import { binaryOps } from "./binary.ts";
import { conv2dOp, conv2dTransposeOp, conv2dWeightGradOp } from "./conv.ts";
import { gatherOp, scatterAddOp, takeAlongOp } from "./gather.ts";
import { gridSampleOp } from "./grid-sample.ts";
import { col2imOp, im2colOp } from "./im2col.ts";
import { matmulOp } from "./matmul.ts";
import { maxPoolOp } from "./pool.ts";
import { argmaxOp, logSoftmaxOp, logSumExpOp, maxOp, softmaxOp, sumOp } from "./reduce.ts";
import { castOp, notOp, whereOp } from "./select.ts";
import { broadcastOp, concatOp, padOp, reshapeOp, reverseOp, sliceOp, transposeOp } from "./shape.ts";
import { unaryOps } from "./unary.ts";

/** Every op of the language by its name, but for the leaves of graphs (inputs and constants). */
export const ops = {
  ...unaryOps,
  ...binaryOps,
  not: notOp,
  where: whereOp,
  cast: castOp,
  sum: sumOp,
  max: maxOp,
  argmax: argmaxOp,
  logSumExp: logSumExpOp,
  softmax: softmaxOp,
  logSoftmax: logSoftmaxOp,
  reshape: reshapeOp,
  reverse: reverseOp,
  transpose: transposeOp,
  slice: sliceOp,
  pad: padOp,
  concat: concatOp,
  broadcast: broadcastOp,
  matmul: matmulOp,
  im2col: im2colOp,
  col2im: col2imOp,
  conv2d: conv2dOp,
  conv2dTranspose: conv2dTransposeOp,
  conv2dWeightGrad: conv2dWeightGradOp,
  maxPool: maxPoolOp,
  gather: gatherOp,
  scatterAdd: scatterAddOp,
  takeAlong: takeAlongOp,
  gridSample: gridSampleOp,
} as const satisfies Readonly<Record<string, OpDef>>;

/** The name of an op of the language: backends key their tables by it, so that none can be forgotten. */
export type OpName = keyof typeof ops;

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
export { type ConvOptions, conv2d, conv2dTranspose, depthwiseConv2d } from "./conv.ts";
export { gather, oneHot, scatterAdd, takeAlong } from "./gather.ts";
export { gridSample } from "./grid-sample.ts";
export { col2im, im2col } from "./im2col.ts";
export { matmul } from "./matmul.ts";
export { avgPool, type Interpolation, maxPool, resize } from "./pool.ts";
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
