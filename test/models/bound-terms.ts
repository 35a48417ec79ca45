// Terms of variational bounds in plain numbers, for tests that write a bound out.

/** Rows of `n` equally long ones that follow each other. */
export const rowsOf = (values: readonly number[], n: number): number[][] =>
  Array.from({ length: n }, (_, i) => values.slice((i * values.length) / n, ((i + 1) * values.length) / n));

export const sumOf = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0);

/** ln p(x) of independent pixels, nats: each `x` a probability of 1, where `means` are expected. */
export const logBernoulli = (x: readonly number[], means: readonly number[]): number =>
  sumOf(x.map((v, i) => v * Math.log(means[i]!) + (1 - v) * Math.log(1 - means[i]!)));

/** KL(N(means, deviations²) ‖ N(0, I)), nats. */
export const klToStandard = (means: readonly number[], deviations: readonly number[]): number =>
  sumOf(means.map((m, i) => (m * m + deviations[i]! ** 2 - 1) / 2 - Math.log(deviations[i]!)));

/** ln N(0; 0, I) of a vector's length. */
const logCentre = (size: number): number => (-size * Math.log(2 * Math.PI)) / 2;

/** ln N(z; 0, I), nats. */
export const logStandard = (z: readonly number[]): number => logCentre(z.length) - sumOf(z.map((v) => v * v)) / 2;

/** ln N(means; means, deviations²): the logarithm of a posterior's density where it is largest. */
export const logPeak = (deviations: readonly number[]): number =>
  logCentre(deviations.length) - sumOf(deviations.map(Math.log));
