// The smallest comparison and search that train: two nets of a few channels on a few glyphs.
import { writeFileSync } from "node:fs";
import type { CompareCall, CompareEvent, Comparison } from "../../src/experiments/compare.ts";
import { compare } from "../../src/experiments/compare.ts";
import { encodeModel } from "../../src/onnx/schema.ts";
import { randomArray } from "../helpers.ts";

/** Two models, one seed, two epochs. */
export const smallCall = (data: string, out: string): CompareCall => ({
  ...{ data, out, models: ["cnn", "vae"], seeds: 1, epochs: 2, batch: 20, threads: 1, backend: "onnx" },
  options: { cnn: { width: 4, hidden: 8 }, vae: { width: 4, hidden: 8, latent: 2 } },
});

/** Writes a network that is one convolution over colour pictures, of which the means are the features. @returns its path */
export function tinyNetwork(path: string): string {
  const [dims, scale] = [[8, 3, 3, 3], 0.5];
  const data = Float32Array.from(randomArray(dims, 1, [-scale, scale]).data);
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

/** All that a comparison tells, and what it found. */
export async function finished(call: CompareCall): Promise<{ events: CompareEvent[]; comparison: Comparison }> {
  const events: CompareEvent[] = [];
  for await (const event of compare(call)) events.push(event);
  const end = events.at(-1)!;
  if (end.type !== "end") throw new Error("a comparison ended without saying so");
  return { events, comparison: end.comparison };
}

/** What does not depend on the speed and the memory of the machine. */
export const withoutTimes = ({ rows, cells }: Comparison): unknown => [
  rows.map(({ fitSeconds, fitSecondsSd, msPerPicture, msOnePicture, peakMb, ...row }) => row),
  cells.map(({ trained: { seconds, peakBytes, ...trained }, ...cell }) => ({ ...cell, ...trained })),
];
