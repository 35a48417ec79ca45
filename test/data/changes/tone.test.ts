import { describe, expect, it } from "vitest";
import { type Recolouring, recolour } from "../../../src/data/changes/colour.ts";
import {
  applyByHistogram,
  applyCurve,
  autocontrast,
  equalize,
  gamma,
  posterize,
  solarize,
} from "../../../src/data/changes/curves.ts";

/** What `ImageOps` of Pillow 13.0.0 makes of each level of a picture of 32x32 pixels, pixel i being min(255, (i%8)^3//2 + (i//8)%5). */
const LEVELS = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 14, 15, 16, 17, 32, 33, 34, 35, 36, 62, 63, 64, 65, 66, 108, 109, 110, 111, 112, 171,
  172, 173, 174, 175,
];
const EQUALIZED = [
  0, 17, 35, 52, 69, 94, 103, 111, 120, 128, 137, 145, 154, 162, 171, 179, 188, 197, 205, 213, 222, 231, 239, 248, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255,
];
const STRETCHED = [
  0, 1, 2, 4, 5, 7, 8, 10, 11, 18, 20, 21, 23, 24, 46, 48, 49, 51, 52, 90, 91, 93, 94, 96, 157, 158, 160, 161, 163, 249,
  250, 252, 253, 255,
];
const picture = Uint8Array.from({ length: 1024 }, (_, i) => Math.min(255, (((i % 8) ** 3) >> 1) + ((i >> 3) % 5)));

describe("curves", () => {
  it.each([
    ["equalize", equalize, EQUALIZED],
    ["autocontrast", autocontrast, STRETCHED],
  ] as const)("%s has Pillow's levels, in each channel by itself", (_, curveOf, levels) => {
    const expected = Uint8Array.from(picture, (value) => levels[LEVELS.indexOf(value)]!);
    const grey = picture.slice();
    applyByHistogram(grey, 1, curveOf);
    expect(grey).toEqual(expected);
    // The picture between channels of a single level, which stay as they are.
    const beside = (bytes: Uint8Array) =>
      Uint8Array.from({ length: 3072 }, (_, i) => (i % 3 === 1 ? bytes[(i - 1) / 3]! : 90));
    const colour = beside(picture);
    applyByHistogram(colour, 3, curveOf);
    expect(colour).toEqual(beside(expected));
  });

  it("equalize and autocontrast leave a picture of one level", () => {
    for (const curveOf of [equalize, autocontrast]) {
      const flat = new Uint8Array(1024).fill(77);
      applyByHistogram(flat, 1, curveOf);
      expect(flat).toEqual(new Uint8Array(1024).fill(77));
    }
  });

  it("posterize keeps the highest bits; solarize inverts from its threshold on", () => {
    const bytes = Uint8Array.of(0, 7, 8, 100, 127, 128, 255);
    const made = (curve: Uint8Array) => {
      const out = bytes.slice();
      applyCurve(out, curve);
      return [...out];
    };
    expect(made(posterize(8))).toEqual([...bytes]);
    expect(made(posterize(5))).toEqual([0, 0, 8, 96, 120, 128, 248]);
    expect(made(posterize(1))).toEqual([0, 0, 0, 0, 0, 128, 128]);
    expect(made(solarize(256))).toEqual([...bytes]);
    expect(made(solarize(100))).toEqual([0, 7, 8, 155, 128, 127, 0]);
  });

  it("gamma is 255 (v / 255)^exponent, rounded", () => {
    for (const exponent of [0.5, 1, 1.4, 3])
      expect([...gamma(exponent)]).toEqual(
        Array.from({ length: 256 }, (_, value) => Math.round(255 * (value / 255) ** exponent)),
      );
  });
});

describe("colours", () => {
  // ImageEnhance of Pillow 13.0.0 on four pixels; it drops fractions, and this rounds; its luma has other last digits.
  it.each<[Recolouring, number[]]>([
    [{ saturation: 0 }, [124, 124, 124, 81, 81, 81, 120, 120, 120, 133, 133, 133]],
    [{ saturation: 0.4 }, [154, 114, 94, 52, 84, 136, 120, 120, 120, 91, 159, 103]],
    [{ saturation: 1.7 }, [253, 83, 0, 0, 96, 255, 120, 120, 120, 0, 246, 8]],
    [{ brightness: 0.5 }, [100, 50, 25, 5, 45, 110, 60, 60, 60, 15, 100, 30]],
    [{ brightness: 1.7 }, [255, 170, 85, 17, 153, 255, 204, 204, 204, 51, 255, 102]],
  ])("%o has the values of Pillow's enhancement, within two levels", (amounts, expected) => {
    const bytes = Uint8Array.of(200, 100, 50, 10, 90, 220, 120, 120, 120, 30, 200, 60);
    recolour(bytes, { height: 2, width: 2, channels: 3 }, amounts);
    expected.forEach((value, i) => {
      expect(Math.abs(bytes[i]! - value), `byte ${i}`).toBeLessThanOrEqual(2);
    });
  });

  it("contrast scales the differences from the mean", () => {
    const bytes = Uint8Array.of(40, 60, 100, 200);
    recolour(bytes, { height: 2, width: 2, channels: 1 }, { contrast: 0.5 });
    expect([...bytes]).toEqual([70, 80, 100, 150]);
  });
});
