import { describe, expect, it } from "vitest";
import { gather, type ImageSet } from "../../src/data/dataset.ts";
import { inMemory } from "../../src/data/pixels.ts";
import { binarisedMnist } from "../../src/data/sets/binarised-mnist.ts";

describe("binarised MNIST", () => {
  it("has pixels 0 and 255 alone, by their grey level, drawn once and for all and apart for each part", async () => {
    const N = 4000;
    // Pictures of four pixels: black, white, and two that are white with the probability 0.2.
    const part = (): ImageSet => ({
      ...{ height: 2, width: 2, channels: 1 },
      pixels: inMemory(
        4,
        Uint8Array.from({ length: 4 * N }, (_, i) => [0, 255, 51, 51][i % 4]!),
      ),
      labels: new Int32Array(N),
    });
    const mnist = { classes: ["a", "b"], mirror: false, warnings: [], train: part(), test: part() };
    const [once, again] = [await binarisedMnist(mnist), await binarisedMnist(mnist)];
    const [train, test] = [await gather(once.train), await gather(once.test!)];
    expect(await gather(again.train)).toEqual(train);
    expect(await gather(again.test!)).toEqual(test);
    expect(test).not.toEqual(train);
    expect(new Set(train)).toEqual(new Set([0, 255]));
    const whites = [0, 1, 2, 3].map((p) => train.filter((byte, i) => i % 4 === p && byte === 255).length);
    expect(whites.slice(0, 2)).toEqual([0, N]);
    // Four standard deviations of a binomial count.
    for (const count of whites.slice(2)) expect(Math.abs(count - 0.2 * N)).toBeLessThan(4 * Math.sqrt(0.16 * N));
  });
});
