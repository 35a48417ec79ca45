// A distance between two sets of vectors that needs no density and no fitted Gaussian.

/** Rows in a block: the cost grows with its square, and the mean over blocks stays unbiased. */
const BLOCK = 1000;

/**
 * The kernel distance of Bińkowski et al. 2018, "Demystifying MMD GANs" (section 4): the unbiased squared maximum mean
 * discrepancy under k(a, b) = (aᵀb / d + 1)³, averaged over blocks of up to 1,000 rows. 0 in expectation for equal
 * distributions, and possibly below it. On Inception features it is known as KID; here it is on what it is given.
 * @param a,b rows `[n, d]` each
 * @returns undefined for fewer than two rows
 */
export function kernelDistance(a: Float32Array, b: Float32Array, n: number): number | undefined {
  if (n < 2) return undefined;
  const d = a.length / n;
  const blocks = Math.ceil(n / BLOCK);
  let total = 0;
  for (let k = 0; k < blocks; k++) {
    const [from, to] = [Math.floor((k * n) / blocks), Math.floor(((k + 1) * n) / blocks)];
    const m = to - from;
    let [within, between] = [0, 0];
    for (let i = from; i < to; i++)
      for (let j = from; j < to; j++) {
        if (j < i) within += 2 * (kernel(a, i, a, j, d) + kernel(b, i, b, j, d));
        between += kernel(a, i, b, j, d);
      }
    total += within / (m * (m - 1)) - (2 * between) / (m * m);
  }
  return total / blocks;
}

function kernel(a: Float32Array, i: number, b: Float32Array, j: number, d: number): number {
  let product = 0;
  for (let k = 0; k < d; k++) product += a[i * d + k]! * b[j * d + k]!;
  return (product / d + 1) ** 3;
}
