import { describe, expect, it } from "vitest";
import { halfToNumber, numberToHalf } from "../../src/base/half.ts";

describe("half floats", () => {
  it("are the nearest to a value, and back", () => {
    const all = Array.from({ length: 0x10000 }, (_, bits) => bits);
    const changed = all.filter((bits) => {
      const value = halfToNumber(bits);
      return !Number.isNaN(value) && numberToHalf(value) !== bits;
    });
    expect(changed).toEqual([]);
    expect(numberToHalf(1 + 2 ** -11)).toBe(numberToHalf(1));
    expect(numberToHalf(1 + 3 * 2 ** -11)).toBe(numberToHalf(1 + 2 ** -9));
    expect(halfToNumber(numberToHalf(Math.PI))).toBeCloseTo(Math.PI, 2);
    expect(numberToHalf(1e6)).toBe(0x7c00);
    expect(halfToNumber(numberToHalf(Number.NaN))).toBeNaN();
  });
});
