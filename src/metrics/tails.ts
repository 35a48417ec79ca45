// Probabilities of values at least as far out as one that was found: tails of the distributions that tests go by.

/** Coefficients of Lanczos' series with g = 7 and nine terms (Press et al. 2007, Numerical Recipes, section 6.1, names its form). */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln Γ(x) for x > 0. */
export function logGamma(x: number): number {
  const z = x - 1;
  const t = z + 7.5;
  const series = LANCZOS.reduce((sum, c, i) => (i === 0 ? c : sum + c / (z + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series);
}

/** Steps of a continued fraction, at most: it converges in tens of them. */
const MOST_TERMS = 10_000;
const TINY = 1e-300;

/**
 * The regularised incomplete beta function I_x(a, b), for a, b > 0 and x in 0..1: the continued fraction of DLMF 8.17.22, by
 * Lentz's method (Press et al. 2007, section 6.4), on the side of the mean where it converges fast.
 */
export function incompleteBeta(a: number, b: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(b, a, 1 - x);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  const kept = (value: number) => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / kept(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < MOST_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    for (const term of [even, odd]) {
      d = 1 / kept(1 + term * d);
      c = kept(1 + term / c);
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return front * fraction;
}

/** P(|T| >= |t|) of Student's t with `freedom` degrees of freedom. */
export const studentTails = (t: number, freedom: number): number =>
  incompleteBeta(freedom / 2, 0.5, freedom / (freedom + t * t));

/** From here on the continued fraction of the normal tail needs no more terms than are taken. */
const FAR = 3;
const TERMS = 100;

/**
 * P(|Z| >= |z|) of a standard normal: one minus the power series with positive terms near the middle (DLMF 7.6.2), Laplace's continued
 * fraction further out (DLMF 7.9.1).
 */
export function normalTails(z: number): number {
  const x = Math.abs(z);
  const density = Math.sqrt(2 / Math.PI) * Math.exp((-x * x) / 2);
  if (x < FAR) {
    let sum = 0;
    let term = x;
    for (let n = 1; n < TERMS; n++) [sum, term] = [sum + term, (term * x * x) / (2 * n + 1)];
    return 1 - density * sum;
  }
  let below = x;
  for (let n = TERMS; n > 0; n--) below = x + n / below;
  return density / below;
}

/** P(X <= k) of k right answers among n tosses of a fair coin. */
export const fairCoinBelow = (k: number, n: number): number => (k >= n ? 1 : incompleteBeta(n - k, k + 1, 0.5));
