// Whether samples are copies of the pictures that were trained on: they are then nearer to them than other real pictures are.
import { nearestDistances, type Rows } from "./nearest.ts";
import { quantile } from "./quantile.ts";

/** Distances of generated rows to the nearest training row, beside those of held-out real rows. */
export interface Copying {
  /** The median of the generated rows over that of the held-out ones; copies are below 0.7. */
  readonly medianRatio: number;
  /** Share of generated rows nearer than all but a hundredth of the held-out ones, 0..1: 0.01 in expectation for new ones. */
  readonly nearShare: number;
  /** Whether either says that there are copies. */
  readonly copies: boolean;
}

/** Bounds beyond which samples are taken for copies. */
const [LEAST_RATIO, MOST_NEAR] = [0.7, 0.05];

/**
 * The test for copies.
 * @param training rows that were trained on, at least one; `held` real rows that were not, at least one
 */
export function copying(generated: Rows, training: Rows, held: Rows): Copying {
  const [ofGenerated, ofHeld] = [nearestDistances(generated, training), nearestDistances(held, training)];
  const least = quantile(ofHeld, 0.01);
  const [own, expected] = [quantile(ofGenerated, 0.5), quantile(ofHeld, 0.5)];
  // Held-out rows that are in training themselves: what is as near as they is no nearer.
  const medianRatio = own === expected ? 1 : own / expected;
  const nearShare = ofGenerated.reduce((sum, distance) => sum + Number(distance < least), 0) / ofGenerated.length;
  return { medianRatio, nearShare, copies: medianRatio < LEAST_RATIO || nearShare > MOST_NEAR };
}
