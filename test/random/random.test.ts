import { describe, expect, it } from "vitest";
import { fill } from "../../src/random/fill.ts";
import { Random } from "../../src/random/random.ts";
import { threefry2x32 } from "../../src/random/threefry.ts";

const hex = (values: Uint32Array) => [...values].map((value) => value.toString(16).padStart(8, "0"));

describe("Threefry-2x32-20", () => {
  // Known-answer vectors of the Random123 distribution (kat_vectors, threefry2x32 20).
  it.each([
    [0, 0, 0, 0, ["6b200159", "99ba4efe"]],
    [-1, -1, -1, -1, ["1cb996fc", "bb002be7"]],
    [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, ["c4923a9c", "483df7a0"]],
  ])("of key %i %i, counter %i %i equals the published vector", (k0, k1, c0, c1, expected) => {
    const out = new Uint32Array(2);
    threefry2x32(k0, k1, c0, c1, out, 0);
    expect(hex(out)).toEqual(expected);
  });

  it("of many blocks at once has the words of each, over the end of the counter's lower half and the kernel's memory", () => {
    const [k0, k1] = [0x13198a2e, -5];
    for (const [counter, length] of [
      [0, 1],
      [7, 33],
      [2 ** 32 - 11, 41],
      [3 * 2 ** 32 - 20_000, 2 ** 16 + 77],
    ] as const) {
      const found = { uniform: new Float32Array(length), normal: new Float32Array(length) };
      fill("uniform", k0, k1, counter, found.uniform);
      fill("normal", k0, k1, counter, found.normal);
      const words = new Uint32Array(2);
      for (let i = 0; i < length; i++) {
        const block = counter + Math.floor(i / 2);
        threefry2x32(k0, k1, block | 0, Math.floor(block / 2 ** 32), words, 0);
        if (found.uniform[i] !== ((words[i % 2]! >>> 9) + 0.5) * 2 ** -23) expect.fail(`uniform number ${i}`);
        // Box & Muller in float64. The angle is rounded to float32: π 2^-24, times a radius of at most 6.7; √ and polynomials
        // add some parts in 10^7 each.
        const radius = Math.sqrt(-2 * Math.log((words[0]! + 0.5) / 2 ** 32));
        const angle = (2 * Math.PI * words[1]!) / 2 ** 32;
        const normal = radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
        if (!(Math.abs(found.normal[i]! - normal) < 3e-6)) expect.fail(`${found.normal[i]} in place of ${normal}`);
      }
    }
  });
});

describe("Random", () => {
  it("gives the same numbers from the same seed, stream and counter, and others from another stream", () => {
    const draw = (random: Random) => Array.from({ length: 5 }, () => random.uniform());
    expect(draw(new Random(1, "a"))).toEqual(draw(new Random(1, "a")));
    expect(draw(new Random(1, "a"))).not.toEqual(draw(new Random(1, "b")));
    expect(draw(new Random(1, "a", 3))).toEqual(
      draw(new Random(1, "a"))
        .slice(3)
        .concat(draw(new Random(1, "a", 5)))
        .slice(0, 5),
    );
  });

  it("has standard normal moments: mean within 4 standard errors, variance and fourth moment too", () => {
    const n = 200_000;
    const values = new Float32Array(n);
    new Random(7, "moments").fillNormal(values);
    const moment = (power: number) => values.reduce((total, value) => total + value ** power, 0) / n;
    // Standard errors of the moments of N(0, 1): 1, √2 and √96 over √n.
    expect(Math.abs(moment(1))).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan((4 * Math.SQRT2) / Math.sqrt(n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan((4 * Math.sqrt(96)) / Math.sqrt(n));
  });

  it("stays strictly inside (0, 1) in float32", () => {
    const values = new Float32Array(1 << 20);
    new Random(3).fillUniform(values);
    expect(values.every((value) => value > 0 && value < 1)).toBe(true);
  });

  it("permutes: every number once, another order for another seed", () => {
    const order = new Random(1).permutation(1000);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect([...order]).not.toEqual([...new Random(2).permutation(1000)]);
  });
});
