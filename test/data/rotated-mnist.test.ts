import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.ts";
import { inMemory } from "../../src/data/pixels.ts";
import { parseIdx } from "../../src/data/readers/idx.ts";
import { rotatedMnistFolder } from "../../src/data/sets/rotated-mnist.ts";

describe("rotated MNIST", () => {
  const cache = process.env.GENCLASS_CACHE;
  const folder = mkdtempSync(join(tmpdir(), "genclass-rotated-"));
  afterAll(() => {
    if (cache === undefined) delete process.env.GENCLASS_CACHE;
    else process.env.GENCLASS_CACHE = cache;
    rmSync(folder, { recursive: true });
  });

  it("takes 12,000 and 50,000 different ones of 70,000 pictures with their labels, and is made once", async () => {
    process.env.GENCLASS_CACHE = folder;
    // 2x2 pictures of one grey level stand for MNIST: nothing of them is outside the circle but the corners' halves.
    const part = (count: number, first: number) => ({
      ...{ height: 2, width: 2, channels: 1 },
      pixels: inMemory(
        4,
        Uint8Array.from({ length: 4 * count }, (_, i) => (first + (i >> 2)) % 251),
      ),
      labels: Int32Array.from({ length: count }, (_, i) => (first + i) % 250),
    });
    let opened = 0;
    const mnist = async (): Promise<Dataset> => {
      opened++;
      return {
        ...{ name: "mnist", classes: [], mirror: false, warnings: [] },
        ...{ train: part(60_000, 0), test: part(10_000, 60_000) },
      };
    };
    const made = await rotatedMnistFolder(mnist);
    expect(await rotatedMnistFolder(mnist)).toBe(made);
    expect(opened).toBe(1);
    const read = (name: string) => parseIdx(readFileSync(join(made, `${name}-ubyte`)), name);
    expect(read("train-images-idx3").sizes).toEqual([12_000, 2, 2]);
    expect(read("test-images-idx3").sizes).toEqual([50_000, 2, 2]);
    const labels = [...read("train-labels-idx1").data, ...read("test-labels-idx1").data];
    // Each label is on 280 of the 70,000 pictures. Drawn with repetition, 62,000 would have 248 ± 16 of each, and some of the
    // 250 labels more than 280.
    for (let label = 0; label < 250; label++)
      expect(labels.filter((other) => other === label).length).toBeLessThanOrEqual(280);
    // Both parts are drawn from all of MNIST: ± 4 standard deviations of 12,000 draws of the first 125 labels.
    const ofTrain = labels.slice(0, 12_000).filter((label) => label < 125).length;
    expect(Math.abs(ofTrain - 6000)).toBeLessThan(4 * Math.sqrt(12_000 / 4));
  });
});
