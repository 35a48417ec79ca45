import { describe, expect, it } from "vitest";
import { product } from "../../src/propagation/product.ts";
import { Random } from "../../src/random/random.ts";

function normal(length: number, name: string): Float32Array {
  const values = new Float32Array(length);
  new Random(1, name).fillNormal(values);
  return values;
}

describe("rows times a matrix", () => {
  // Columns that fill vectors and that do not, and more than are summed at once; rows beyond those that are computed at once.
  it.each([
    [1, 1, 1],
    [5, 7, 3],
    [3, 100, 32],
    [1030, 9, 35],
    [2, 40, 70],
  ])("are, for %i rows of %i numbers and %i columns, what float64 sums give", (n, width, columns) => {
    const rows = normal(n * width, "rows");
    const matrix = normal(width * columns, "matrix");
    const result = product(rows, width, matrix, columns);
    expect(result.length).toBe(n * columns);
    let most = 0;
    for (let i = 0; i < n; i++)
      for (let c = 0; c < columns; c++) {
        let sum = 0;
        for (let d = 0; d < width; d++) sum += rows[i * width + d]! * matrix[d * columns + c]!;
        most = Math.max(most, Math.abs(result[i * columns + c]! - sum));
      }
    // Up to 100 products of about 1, in sums of some 10 to 40, each rounded by 6e-8 of it.
    expect(most).toBeLessThan(5e-5);
  });

  it("are computed one at a time where they are wide: a kernel with room for more would not fit WebAssembly", () => {
    const [n, width] = [3, 2_200_000];
    const rows = Float32Array.from({ length: n * width }, (_, at) => Math.floor(at / width) - (at % 2));
    // Sums of whole numbers below 2^24, which float32 has all.
    const ones = new Float32Array(width).fill(1);
    expect([...product(rows, width, ones, 1)]).toEqual([-0.5, 0.5, 1.5].map((mean) => mean * width));
  });

  it("are none of no rows", () => {
    expect(product(new Float32Array(0), 3, new Float32Array(6), 2).length).toBe(0);
  });
});
