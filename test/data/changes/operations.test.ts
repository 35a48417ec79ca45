import { describe, expect, it } from "vitest";
import { OPERATIONS, type Operation, pickOperations } from "../../../src/data/changes/operations.ts";
import { Transformer } from "../../../src/data/transform.ts";
import { Random } from "../../../src/random/random.ts";

const grey = { height: 9, width: 12, channels: 1 };
const colour = { height: 9, width: 12, channels: 3 };
const TABLE: Readonly<Record<string, Operation>> = OPERATIONS;

/** A seed at which the first operation picked is the one named. */
function seedOf(name: string): number {
  for (let seed = 0; ; seed++) if (pickOperations(1, grey, new Random(seed))[0] === TABLE[name]) return seed;
}

describe("picked operations", () => {
  it("are as many as asked for, all of the table equally often, saturation in colour alone", () => {
    expect(pickOperations(3, colour, new Random(0))).toHaveLength(3);
    for (const shape of [grey, colour]) {
      const counts = new Map<Operation, number>();
      for (const one of pickOperations(7000, shape, new Random(1))) counts.set(one, (counts.get(one) ?? 0) + 1);
      const known = Object.keys(OPERATIONS).filter((name) => shape === colour || name !== "saturation");
      expect(counts.size).toBe(known.length);
      // 7000 / 14 = 500, with a standard deviation of 22.
      for (const name of known) expect(Math.abs(counts.get(TABLE[name]!)! - 7000 / known.length)).toBeLessThan(100);
    }
  });

  it("move the picture in the one resampling: a rotation by up to 30 degrees is the change `rotate=30`", () => {
    const seed = seedOf("rotate");
    const bytes = Uint8Array.from({ length: 108 }, (_, i) => (i * 71) % 256);
    const [picked, asked] = [bytes.slice(), bytes.slice()];
    new Transformer(grey, { operations: 1 }).apply(picked, 0, new Random(seed));
    // The pick takes the first random number.
    new Transformer(grey, { rotate: 30 }).apply(asked, 0, new Random(seed, 0, 1));
    expect(picked).not.toEqual(bytes);
    expect(picked).toEqual(asked);
  });

  it.each([
    ["shearX", (x: number, y: number, amount: number) => x + amount * y, "x"],
    ["shearY", (x: number, y: number, amount: number) => y + amount * x, "y"],
    ["translateX", (x: number, _: number, amount: number) => x - 12 * amount, "x"],
    ["translateY", (_: number, y: number, amount: number) => y - 9 * amount, "y"],
  ] as const)("%s brings the values of the places that it says", (name, from, axis) => {
    const seed = seedOf(name);
    const [x, y] = [(i: number) => i % 12, (i: number) => Math.floor(i / 12)];
    // A ramp along the axis: bilinear values between two pixels are exact.
    const out = Uint8Array.from({ length: 108 }, (_, i) => 10 + 20 * (axis === "x" ? x(i) : y(i)));
    new Transformer(grey, { operations: 1 }).apply(out, 0, new Random(seed));
    // The pick takes the first random number, the strength the second.
    const amount = (2 * new Random(seed, 0, 1).uniform() - 1) * 0.3;
    const [centre, last] = axis === "x" ? [5.5, 11] : [4, 8];
    out.forEach((value, i) => {
      const place = Math.min(last, Math.max(0, centre + from(x(i) - 5.5, y(i) - 4, amount)));
      // Half a level of rounding, and places to 1/1024 of a pixel.
      expect(Math.abs(value - (10 + 20 * place)), `pixel ${i}`).toBeLessThan(0.6);
    });
  });

  it("change values in the order in which they were picked", () => {
    const names = ["posterize", "solarize"] as const;
    let seed = 0;
    const picked = () => pickOperations(2, grey, new Random(seed));
    while (picked().some((one, k) => one !== TABLE[names[k]!])) seed++;
    const bytes = Uint8Array.from({ length: 108 }, (_, i) => (i * 71) % 256);
    const out = bytes.slice();
    new Transformer(grey, { operations: 2 }).apply(out, 0, new Random(seed));
    const random = new Random(seed, 0, 2);
    const lost = 2 ** (8 - (4 + random.integer(5)));
    const threshold = 256 * random.uniform();
    expect(out).toEqual(
      bytes.map((value) => {
        const kept = value - (value % lost);
        return kept < threshold ? kept : 255 - kept;
      }),
    );
  });
});
