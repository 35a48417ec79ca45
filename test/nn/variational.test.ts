import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { constant, type Tensor } from "../../src/graph/tensor.ts";
import { Build } from "../../src/nn/scope.ts";
import { draw, eachClass, importanceBound, marginalBound, ofClass, repeatRows } from "../../src/nn/variational.ts";
import { Random } from "../../src/random/random.ts";

const f64 = (values: number[], shape: number[] = [values.length]): Tensor =>
  constant({ shape, dtype: "float32", data: Float64Array.from(values) });
const numbers = (x: Tensor, feeds = {}): number[] => Array.from(interpret([x], feeds)[0]!.data);

describe("draws of a posterior", () => {
  it("come row by row, and estimate ln p(x) of a Gaussian model without bias", () => {
    // x = z + e with z and e of N(0, 1): p(x) is N(0, 2). The posterior given is not the true one, N(x / 2, 1 / 2).
    const [n, k] = [2, 4000];
    const xs = [0.7, -1.2];
    const build = new Build(false);
    const posterior = { mean: f64([0.2, -0.4], [n, 1]), logVariance: f64([0, 0.3], [n, 1]) };
    const { latent, logProb } = draw(build.root, posterior, k);
    const noise = new Float32Array(n * k);
    new Random(1, "draws").fillNormal(noise);
    const feeds = { "noise:latent": ndarray("float32", [n, k, 1], noise) };
    const [z, q] = interpret([latent, logProb], feeds).map(({ data }) => Array.from(data));
    const logNormal = (v: number) => -0.5 * (Math.log(2 * Math.PI) + v * v);
    const weights = z!.map((v, i) => logNormal(v) + logNormal(xs[Math.floor(i / k)]! - v) - q![i]!);
    const bounds = numbers(importanceBound(f64(weights), k));
    xs.forEach((x, row) => {
      const own = weights.slice(row * k, (row + 1) * k).map(Math.exp);
      const mean = own.reduce((a, b) => a + b) / k;
      const deviation = Math.sqrt(own.reduce((sum, w) => sum + (w - mean) ** 2, 0) / k);
      const truth = Math.exp(-(x * x) / 4) / Math.sqrt(4 * Math.PI);
      expect(Math.abs(Math.exp(bounds[row]!) - truth)).toBeLessThan((4 * deviation) / Math.sqrt(k));
    });
  });

  it("repeatRows keeps the rows of a picture together", () => {
    expect(numbers(repeatRows(f64([1, 2, 3, 4], [2, 2]), 2))).toEqual([1, 2, 1, 2, 3, 4, 3, 4]);
  });
});

describe("classes", () => {
  it("eachClass is one one-hot row a class", () => {
    expect(eachClass(3).shape).toEqual([1, 3, 3]);
    expect(numbers(eachClass(3))).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });

  it("ofClass takes the value of the label, and what is said of a row without one", () => {
    const labels = constant(ndarray("int32", [2], [1, -1]));
    expect(numbers(ofClass(f64([5, 6, 7, 8], [2, 2]), labels, f64([10, 11])))).toEqual([6, 11]);
  });

  it("marginalBound is ln Σ e^bound where q is the posterior of the classes, and less elsewhere", () => {
    const bounds = [-3, -1, -2];
    const exact = Math.log(bounds.reduce((sum, b) => sum + Math.exp(b), 0));
    expect(numbers(marginalBound(f64(bounds, [1, 3]), f64(bounds, [1, 3])))[0]).toBeCloseTo(exact, 12);
    expect(numbers(marginalBound(f64(bounds, [1, 3]), f64([0, 0, 0], [1, 3])))[0]).toBeLessThan(exact - 0.1);
  });
});
