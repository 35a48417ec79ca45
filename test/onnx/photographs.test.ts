// The features of EfficientNet-Lite0 on photographs, as onnxruntime computes the file itself.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { gather, range } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { Network } from "../../src/onnx/import/network.ts";
import { BACKENDS, DATA } from "../helpers.ts";
import { bare, imported } from "./helpers.ts";

const FILE = DATA && join(DATA, "backbones/efficientnet-lite0.onnx");
const PHOTOGRAPHS = DATA && join(DATA, "caltech10");
const isHere = FILE && PHOTOGRAPHS && existsSync(FILE) && existsSync(PHOTOGRAPHS);

describe.skipIf(!isHere)("EfficientNet-Lite0 on photographs of caltech10 (needs GENCLASS_DATA)", () => {
  it.each(BACKENDS)("gives onnxruntime's features on $name", { tags: ["long"] }, async (backend) => {
    const bytes = readFileSync(FILE!);
    const network = Network.read(bytes);
    const { test } = await open(PHOTOGRAPHS!, { image: { height: 224, width: 224 }, resize: "fill" });
    // Some of each class.
    const count = 10;
    const index = range(0, count).map((i) => Math.floor((i * test!.labels.length) / count));
    const pixels = await gather(test!, index);
    const pictures = ndarray(
      "float32",
      [count, 224, 224, 3],
      Float32Array.from(pixels, (value) => value / 255),
    );
    const expected = await bare(bytes, network, pictures, 1280);
    const found = await imported(network, pictures, backend);
    let worst = 0;
    for (let i = 0; i < expected.data.length; i++)
      worst = Math.max(worst, Math.abs(expected.data[i]! - found.data[i]!));
    // Features reach about 5; float32 sums of up to 1,152 terms in 33 layers, in another order.
    expect(worst).toBeLessThan(1e-4);
    expect(Math.max(...expected.data)).toBeGreaterThan(1);
  });
});
