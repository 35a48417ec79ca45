import { describe, expect, it } from "vitest";
import { turnPicture } from "../../src/data/turn.ts";

const SIDE = 28;
const shape = { height: SIDE, width: SIDE, channels: 1 };

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
      const turned = turnPicture(hump(6, 0), shape, angle);
      const expected = hump(6 * Math.cos(angle), -6 * Math.sin(angle));
      const inside = (i: number) => Math.hypot((i % SIDE) - 13.5, Math.floor(i / SIDE) - 13.5) < 14;
      const worst = Math.max(...Array.from(turned, (value, i) => (inside(i) ? Math.abs(value - expected[i]!) : 0)));
      // Bilinear values and the mean over a pixel each lower the top by about h² / 8 of the curvature: 240 / 9 · (1/4 + 1/12) = 9.
      expect(worst, `${degrees} degrees`).toBeLessThan(10);
    }
  });

  it("leaves nothing outside of the inscribed circle", () => {
    const turned = turnPicture(new Uint8Array(SIDE * SIDE).fill(255), shape, 0.3);
    turned.forEach((value, i) => {
      const radius = Math.hypot((i % SIDE) - 13.5, Math.floor(i / SIDE) - 13.5);
      if (radius > 14) expect(value).toBe(0);
      // One and a half pixels within the circle every place that is read lies in the picture.
      if (radius < 12.5) expect(value).toBe(255);
    });
  });
});
