// A distance between two sets of vectors that needs no density and no fitted Gaussian.
import { foldOf } from "./folds.ts";
import { type PackedRows, packed, rowCount, rowsAt, squaredDistances } from "./nearest.ts";

/** Rows in a block: the cost grows with its square, and the mean over blocks stays unbiased. */
const BLOCK = 1000;

/**
 * The kernel distance of Bińkowski et al. 2018, "Demystifying MMD GANs" (section 4): the unbiased squared maximum mean
 * discrepancy under k(a, b) = (aᵀb / d + 1)³, averaged over blocks of some 1,000 rows at most, each of rows from throughout:
 * they may be sorted by class. 0 in expectation for equal distributions, and possibly below it. On Inception features it is
 * known as KID; here it is on what it is given.
 * @param a,b rows `[n, d]` each
 * @returns undefined for fewer than two rows
 */
export function kernelDistance(a: Float32Array, b: Float32Array, n: number): number | undefined {
  if (n < 2) return undefined;
  const width = a.length / n;
  const blocks = Math.ceil(n / BLOCK);
  let total = 0;
  for (let k = 0; k < blocks; k++) {
    const index = Array.from({ length: n }, (_, i) => i).filter((i) => foldOf(i, blocks) === k);
    const m = index.length;
    const [x, y] = [a, b].map((data) => packed(rowsAt({ data, width }, index)));
    const within = kernelSum(x!, x!, true) + kernelSum(y!, y!, true);
    total += within / (m * (m - 1)) - (2 * kernelSum(x!, y!, false)) / (m * m);
  }
  return total / blocks;
}

/** The sum of k over all pairs of a row of each, or over all pairs of two rows of the same set. */
function kernelSum(a: PackedRows, b: PackedRows, isSame: boolean): number {
  const { width } = a;
  const [n, zero] = [rowCount(b), packed({ data: new Float64Array(width), width })];
  const [ofA, ofB, squares] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  // aᵀb = (|a|² + |b|² - |a - b|²) / 2
  squaredDistances(zero, 0, a, n, ofA);
  squaredDistances(zero, 0, b, n, ofB);
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const count = isSame ? i : n;
    squaredDistances(a, i, b, count, squares);
    for (let j = 0; j < count; j++) {
      const value = (ofA[i]! + ofB[j]! - squares[j]!) / (2 * width) + 1;
      sum += value * value * value;
    }
  }
  return isSame ? 2 * sum : sum;
}
