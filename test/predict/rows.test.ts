import { describe, expect, it } from "vitest";
import { rowsAtOnce } from "../../src/predict/rows.ts";

describe("rows that are computed at once", () => {
  it("are as many as ever of small pictures, fewer of large ones, and one of the largest", () => {
    const of = (side: number, channels: number) => rowsAtOnce({ height: side, width: side, channels });
    expect([of(28, 1), of(32, 3), of(96, 3), of(224, 3), of(2000, 3)]).toEqual([256, 256, 64, 8, 1]);
    // Two million values at most, and no fewer rows than that asks for.
    for (const side of [29, 64, 100, 150, 300, 800])
      for (const channels of [1, 3]) {
        const [rows, size] = [of(side, channels), side * side * channels];
        expect(Math.log2(rows) % 1).toBe(0);
        expect(rows * size).toBeLessThanOrEqual(2 ** 21);
        expect(rows === 256 || 2 * rows * size > 2 ** 21).toBe(true);
      }
  });
});
