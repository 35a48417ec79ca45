import { describe, expect, it } from "vitest";
import { interpret } from "../../src/graph/interpret.ts";
import { constant, type Tensor } from "../../src/graph/tensor.ts";
import { drawBinary, LIKELIHOODS } from "../../src/nn/likelihoods.ts";
import { Build } from "../../src/nn/scope.ts";
import { randomArray } from "../helpers.ts";

const f64 = (values: ArrayLike<number>, shape: number[]): Tensor =>
  constant({ shape, dtype: "float32", data: Float64Array.from(values) });
const numbers = (x: Tensor, feeds = {}): number[] => Array.from(interpret([x], feeds)[0]!.data);
const sigma = (x: number) => 1 / (1 + Math.exp(-x));

/** The probability of a level, 0..255, as a difference of the distribution function: PixelCNN++, on the scale -1..1. */
function levelProbability(level: number, centre: number, scale: number): number {
  const x = (2 * level) / 255 - 1;
  const upper = level === 255 ? 1 : sigma((x + 1 / 255 - centre) / scale);
  const lower = level === 0 ? 0 : sigma((x - 1 / 255 - centre) / scale);
  return upper - lower;
}

describe("the logistic mixture", () => {
  const K = 5;
  const { logistic } = LIKELIHOODS;

  it("gives a pixel of three channels the probability of PixelCNN++'s formula, at the edges and inside", () => {
    expect(logistic.maps(3)).toBe(10 * K);
    const maps = Array.from(randomArray([10 * K], 3, [-1, 1]).data);
    const [logits, ...rest] = Array.from({ length: 10 }, (_, i) => maps.slice(i * K, (i + 1) * K));
    // Red: centre, log-scale; green: the same and one coefficient; blue: two.
    const [red, redScale, green, greenScale, ofRed, blue, blueScale, blueOfRed, blueOfGreen] = rest;
    const total = logits!.reduce((sum, l) => sum + Math.exp(l), 0);
    for (const levels of [
      [0, 255, 128],
      [17, 0, 255],
      [200, 90, 3],
    ] as const) {
      const [r, gr, b] = levels;
      const [R, G] = [(2 * r) / 255 - 1, (2 * gr) / 255 - 1];
      let expected = 0;
      for (let k = 0; k < K; k++)
        expected +=
          (Math.exp(logits![k]!) / total) *
          levelProbability(r, red![k]!, Math.exp(redScale![k]!)) *
          levelProbability(gr, green![k]! + Math.tanh(ofRed![k]!) * R, Math.exp(greenScale![k]!)) *
          levelProbability(
            b,
            blue![k]! + Math.tanh(blueOfRed![k]!) * R + Math.tanh(blueOfGreen![k]!) * G,
            Math.exp(blueScale![k]!),
          );
      const x = f64(
        levels.map((level) => level / 255),
        [1, 1, 1, 3],
      );
      const found = numbers(logistic.logProb(new Build(false).root, x, f64(maps, [1, 1, 1, 10 * K])))[0]!;
      expect(found).toBeCloseTo(Math.log(expected), 9);
    }
  });

  it("gives 256 levels probabilities that add up to 1, for scales far below and above a level", () => {
    for (const logScale of [-9, -5, 0, 3]) {
      const row = [...new Array(K).fill(0), ...[-0.9, -0.2, 0, 0.31, 0.8], ...new Array(K).fill(logScale)];
      const x = f64(
        Array.from({ length: 256 }, (_, i) => i / 255),
        [256, 1, 1, 1],
      );
      const maps = f64(Array.from({ length: 256 }, () => row).flat(), [256, 1, 1, 3 * K]);
      const logs = numbers(logistic.logProb(new Build(false).root, x, maps));
      expect(logs.every(Number.isFinite)).toBe(true);
      expect(logs.reduce((sum, log) => sum + Math.exp(log), 0)).toBeCloseTo(1, 9);
    }
  });

  it("shows the mean of its centres", () => {
    // One component has all the weight; its red is 0.5 on the scale -1..1, its green 0 + tanh(1) · 0.5.
    const row = new Array<number>(10 * K).fill(0);
    row[1] = 50;
    row[K + 1] = 0.5;
    row[5 * K + 1] = 1;
    const shown = numbers(logistic.mean(f64(row, [1, 1, 1, 10 * K]), 3));
    expect(shown[0]).toBeCloseTo(0.75, 9);
    expect(shown[1]).toBeCloseTo(0.5 + Math.tanh(1) * 0.25, 9);
    expect(shown[2]).toBeCloseTo(0.5, 9);
  });
});

describe("the Gaussian and Bernoulli likelihoods", () => {
  const x = randomArray([2, 3, 2, 1], 1, [0, 1]);
  const maps = randomArray([2, 3, 2, 1], 2, [-2, 2]);

  it("sum the logarithms of their formulas over a picture", () => {
    const build = new Build(false);
    const gaussian = LIKELIHOODS.gaussian.logProb(build.root, constant(x), constant(maps));
    const logVariance = 2 * Math.log(0.1);
    const feeds = { "state:likelihood/logVariance": { ...x, shape: [1], data: Float64Array.of(logVariance) } };
    const bernoulli = LIKELIHOODS.bernoulli.logProb(build.root, constant(x), constant(maps));
    for (const [found, formula] of [
      [gaussian, (v: number, p: number) => -0.5 * (Math.log(2 * Math.PI) + logVariance) - (v - p) ** 2 / 0.02],
      [bernoulli, (v: number, p: number) => v * Math.log(p) + (1 - v) * Math.log(1 - p)],
    ] as const) {
      const rows = numbers(found, feeds);
      for (const row of [0, 1]) {
        let expected = 0;
        for (let i = 6 * row; i < 6 * row + 6; i++) expected += formula(x.data[i]!, sigma(maps.data[i]!));
        expect(rows[row]).toBeCloseTo(expected, 9);
      }
    }
  });
});

describe("drawBinary", () => {
  it("keeps 0 and 1, and gives a grey level 1 where the noise lies below it", () => {
    const build = new Build(true);
    const drawn = drawBinary(build.root, f64([0, 1, 0.3, 0.3], [4]));
    const noise = { shape: [4], dtype: "float32" as const, data: Float64Array.of(1e-9, 1 - 1e-9, 0.29, 0.31) };
    expect(numbers(drawn, { "noise:binary": noise })).toEqual([0, 1, 1, 0]);
  });
});
