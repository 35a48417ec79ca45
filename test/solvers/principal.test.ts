import { expect, it } from "vitest";
import { moments, symmetricEigen } from "../../src/base/linear-algebra.ts";
import { principalComponents } from "../../src/solvers/principal.ts";
import { clouds, solved } from "../reference/numbers.ts";

it("principal components span the directions of the largest eigenvalues of the covariance", () => {
  const [d, k] = [30, 4];
  const rows = clouds(200, d, 7, 0.5, 5).rows;
  const { mean, axes } = solved(principalComponents(rows, d, k, 1));
  const { mean: expected, covariance } = moments(
    rows,
    d,
    Int32Array.from({ length: 200 }, (_, i) => i),
  );
  for (const [j, value] of mean.entries()) expect(value).toBeCloseTo(expected[j]!, 5);
  const { values } = symmetricEigen(covariance, d);
  const largest = [...values].sort((a, b) => b - a);
  for (let c = 0; c < k; c++) {
    const column = (j: number) => axes[j * k + c]!;
    let variance = 0;
    for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) variance += column(i) * covariance[i * d + j]! * column(j);
    // Of centres that lie apart, four rounds leave less than a hundredth of a direction of small variance.
    expect(variance / largest[c]!).toBeCloseTo(1, 2);
    for (let other = 0; other <= c; other++) {
      let product = 0;
      for (let j = 0; j < d; j++) product += column(j) * axes[j * k + other]!;
      expect(product).toBeCloseTo(Number(other === c), 5);
    }
  }
});

it("of two pictures there is one direction, and the others are zero", () => {
  const { axes } = solved(principalComponents(Float32Array.of(0, 0, 0, 3, 4, 0), 3, 2, 1));
  const [x, y, z] = [axes[0]!, axes[2]!, axes[4]!];
  expect([Math.abs(x), Math.abs(y), z]).toEqual([expect.closeTo(0.6, 5), expect.closeTo(0.8, 5), expect.closeTo(0, 5)]);
  expect([axes[1], axes[3], axes[5]].map((v) => Math.abs(v!))).toEqual([0, 0, 0]);
});
