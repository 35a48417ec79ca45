import { describe, expect, it } from "vitest";
import { Filters } from "../../../src/data/changes/filters.ts";

const size = { height: 5, width: 5, channels: 1 };
const picture = Uint8Array.from({ length: 25 }, (_, i) => (i * 37) % 256);

describe("strokes", () => {
  it("the largest value of 3x3 makes a dot a square, the smallest one leaves the middle of a square", () => {
    const dot = new Uint8Array(25);
    dot[12] = 200;
    const square = Uint8Array.from({ length: 25 }, (_, i) => {
      const [y, x] = [Math.floor(i / 5), i % 5];
      return Math.abs(y - 2) <= 1 && Math.abs(x - 2) <= 1 ? 200 : 0;
    });
    const grown = dot.slice();
    new Filters(size).stroke(grown, "largest", 1);
    expect(grown).toEqual(square);
    new Filters(size).stroke(grown, "smallest", 1);
    expect(grown).toEqual(dot);
  });

  it.each([
    [5, 5, 1],
    [4, 6, 3],
    [1, 7, 1],
    [3, 1, 3],
  ])("blends with the extreme of the neighbours inside the picture (%ix%ix%i)", (h, w, c) => {
    const bytes = Uint8Array.from({ length: h * w * c }, (_, i) => (i * 71 + 13) % 256);
    for (const [extreme, of] of [
      ["largest", Math.max],
      ["smallest", Math.min],
    ] as const) {
      const out = bytes.slice();
      new Filters({ height: h, width: w, channels: c }).stroke(out, extreme, 0.4);
      out.forEach((value, i) => {
        const [y, x, k] = [Math.floor(i / c / w), Math.floor(i / c) % w, i % c];
        const around: number[] = [];
        for (let row = Math.max(0, y - 1); row <= Math.min(h - 1, y + 1); row++)
          for (let column = Math.max(0, x - 1); column <= Math.min(w - 1, x + 1); column++)
            around.push(bytes[(row * w + column) * c + k]!);
        expect(value, `${extreme} at ${i}`).toBe(Math.round(bytes[i]! + (of(...around) - bytes[i]!) * 0.4));
      });
    }
  });

  it("a share of 0 leaves the picture", () => {
    const out = picture.slice();
    new Filters(size).stroke(out, "largest", 0);
    expect(out).toEqual(picture);
  });
});

describe("sharpness", () => {
  // ImageEnhance.Sharpness of Pillow 13.0.0 at the nine pixels that are not of the edge.
  it.each([
    [0, [143, 82, 79, 131, 149, 146, 100, 117, 134]],
    [0.4, [174, 50, 63, 139, 164, 177, 92, 117, 142]],
    [1, [222, 3, 40, 151, 188, 225, 80, 117, 154]],
    [1.7, [255, 0, 12, 165, 215, 255, 66, 117, 168]],
  ])("by %d has Pillow's values inside; the edge stays", (factor, values) => {
    const out = picture.slice();
    new Filters(size).sharpen(out, factor);
    const expected = picture.slice();
    [6, 7, 8, 11, 12, 13, 16, 17, 18].forEach((i, k) => {
      expected[i] = values[k]!;
    });
    // Pillow rounds the smoothed values to bytes and drops the fraction of the blend: less than one level beyond rounding.
    out.forEach((value, i) => {
      expect(Math.abs(value - expected[i]!), `pixel ${i}`).toBeLessThanOrEqual(1);
    });
  });
});
