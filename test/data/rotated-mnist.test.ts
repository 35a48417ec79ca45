import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.ts";
import { inMemory } from "../../src/data/pixels.ts";
import { parseIdx } from "../../src/data/readers/idx.ts";
import { rotatedMnistFolder, turn } from "../../src/data/sets/rotated-mnist.ts";

const SIDE = 28;

describe("turning a picture", () => {
  // Smooth, so that its values between pixels are known: a Gaussian hump of 3 pixels beside the centre.
  const hump = (x0: number, y0: number) =>
    Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
      const [x, y] = [(i % SIDE) - 13.5, Math.floor(i / SIDE) - 13.5];
      return Math.round(240 * Math.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 18));
    });

  it("moves what is right of the centre to the place at that angle, counterclockwise as seen (y points down)", () => {
    for (const degrees of [30, 90, 200, 345]) {
      const angle = (degrees * Math.PI) / 180;
      const turned = turn(hump(6, 0), SIDE, angle);
      const expected = hump(6 * Math.cos(angle), -6 * Math.sin(angle));
      const inside = (i: number) => Math.hypot((i % SIDE) - 13.5, Math.floor(i / SIDE) - 13.5) < 14;
      const worst = Math.max(...Array.from(turned, (value, i) => (inside(i) ? Math.abs(value - expected[i]!) : 0)));
      // Bilinear values and the mean over a pixel each lower the top by about h² / 8 of the curvature: 240 / 9 · (1/4 + 1/12) = 9.
      expect(worst, `${degrees} degrees`).toBeLessThan(10);
    }
  });

  it("leaves nothing outside of the inscribed circle", () => {
    const turned = turn(new Uint8Array(SIDE * SIDE).fill(255), SIDE, 0.3);
    turned.forEach((value, i) => {
      const radius = Math.hypot((i % SIDE) - 13.5, Math.floor(i / SIDE) - 13.5);
      if (radius > 14) expect(value).toBe(0);
      // One and a half pixels within the circle every place that is read lies in the picture.
      if (radius < 12.5) expect(value).toBe(255);
    });
  });
});

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
