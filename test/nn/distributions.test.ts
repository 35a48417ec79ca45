import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { constant, type Tensor } from "../../src/graph/tensor.ts";
import { bernoulli, categorical, discretizedLogistic, gaussian } from "../../src/nn/distributions.ts";
import { Random } from "../../src/random/random.ts";

const f64 = (values: number[], shape: number[] = [values.length]): Tensor =>
  constant({ shape, dtype: "float32", data: Float64Array.from(values) } satisfies NdArray);
const value = (x: Tensor) => Array.from(interpret([x])[0]!.data);

describe("gaussian", () => {
  it("logProb equals the density formula", () => {
    const [x, m, v] = [0.3, -0.2, 0.5];
    expect(value(gaussian.logProb(f64([x]), f64([m]), f64([Math.log(v)])))[0]).toBeCloseTo(
      -0.5 * (Math.log(2 * Math.PI * v) + (x - m) ** 2 / v),
      12,
    );
  });

  it("kl(N(mean, s²) ‖ N(0, 1)) equals the closed form, and kl to another with N(0, 1)", () => {
    const [m, s2] = [0.7, 0.3];
    const expected = 0.5 * (m * m + s2 - Math.log(s2) - 1);
    expect(value(gaussian.klToStandard(f64([m]), f64([Math.log(s2)])))[0]).toBeCloseTo(expected, 12);
    expect(value(gaussian.kl(f64([m]), f64([Math.log(s2)]), f64([0]), f64([0])))[0]).toBeCloseTo(expected, 12);
  });

  it("kl equals the mean of log-ratios over samples within 4 standard errors", () => {
    const n = 20_000;
    const noise = new Float32Array(n);
    new Random(1, "kl").fillNormal(noise);
    const [m, l, m2, l2] = [0.5, -0.4, -0.2, 0.3].map((v) => f64(new Array(n).fill(v)));
    const x = gaussian.sample(m!, l!, f64([...noise]));
    const [p, q] = [value(gaussian.logProb(x, m!, l!)), value(gaussian.logProb(x, m2!, l2!))];
    const ratios = p.map((a, i) => a - q[i]!);
    const mean = ratios.reduce((a, b) => a + b) / n;
    const deviation = Math.sqrt(ratios.reduce((t, r) => t + (r - mean) ** 2, 0) / n);
    expect(Math.abs(mean - value(gaussian.kl(m!, l!, m2!, l2!))[0]!)).toBeLessThan((4 * deviation) / Math.sqrt(n));
  });
});

describe("bernoulli", () => {
  it("logProb equals x ln p + (1 - x) ln(1 - p), and stays finite for a logit of ±200", () => {
    const p = 1 / (1 + Math.exp(-0.8));
    expect(value(bernoulli.logProb(f64([0.3]), f64([0.8])))[0]).toBeCloseTo(
      0.3 * Math.log(p) + 0.7 * Math.log(1 - p),
      12,
    );
    expect(value(bernoulli.logProb(f64([0, 1]), f64([200, -200])))).toEqual([-200, -200]);
  });
});

describe("samples", () => {
  it("of a Bernoulli are 1 where the noise lies below the probability, of a logistic its quantiles", () => {
    const logits = f64([0, 0, Math.log(3), Math.log(3)]);
    expect(value(bernoulli.sample(logits, f64([0.49, 0.51, 0.74, 0.76])))).toEqual([1, 0, 1, 0]);
    // The quantile of u is mean + scale · ln(u / (1 - u)).
    const [mean, logScale] = [f64([0.4, 0.4, 0.4]), f64([-1, -1, -1])];
    expect(value(discretizedLogistic.sample(mean, logScale, f64([0.5, 0.75, 0.1])))).toEqual(
      [0.4, 0.4 + Math.exp(-1) * Math.log(3), 0.4 - Math.exp(-1) * Math.log(9)].map((q) => expect.closeTo(q, 12)),
    );
  });

  it("of a categorical are one class each, as often as it is probable within 4 standard errors", () => {
    const n = 20_000;
    const p = [0.6, 0.3, 0.1];
    const noise = new Float32Array(3 * n);
    new Random(1, "gumbel").fillUniform(noise);
    const logits = f64(Array.from({ length: n }, () => p.map((q) => Math.log(q) + 7)).flat(), [n, 3]);
    const codes = value(categorical.sample(logits, f64([...noise], [n, 3])));
    const counts = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      const row = codes.slice(3 * i, 3 * i + 3);
      expect([...row].sort()).toEqual([0, 0, 1]);
      counts[row.indexOf(1)]!++;
    }
    p.forEach((q, k) => {
      expect(Math.abs(counts[k]! / n - q)).toBeLessThan(4 * Math.sqrt((q * (1 - q)) / n));
    });
  });
});

describe("categorical", () => {
  const logits = f64([1, 2, 0.5], [1, 3]);
  const total = Math.exp(1) + Math.exp(2) + Math.exp(0.5);
  it("logProb is the log of the softmax share, and 0 without a label", () => {
    const label = (i: number) => constant(ndarray("int32", [1], [i]));
    expect(value(categorical.logProb(label(1), logits))[0]).toBeCloseTo(2 - Math.log(total), 12);
    expect(value(categorical.logProb(label(-1), logits))[0]).toBeCloseTo(0, 12);
  });
  it("entropy is -Σ p ln p, kl is Σ p ln(p / q), whatever is added to all logits", () => {
    const [p, q] = [
      [0.5, 0.25, 0.25],
      [0.2, 0.2, 0.6],
    ] as const;
    const [a, b] = [p.map((v) => Math.log(v) + 2), q.map((v) => Math.log(v) - 5)].map((row) => f64(row, [1, 3]));
    expect(value(categorical.entropy(a!))[0]).toBeCloseTo(1.5 * Math.LN2, 12);
    const expected = 0.5 * Math.log(0.5 / 0.2) + 0.25 * Math.log(0.25 / 0.2) + 0.25 * Math.log(0.25 / 0.6);
    expect(value(categorical.kl(a!, b!))[0]).toBeCloseTo(expected, 12);
    expect(value(categorical.kl(a!, a!))[0]).toBeCloseTo(0, 12);
  });
});

describe("discretizedLogistic", () => {
  it("gives 256 grey levels probabilities that add up to 1", () => {
    const n = 256;
    const x = f64(Array.from({ length: n }, (_, i) => i / 255));
    const logs = value(discretizedLogistic.logProb(x, f64(new Array(n).fill(0.4)), f64(new Array(n).fill(-2))));
    expect(logs.reduce((t, v) => t + Math.exp(v), 0)).toBeCloseTo(1, 9);
  });
});
