import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { greyLevel } from "../../src/base/grey.ts";
import { Random } from "../../src/random/random.ts";

describe("the grey level of a colour", () => {
  it("is that of the picture library, within the level that its tables round by", async () => {
    const random = new Random(0, "colours");
    const corners = [0, 255].flatMap((r) => [0, 255].flatMap((g) => [0, 255].map((b) => [r, g, b])));
    const colours = [...corners, ...Array.from({ length: 500 }, () => [0, 1, 2].map(() => random.integer(256)))];
    const raw = { width: colours.length, height: 1, channels: 3 } as const;
    const grey = await sharp(Uint8Array.from(colours.flat()), { raw }).toColourspace("b-w").raw().toBuffer();
    expect(grey.length).toBe(colours.length);
    colours.forEach(([r, g, b], i) => {
      expect(Math.abs(greyLevel(r!, g!, b!) - grey[i]!), `${[r, g, b]}`).toBeLessThanOrEqual(1);
    });
  });

  it("of a grey is that grey", () => {
    for (let level = 0; level < 256; level++) expect(greyLevel(level, level, level)).toBe(level);
  });
});
