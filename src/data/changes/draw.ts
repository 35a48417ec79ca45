// Random amounts of a change, by its strength. Where a policy does not make the change, nothing is drawn.
import type { Random } from "../../random/random.ts";

/** One degree in radians. */
export const DEGREE = Math.PI / 180;

/** Uniform between `-most` and `most`; 0 without a strength. */
export const symmetric = (random: Random, most: number | undefined): number =>
  most === undefined ? 0 : (2 * random.uniform() - 1) * most;

/** A factor between 1/(1 + most) and 1 + most, its logarithm uniform; 1 without a strength. */
export const logUniform = (random: Random, most: number | undefined): number =>
  most === undefined ? 1 : Math.exp(symmetric(random, Math.log(1 + most)));
