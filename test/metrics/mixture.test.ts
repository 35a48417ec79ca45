// Linear algebra, and mixtures of Gaussians that are fitted to rows.
import { describe, expect, it } from "vitest";
import { cholesky, moments, principalAxes, solveLower, symmetricEigen } from "../../src/base/linear-algebra.ts";
import { frechetDistance } from "../../src/metrics/frechet-distance.ts";
import { fitMixture } from "../../src/metrics/mixture.ts";
import { Random } from "../../src/random/random.ts";

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

describe("linear algebra", () => {
  it("factors A = L Lᵀ, solves L y = x, and refuses what is not positive definite", () => {
    // By hand: L = [[2, 0], [1, 3]].
    expect([...cholesky(Float64Array.of(4, 2, 2, 10), 2)!]).toEqual([2, 0, 1, 3]);
    const x = Float64Array.of(4, 11);
    solveLower(Float64Array.of(2, 0, 1, 3), 2, x);
    expect([...x]).toEqual([2, 3]);
    expect(cholesky(Float64Array.of(1, 2, 2, 1), 2)).toBeUndefined();
  });

  it("finds the axis of largest variance", () => {
    // Eigenvectors of [[3, 1], [1, 3]] are (1, 1) and (1, -1), with eigenvalues 4 and 2.
    const axes = principalAxes(Float64Array.of(3, 1, 1, 3), 2, 2);
    // Each round halves what is wrong of the first direction: 12 rounds leave a 4,096th.
    expect(Math.abs(axes[0]! + axes[2]!)).toBeCloseTo(Math.SQRT2, 5);
    expect(Math.abs(axes[0]! * axes[1]! + axes[2]! * axes[3]!)).toBeLessThan(1e-12);
  });

  it.each([10, 32, 64])("finds all %i axes where as many as numbers are asked for", (d) => {
    // Eigenvalues 1, 2, ..., d, along the columns of the reflection I - 2 v vᵀ.
    const direction = range(d).map((i) => 1 + (i % 7));
    const length = Math.hypot(...direction);
    const matrix = (value: (i: number, j: number) => number) =>
      Float64Array.from({ length: d * d }, (_, at) => value(Math.floor(at / d), at % d));
    const product = (a: Float64Array, b: Float64Array) =>
      matrix((i, j) => range(d).reduce((total, k) => total + a[i * d + k]! * b[k * d + j]!, 0));
    const reflection = matrix((i, j) => Number(i === j) - (2 * direction[i]! * direction[j]!) / length ** 2);
    const variances = matrix((i, j) => (i === j ? i + 1 : 0));
    const covariance = product(product(reflection, variances), reflection);
    const axes = principalAxes(covariance, d, d);
    const across = matrix((i, j) => axes[j * d + i]!);
    const { values } = symmetricEigen(product(product(across, covariance), axes), d);
    // Rounding of sums of d products, of eigenvalues up to 64; a lost axis has the value 0.
    for (const [i, value] of values.sort().entries()) expect(Math.abs(value - (i + 1))).toBeLessThan(1e-9);
  });
});

describe("a mixture of Gaussians", () => {
  it("of one component is the mean and the covariance, with shrunk correlations", () => {
    const rows = Float32Array.of(1, 2, 3, 5, -1, 0, 2, 2, 7, 1, 0, -4);
    const { mean, covariance } = moments(rows, 2, range(6));
    const [component] = fitMixture(rows, 2, range(6), 1);
    expect([...component!.mean]).toEqual([...mean]);
    const [a, , b, c] = component!.factor;
    // 6 / (6 + 2) of the covariance; 1e-4 of the mean variance is added to each.
    expect(a! * b!).toBeCloseTo(0.75 * covariance[1]!, 12);
    expect(a! ** 2 / covariance[0]!).toBeCloseTo(1, 3);
    expect((b! ** 2 + c! ** 2) / covariance[3]!).toBeCloseTo(1, 3);
  });

  it("finds two parts of unequal size, also where they overlap along the axis that they are first split by", () => {
    const n = 3000;
    const rows = new Float32Array(2 * n);
    new Random(0, "mixture").fillNormal(rows);
    // A third of the rows at (5, 5), the others at (0, 0) and wide along the second axis.
    for (let i = 0; i < n; i++) {
      if (i % 3 === 0) {
        rows[2 * i]! += 5;
        rows[2 * i + 1]! += 5;
      } else rows[2 * i + 1]! *= 3;
    }
    const found = fitMixture(rows, 2, range(n), 2).sort((a, b) => a.share - b.share);
    expect(found[0]!.share).toBeCloseTo(1 / 3, 1);
    // Means of 1,000 and 2,000 draws of deviations 1 and 3 are right to a tenth.
    for (const [component, mean] of [
      [found[0], 5],
      [found[1], 0],
    ] as const)
      for (const value of component!.mean) expect(Math.abs(value - mean)).toBeLessThan(0.25);
    const [, , b, c] = found[1]!.factor;
    expect(Math.abs(Math.hypot(b!, c!) - 3)).toBeLessThan(0.25);
  });

  it("is fitted to a single row, to equal rows, and to rows too wide for covariances", () => {
    for (const [rows, d, n] of [
      [Float32Array.of(1, 2), 2, 1],
      [new Float32Array(20).fill(3), 2, 10],
      [Float32Array.from({ length: 200 }, (_, i) => i % 100), 100, 2],
    ] as const) {
      const found = fitMixture(rows, d, range(n), 3);
      expect(found.length).toBeGreaterThan(0);
      for (const { mean, factor } of found) {
        mean.forEach((value, j) => {
          expect(value).toBeCloseTo(rows[j]!, 12);
        });
        expect(factor.every(Number.isFinite)).toBe(true);
      }
    }
  });
});

describe("the Fréchet distance", () => {
  it("is that of numpy's covariances and scipy's square root of a matrix", () => {
    const rows = (of: (i: number, j: number) => number) =>
      Float32Array.from({ length: 160 }, (_, at) => of(at >> 2, at % 4));
    const a = rows((i, j) => Math.sin(1 + i * (j + 1) * 0.7));
    const b = rows((i, j) => Math.cos(2 + i * (j + 1) * 0.3) * (1 + j) * 0.5 + 0.2);
    // |m₁ - m₂|² + trace(C₁ + C₂ - 2 sqrtm(C₁ C₂)), cov(bias=True), on the same float32 rows.
    expect(frechetDistance(a, b, 40)).toBeCloseTo(0.8128472892416321, 7);
    expect(frechetDistance(a, a, 40)).toBeCloseTo(0, 12);
  });

  it("is that of the means for shifted rows, also where covariances are singular", () => {
    const a = Float32Array.of(1, 1, 0, 2, 2, 0, 3, 3, 0);
    expect(
      frechetDistance(
        a,
        a.map((value, i) => value + (i % 3)),
        3,
      ),
    ).toBeCloseTo(5, 12);
  });
});
