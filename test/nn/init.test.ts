import { describe, expect, it } from "vitest";
import {
  constantInit,
  glorotUniform,
  heNormal,
  type Initializer,
  identityInit,
  normalInit,
} from "../../src/nn/init.ts";
import { Random } from "../../src/random/random.ts";

const SHAPE = [3, 3, 16, 32];
// 9 taps of 16 channels in, of 32 out.
const [FAN_IN, FAN_OUT] = [144, 288];
const draw = (init: Initializer) => init(SHAPE, new Random(1, "init"));
const mean = (values: Float32Array, power: number) => values.reduce((sum, v) => sum + v ** power, 0) / values.length;
const N = 3 * 3 * 16 * 32;

describe("first values", () => {
  it.each([
    ["heNormal", heNormal, 2 / FAN_IN],
    ["normalInit", normalInit(0.3), 0.09],
  ] as const)("%s: normal values of mean 0 and the variance asked for", (_name, init, variance) => {
    const values = draw(init);
    // Four standard errors: of a mean 1 / √N deviations, of a variance √(2 / N) of it, of a fourth moment √(96 / N).
    expect(Math.abs(mean(values, 1))).toBeLessThan(4 * Math.sqrt(variance / N));
    expect(Math.abs(mean(values, 2) / variance - 1)).toBeLessThan(4 * Math.sqrt(2 / N));
    expect(Math.abs(mean(values, 4) / variance ** 2 - 3)).toBeLessThan(4 * Math.sqrt(96 / N));
  });

  it("glorotUniform: uniform values up to √(6 / (fan in + fan out)) either way", () => {
    const values = draw(glorotUniform);
    const limit = Math.sqrt(6 / (FAN_IN + FAN_OUT));
    const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    // Rounded to float32; none of 4,608 comes as near to the limit as 1 % with probability 0.99^4608.
    expect([most <= limit * (1 + 1e-7), most > 0.99 * limit]).toEqual([true, true]);
    expect(Math.abs(mean(values, 1))).toBeLessThan((4 * limit) / Math.sqrt(3 * N));
    // The squares have the mean 1/3 and the variance 4/45 of the limit's powers.
    expect(Math.abs(mean(values, 2) / limit ** 2 - 1 / 3)).toBeLessThan(4 * Math.sqrt(4 / 45 / N));
  });

  it("of dense weights [in, out] count the inputs and outputs alone", () => {
    const values = heNormal([2000, 3], new Random(1, "init"));
    expect(Math.abs(mean(values, 2) / (2 / 2000) - 1)).toBeLessThan(4 * Math.sqrt(2 / 6000));
  });

  it("constantInit: the constant everywhere", () => {
    expect(constantInit(2.5)([2, 3], new Random(1))).toEqual(new Float32Array(6).fill(2.5));
  });

  it("identityInit: the first filters hand on their channel, those beyond the inputs are uniform up to √(1 / fan in)", () => {
    const values = draw(identityInit);
    const weight = (tap: number, input: number, output: number) => values[(tap * 16 + input) * 32 + output]!;
    for (let tap = 0; tap < 9; tap++)
      for (let input = 0; input < 16; input++)
        for (let output = 0; output < 16; output++)
          expect(weight(tap, input, output)).toBe(tap === 4 && input === output ? 1 : 0);
    const rest = values.filter((_, i) => i % 32 >= 16);
    const limit = Math.sqrt(1 / FAN_IN);
    expect(Math.max(...rest.map(Math.abs))).toBeLessThanOrEqual(limit * (1 + 1e-7));
    // A uniform value's square has the mean 1/3 and the variance 4/45 of the limit's powers; four standard errors.
    expect(Math.abs(mean(rest, 2) / limit ** 2 - 1 / 3)).toBeLessThan(4 * Math.sqrt(4 / 45 / rest.length));
  });
});
