// Convolutions of 3x3 taps, or of 4x4 with stride 2, in all three directions, directly and in tiles: the tables of docs/onednn.md. Processor
// time in ms of one thread, the least of N runs, alternately in one process; tiles are asked for, whatever the backend's rule says.
//   npx tsx bench/tiles.ts [onednn|onnx] [--kernel 3|4] [--runs N] [--size 2|4] [--only "64x16x16, 32 -> 64"]
// What is left of the library's code on a processor without AVX-512: DNNL_MAX_CPU_ISA=AVX2.
import { parseArgs } from "node:util";
import { zeros } from "../src/base/array.ts";
import { grad } from "../src/graph/grad.ts";
import * as g from "../src/graph/ops/index.ts";
import { input, type Tensor } from "../src/graph/tensor.ts";
import { TILES, type TileSize } from "../src/graph/winograd.ts";
import { nativeBackend, onednnBackend } from "../src/node.ts";
import { randomInput } from "./inputs.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "12" },
    size: { type: "string", default: "4" },
    kernel: { type: "string", default: "3" },
    only: { type: "string" },
  },
});
const make = positionals[0] === "onnx" ? nativeBackend : onednnBackend;
const size: TileSize = values.size === "2" ? 2 : 4;

const { kernel, stride } = TILES[values.kernel === "4" ? 4 : 3][size];

/** Pictures, pixels a side, channels of pictures and of results. */
type Shape = readonly [images: number, side: number, c: number, o: number];
const OF_STRIDE_1: readonly Shape[] = [
  [64, 16, 32, 64],
  [64, 8, 64, 128],
  [16, 31, 24, 64],
  [32, 15, 64, 64],
  [32, 15, 64, 256],
  [64, 7, 256, 256],
  [128, 3, 256, 256],
  [64, 32, 16, 16],
  [64, 6, 64, 64],
  [64, 5, 64, 128],
];
const OF_STRIDE_2: readonly Shape[] = [
  [128, 14, 32, 64],
  [64, 16, 64, 128],
  [64, 8, 128, 256],
  [128, 14, 48, 96],
  [64, 28, 24, 48],
  [64, 32, 16, 32],
  [32, 64, 32, 64],
  [64, 32, 64, 128],
  [256, 8, 128, 256],
];

/** The least processor time of a graph, directly and in tiles. */
async function times(output: Tensor, feeds: readonly Tensor[]): Promise<[direct: number, tiled: number]> {
  const arrays = Object.fromEntries(
    feeds.map(({ attrs, shape }) => [attrs.name as string, randomInput("", shape, "float32")]),
  );
  const into = { output: zeros(output.shape) };
  const ways = [];
  for (const winograd of [0, size] as const)
    ways.push(await make({ threads: 1, winograd }).compile("tiles", { output }, { mode: "train" }));
  const least: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let run = 0; run < Number(values.runs); run++)
    for (const [i, way] of ways.entries()) {
      const begun = process.cpuUsage();
      await way.run(arrays, into);
      const { user, system } = process.cpuUsage(begun);
      least[i] = Math.min(least[i]!, (user + system) / 1000);
    }
  for (const way of ways) await way.dispose();
  return least;
}

process.stdout.write(
  "| convolution | result | adjoint of pictures | adjoint of weights |\n| --- | --- | --- | --- |\n",
);
for (const [images, side, c, o] of stride === 1 ? OF_STRIDE_1 : OF_STRIDE_2) {
  const name = `${images}x${side}x${side}, ${c} -> ${o}`;
  if (values.only && values.only !== name) continue;
  const x = input("x", [images, side, side, c]);
  const [weights, gradient] = [
    input("weights", [kernel, kernel, c, o]),
    input("gradient", [images, side / stride, side / stride, o]),
  ];
  const y = g.conv2d(x, weights, { stride, padding: 1 });
  const [dx, dw] = grad(g.sum(g.mul(y, gradient)), [x, weights]) as [Tensor, Tensor];
  const cells = [];
  for (const [output, feeds] of [
    [y, [x, weights]],
    [dx, [weights, gradient]],
    [dw, [x, gradient]],
  ] as const) {
    const [direct, tiled] = await times(output, feeds);
    cells.push(`${direct.toPrecision(3)} / ${tiled.toPrecision(3)} = ${(direct / tiled).toFixed(2)}`);
  }
  process.stdout.write(`| ${[name, ...cells].join(" | ")} |\n`);
}
