// The smallest comparison and search that train: two nets of a few channels on a few glyphs.
import { writeFileSync } from "node:fs";
import type { CompareCall } from "../../src/experiments/compare.ts";
import type { Comparison } from "../../src/experiments/comparison.ts";
import { encodeModel } from "../../src/onnx/schema.ts";
import { Random } from "../../src/random/random.ts";

/** Two models, one seed, two epochs. */
export const smallCall = (data: string, out: string): CompareCall => ({
  ...{ data, out, models: ["cnn", "vae"], seeds: 1, epochs: 2, batch: 20, threads: 1, backend: "onnx" },
  options: { cnn: { width: 4, hidden: 8 }, vae: { width: 4, hidden: 8, latent: 2 } },
});

/** Writes a network that is one convolution over colour pictures, of which the means are the features. @returns its path */
export function tinyNetwork(path: string): string {
  const dims = [8, 3, 3, 3];
  const random = new Random(1, "tiny network");
  const data = Float32Array.from({ length: 8 * 3 * 3 * 3 }, () => random.uniform() - 0.5);
  const plain = (op: string, input: string, output: string) => ({
    ...{ op, inputs: [input], outputs: [output], attributes: {} },
  });
  const bytes = encodeModel({
    name: "tiny",
    nodes: [
      {
        ...{ op: "Conv", inputs: ["picture", "weights"], outputs: ["map"] },
        attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
      },
      plain("Relu", "map", "positive"),
      plain("GlobalAveragePool", "positive", "pooled"),
      plain("Flatten", "pooled", "features"),
    ],
    constants: [{ name: "weights", type: "float32", dims, data: new Uint8Array(data.buffer) }],
    inputs: [{ name: "picture", type: "float32", dims: ["n", 3, "h", "w"] }],
    outputs: [{ name: "features", type: "float32", dims: ["n", 8] }],
  });
  writeFileSync(path, bytes);
  return path;
}

/** What does not depend on the speed and the memory of the machine. */
export const withoutTimes = ({ rows, cells }: Comparison): unknown => [
  rows.map(({ fitSeconds, fitSecondsSd, msPerPicture, msOnePicture, peakMb, ...row }) => row),
  cells.map(({ trained: { seconds, peakBytes, ...trained }, ...cell }) => ({ ...cell, ...trained })),
];
