// The radial kernel of rows of plain numbers.

/** exp(-γ |x - y|²) between rows `[n, d]`. */
export class RadialKernel {
  private readonly squares: Float64Array;

  constructor(
    private readonly rows: Float32Array,
    private readonly d: number,
    private readonly gamma: number,
  ) {
    this.squares = Float64Array.from({ length: rows.length / d }, (_, i) => dot(rows, i * d, rows, i * d, d));
  }

  /** The kernel of row `i` with each of the rows, into `out`. */
  row(i: number, out: Float32Array): void {
    const { rows, squares, d, gamma } = this;
    for (let j = 0; j < out.length; j++) {
      const squared = squares[i]! + squares[j]! - 2 * dot(rows, i * d, rows, j * d, d);
      out[j] = Math.exp(-gamma * Math.max(0, squared));
    }
  }
}

/** The product of two rows. Four sums at a time, which do not wait for each other. */
export function dot(a: Float32Array, i: number, b: Float32Array, j: number, d: number): number {
  let [p, q, r, s] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 4 <= d; k += 4) {
    p += a[i + k]! * b[j + k]!;
    q += a[i + k + 1]! * b[j + k + 1]!;
    r += a[i + k + 2]! * b[j + k + 2]!;
    s += a[i + k + 3]! * b[j + k + 3]!;
  }
  for (; k < d; k++) p += a[i + k]! * b[j + k]!;
  return p + q + (r + s);
}
