import { describe, expect, it } from "vitest";
import type { ImageSet } from "../../src/data/dataset.ts";
import { whyNotMirrored } from "../../src/data/mirrored.ts";
import { inMemory } from "../../src/data/pixels.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { Random } from "../../src/random/random.ts";

const SIDE = 16;

/** Colour pictures whose value at (x, y) of class c is `draw(c, x, y, shift)`, with noise; `shift` is drawn for each picture. */
function drawn(
  perClass: number,
  classes: number,
  draw: (label: number, x: number, y: number, shift: number) => number,
): ImageSet {
  const random = new Random(0, "drawn");
  const labels = Int32Array.from({ length: perClass * classes }, (_, i) => i % classes);
  const size = SIDE * SIDE * 3;
  const pixels = new Uint8Array(labels.length * size);
  labels.forEach((label, n) => {
    const shift = Math.floor(5 * random.uniform()) - 2;
    for (let i = 0; i < SIDE * SIDE; i++)
      for (let k = 0; k < 3; k++)
        pixels[n * size + 3 * i + k] = draw(label, i % SIDE, Math.floor(i / SIDE), shift) + 30 * random.uniform();
  });
  return { height: SIDE, width: SIDE, channels: 3, pixels: inMemory(size, pixels), labels };
}

/** A wedge that points to the right, as wide at its left as it is high. */
const wedge = (x: number, y: number, shift: number) =>
  Math.abs(y - 8) < (12 + shift - x) / 2 && x > 2 + shift ? 200 : 20;

describe("mirror images", () => {
  it("that look like pictures of another class are told, from five pictures a class on", async () => {
    for (const perClass of [5, 40]) {
      const set = drawn(perClass, 3, (label, x, y, shift) =>
        label === 2 ? wedge(y, x, shift) : wedge(label ? SIDE - 1 - x : x, y, shift),
      );
      const why = await whyNotMirrored(set, ["right", "left", "down"]);
      expect(why).toMatch(/"right" and "left" look like each other/);
    }
  });

  it("of characters are told, whatever their classes are called", async () => {
    const { train, classes } = glyphs({ colour: true });
    const words = classes.map((name) => `the ${name}`);
    expect(await whyNotMirrored(train, words)).toMatch(/^the nearest picture is of the same class for \d+ % of/);
  });

  it("that look like their class are not, nor what nothing is seen in", async () => {
    const bars = drawn(20, 2, (label, x, y, shift) => (Math.abs((label ? x : y) - 8 - shift) < 2 ? 200 : 20));
    expect(await whyNotMirrored(bars, ["lying", "standing"])).toBeUndefined();
    // All point to the same side: their mirror images do not, and are still of the same shape.
    const shoes = drawn(20, 2, (label, x, y, shift) => (label ? wedge(x, y, shift) : 0.5 * wedge(x, 2 * y - 8, shift)));
    expect(await whyNotMirrored(shoes, ["thick", "thin"])).toBeUndefined();
    const noise = drawn(50, 10, () => 100);
    expect(await whyNotMirrored(noise, [..."abcdefghij"])).toBeUndefined();
    expect(await whyNotMirrored({ ...bars, labels: bars.labels.map(() => -1) }, ["lying", "standing"])).toBeUndefined();
  });
});
