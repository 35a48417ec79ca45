// One table of op cases drives three tests: onnxruntime equals the oracle, derivatives of order 1 and 2 equal
// finite differences, and every op of the language occurs.
import { type NdArray, ndarray, type Shape } from "../../src/base/array.ts";
import * as g from "../../src/graph/ops/index.ts";
import { makeWindow } from "../../src/graph/ops/window.ts";
import { constant, type Tensor } from "../../src/graph/tensor.ts";

export interface OpCase {
  title: string;
  /** Shapes of float inputs. */
  inputs: readonly Shape[];
  build(...x: Tensor[]): Tensor;
  /** Values of inputs; -1..1 when absent. */
  range?: readonly [number, number];
  /** Highest order of derivative to check; 2 when absent. That of a piecewise constant op is zero, and so are its differences. */
  order?: 1 | 2;
}

const int = (values: number[]): Tensor => constant(ndarray("int32", [values.length], values));
const bools = (values: number[]): Tensor => constant(ndarray("bool", [values.length], values) as NdArray);
const unary = (name: string, f: (x: Tensor) => Tensor, more: Partial<OpCase> = {}): OpCase => ({
  title: name,
  inputs: [[3, 5]],
  build: f,
  ...more,
});
const binary = (name: string, f: (a: Tensor, b: Tensor) => Tensor, more: Partial<OpCase> = {}): OpCase => ({
  title: `${name}, broadcasting`,
  inputs: [
    [2, 3, 4],
    [3, 1],
  ],
  build: f,
  ...more,
});

export const CASES: readonly OpCase[] = [
  unary("neg", g.neg),
  unary("abs", g.abs),
  unary("sign", g.sign),
  unary("floor", g.floor, { range: [-3, 3] }),
  unary("exp", g.exp),
  unary("log", g.log, { range: [0.5, 2] }),
  unary("sqrt", g.sqrt, { range: [0.5, 2] }),
  unary("square", g.square),
  unary("reciprocal", g.reciprocal, { range: [0.5, 2] }),
  unary("sin", g.sin),
  unary("cos", g.cos),
  unary("tanh", g.tanh),
  unary("sigmoid", g.sigmoid),
  unary("softplus", g.softplus, { range: [-30, 30] }),
  unary("erf", g.erf, { range: [-3, 3] }),
  unary("gelu", g.gelu, { range: [-3, 3] }),
  unary("relu", g.relu),
  unary("leakyRelu", (x) => g.leakyRelu(x, 0.3)),
  unary("step", (x) => g.step(x, 0.25)),
  unary("elu", (x) => g.elu(x, 0.7)),
  unary("clip", (x) => g.clip(x, -0.4, 0.5)),
  binary("add", g.add),
  binary("sub", g.sub),
  binary("mul", g.mul),
  binary("div", g.div, { range: [0.5, 2] }),
  binary("maximum", g.maximum),
  binary("minimum", g.minimum),
  binary("pow", g.pow, { range: [0.5, 2] }),
  binary("greater", (a, b) => g.cast(g.greater(a, b), "float32")),
  binary("greaterEqual", (a, b) => g.cast(g.greaterEqual(a, b), "float32")),
  binary("equal", (a, b) => g.cast(g.equal(g.floor(g.mul(a, 2)), g.floor(g.mul(b, 2))), "float32")),
  binary("and, or, not", (a, b) =>
    g.cast(g.or(g.and(g.greater(a, b), g.greater(a, 0)), g.not(g.less(b, 0))), "float32"),
  ),
  binary("where", (a, b) => g.where(bools([1, 0, 0, 1]), a, b)),
  {
    title: "cast to int32 and back",
    inputs: [[4]],
    range: [-9, 9],
    build: (x) => g.cast(g.cast(x, "int32"), "float32"),
  },
  { title: "sum over leading axes", inputs: [[3, 4, 5]], build: (x) => g.sum(x, [0, 1]) },
  { title: "sum over the middle, kept", inputs: [[3, 4, 5]], build: (x) => g.sum(x, 1, true) },
  { title: "mean of all", inputs: [[3, 4]], build: (x) => g.mean(x) },
  { title: "variance", inputs: [[3, 4]], build: (x) => g.variance(x, 0) },
  { title: "max", inputs: [[3, 4, 5]], build: (x) => g.max(x, [0, 2]) },
  { title: "argmax", inputs: [[3, 7]], build: (x) => g.cast(g.argmax(x), "float32") },
  { title: "logSumExp", inputs: [[3, 4, 5]], range: [-40, 40], build: (x) => g.logSumExp(x, [1]) },
  { title: "softmax", inputs: [[3, 5]], range: [-4, 4], build: g.softmax },
  { title: "logSoftmax", inputs: [[3, 5]], range: [-4, 4], build: g.logSoftmax },
  { title: "reshape", inputs: [[3, 4]], build: (x) => g.reshape(x, [2, -1]) },
  { title: "transpose", inputs: [[2, 3, 4]], build: (x) => g.transpose(x, [2, 0, 1]) },
  { title: "slice", inputs: [[4, 6]], build: (x) => g.slice(x, [1, 0], [2, 3], [1, 2]) },
  { title: "slice with a stride that leaves a rest", inputs: [[7, 3]], build: (x) => g.sliceAxis(x, 0, 1, 7, 3) },
  { title: "reverse", inputs: [[2, 3, 4]], build: (x) => g.reverse(x!, 1) },
  { title: "pad", inputs: [[2, 3]], build: (x) => g.pad(x, [1, 0], [0, 2], 0.5) },
  {
    title: "concat",
    inputs: [
      [2, 3],
      [2, 2],
    ],
    build: (a, b) => g.concat([a, b, a], 1),
  },
  {
    title: "stack",
    inputs: [
      [2, 3],
      [2, 3],
    ],
    build: (a, b) => g.stack([a, b], 1),
  },
  { title: "split", inputs: [[2, 6]], build: (x) => g.mul(g.split(x, 3)[0]!, g.split(x, 3)[2]!) },
  { title: "broadcast", inputs: [[3, 1]], build: (x) => g.broadcast(x, [2, 3, 4]) },
  ...(
    [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const
  ).flatMap(([ta, tb]): OpCase[] => [
    {
      title: `matmul ${ta ? "Aᵀ" : "A"} ${tb ? "Bᵀ" : "B"}`,
      inputs: [ta ? [4, 3] : [3, 4], tb ? [5, 4] : [4, 5], [5]],
      build: (a, b, bias) => g.matmul(a!, b!, ta, tb, bias),
    },
    {
      title: `batched matmul ${ta ? "Aᵀ" : "A"} ${tb ? "Bᵀ" : "B"}`,
      inputs: [ta ? [2, 4, 3] : [2, 3, 4], tb ? [1, 5, 4] : [1, 4, 5]],
      build: (a, b) => g.matmul(a!, b!, ta, tb),
    },
  ]),
  {
    title: "matmul, batch on the left only",
    inputs: [[2, 3, 4], [4, 5], [5]],
    build: (a, b, bias) => g.matmul(a!, b!, false, false, bias),
  },
  {
    title: "im2col",
    inputs: [[2, 5, 4, 3]],
    build: (x) => g.im2col(x, makeWindow([3, 2], [5, 4], { stride: [2, 1], padding: 1 }), 0.3),
  },
  {
    title: "im2col of many channels",
    inputs: [[1, 4, 4, 17]],
    build: (x) => g.im2col(x, makeWindow([3, 3], [4, 4], { padding: 1 })),
  },
  {
    title: "col2im",
    inputs: [[2, 2, 2, 4, 3]],
    build: (x) => g.col2im(x, makeWindow([2, 2], [4, 4], { stride: 2 }), [4, 4]),
  },
  {
    title: "col2im with overlap",
    inputs: [[2, 3, 3, 9, 2]],
    build: (x) => g.col2im(x, makeWindow([3, 3], [5, 5], { stride: 2, padding: 1 }), [5, 5]),
  },
  ...(
    [
      ["k3 s1 same", [3, 3], { padding: "same" }],
      ["k4 s2 p1", [4, 4], { stride: 2, padding: 1 }],
      ["k3x2 s2x1, uneven padding", [3, 2], { stride: [2, 1], padding: [1, 0, 0, 1] }],
      ["k3 dilated", [3, 3], { dilation: 2, padding: 2 }],
      ["k2 s3: pixels that no tap reads", [2, 2], { stride: 3 }],
      ["k3 s2 dilated", [3, 3], { stride: 2, dilation: 2, padding: 2 }],
      ["k1", [1, 1], {}],
    ] as [string, [number, number], g.ConvOptions][]
  ).flatMap(([title, [kh, kw], options]): OpCase[] =>
    [2, 16].flatMap((c): OpCase[] => {
      const window = makeWindow([kh, kw], [6, 5], options);
      const oh =
        Math.floor((6 + window.padding[0] + window.padding[2] - (kh - 1) * window.dilation[0] - 1) / window.stride[0]) +
        1;
      const ow =
        Math.floor((5 + window.padding[1] + window.padding[3] - (kw - 1) * window.dilation[1] - 1) / window.stride[1]) +
        1;
      return [
        {
          title: `conv2d ${title}, ${c} channels`,
          inputs: [[2, 6, 5, c], [kh, kw, c, 3], [3]],
          build: (x, w, bias) => g.conv2d(x!, w!, { ...options, bias }),
        },
        {
          title: `conv2dTranspose ${title}, ${c} channels`,
          inputs: [
            [2, oh, ow, 3],
            [kh, kw, c, 3],
          ],
          build: (y, w) => g.conv2dTranspose(y!, w!, [6, 5], options),
        },
      ];
    }),
  ),
  {
    title: "conv2d k3 s1, channels in whole vectors",
    inputs: [[2, 6, 5, 4], [3, 3, 4, 8], [8]],
    build: (x, w, bias) => g.conv2d(x!, w!, { padding: "same", bias }),
  },
  {
    title: "conv2dTranspose k3 s1, channels in whole vectors",
    inputs: [
      [2, 6, 5, 8],
      [3, 3, 4, 8],
    ],
    build: (y, w) => g.conv2dTranspose(y!, w!, [7, 6], { padding: [0, 1, 1, 0] }),
  },
  {
    // Columns of 18 MiB: made in tiles of the batch (see choices.ts).
    title: "conv2d with many columns",
    inputs: [
      [3, 40, 40, 128],
      [3, 3, 128, 2],
    ],
    build: (x, w) => g.conv2d(x!, w!, { padding: 1 }),
    order: 1,
  },
  {
    title: "conv2dTranspose with many columns",
    inputs: [
      [3, 40, 40, 128],
      [3, 3, 2, 128],
    ],
    build: (y, w) => g.conv2dTranspose(y!, w!, [40, 40], { padding: 1 }),
    order: 1,
  },
  {
    title: "conv2d in groups",
    inputs: [[2, 4, 4, 4], [3, 3, 2, 6], [6]],
    build: (x, w, bias) => g.conv2d(x!, w!, { groups: 2, padding: 1, bias }),
  },
  {
    title: "conv2dTranspose in groups",
    inputs: [
      [2, 3, 3, 6],
      [3, 3, 2, 6],
    ],
    build: (y, w) => g.conv2dTranspose(y!, w!, [5, 6], { groups: 3, stride: 2, padding: 1 }),
  },
  {
    title: "depthwiseConv2d with a bias, dilated",
    inputs: [[2, 6, 5, 20], [3, 3, 20], [20]],
    build: (x, w, bias) => g.depthwiseConv2d(x!, w!, { dilation: [2, 1], padding: [2, 1, 2, 1], bias }),
    order: 1,
  },
  {
    title: "depthwiseConv2d",
    inputs: [
      [2, 5, 5, 3],
      [3, 3, 3],
    ],
    build: (x, w) => g.depthwiseConv2d(x!, w!, { stride: 2, padding: 1 }),
  },
  { title: "maxPool", inputs: [[2, 4, 6, 3]], build: (x) => g.maxPool(x, 2) },
  {
    title: "maxPool with overlap and padding",
    inputs: [[2, 5, 5, 3]],
    build: (x) => g.maxPool(x, 3, { stride: 2, padding: 1 }),
  },
  { title: "avgPool", inputs: [[2, 4, 6, 3]], build: (x) => g.avgPool(x, 2) },
  { title: "resize nearest", inputs: [[2, 3, 4, 2]], build: (x) => g.resize(x, [6, 8], "nearest") },
  { title: "resize bilinear, uneven", inputs: [[2, 3, 4, 2]], build: (x) => g.resize(x, [5, 3], "bilinear") },
  { title: "gather", inputs: [[4, 3]], build: (x) => g.gather(x, int([3, 0, 3])) },
  { title: "scatterAdd", inputs: [[3, 2]], build: (x) => g.scatterAdd(x, int([3, 0, 3]), [5, 2]) },
  {
    title: "takeAlong",
    inputs: [[2, 3]],
    build: (x) => g.takeAlong(x, constant(ndarray("int32", [2, 4], [2, 0, 2, 1, 0, 0, 1, 2]))),
  },
  { title: "oneHot", inputs: [[3, 4]], build: (x) => g.mul(x, g.oneHot(int([2, -1, 0]), 4)) },
  {
    title: "gridSample",
    inputs: [
      [2, 4, 5, 3],
      [2, 3, 2, 2],
    ],
    range: [-0.9, 0.9],
    build: (x, grid) => g.gridSample(x!, grid!),
  },
  {
    title: "gridSample beyond the edges, six channels",
    inputs: [
      [2, 3, 4, 6],
      [2, 5, 4, 2],
    ],
    range: [-2, 2],
    build: (x, grid) => g.gridSample(x!, grid!),
  },
  {
    title: "gridSample of a single row",
    inputs: [
      [2, 1, 5, 1],
      [2, 2, 3, 2],
    ],
    build: (x, grid) => g.gridSample(x!, grid!),
  },
];
