// How well samples cover real vectors, and how far they are among them, by balls around both: no density, no fitted Gaussian.
import { neighbourDistances, packed, type Rows, rowCount, squaredDistances } from "./nearest.ts";

/** What is told of generated rows beside real ones. */
export interface ManifoldMetrics {
  /** Share of generated rows inside any ball of a real one, 0..1. */
  readonly precision: number;
  /** Share of real rows inside any ball of a generated one, 0..1. */
  readonly recall: number;
  /** Mean number of real balls that a generated row is in, divided by k: 1 in expectation for equal distributions, and possibly above. */
  readonly density: number;
  /** Share of real rows whose ball holds a generated one, 0..1: about 1 - 2⁻ᵏ for equal distributions. */
  readonly coverage: number;
}

/** Neighbours that give the radius of a ball: what the two papers recommend. */
const [PRECISION_NEIGHBOURS, COVERAGE_NEIGHBOURS] = [3, 5];

/**
 * Precision and recall of Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative Models"
 * (equations 1-2, k = 3), density and coverage of Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative
 * Models" (equations 3-4, k = 5). The ball of a row reaches to its k-th nearest other row of the same set, which is outside; a
 * row with k copies has an empty one. Compare equal numbers of rows.
 * @returns undefined where either set has no k other rows
 */
export function manifoldMetrics(real: Rows, generated: Rows): ManifoldMetrics | undefined {
  const [n, m] = [rowCount(real), rowCount(generated)];
  const k = COVERAGE_NEIGHBOURS;
  if (Math.min(n, m) <= k) return undefined;
  const [ofReal, ofGenerated] = [neighbourDistances(real, k), neighbourDistances(generated, k)];
  const square = (distances: Float64Array, i: number, neighbour: number) => distances[i * k + neighbour - 1]! ** 2;
  const [precise, recalled, covered] = [new Uint8Array(m), new Uint8Array(n), new Uint8Array(n)];
  const [realRows, generatedRows, distances] = [packed(real), packed(generated), new Float64Array(m)];
  let inBalls = 0;
  for (let i = 0; i < n; i++) {
    squaredDistances(realRows, i, generatedRows, m, distances);
    const [narrow, wide] = [square(ofReal, i, PRECISION_NEIGHBOURS), square(ofReal, i, COVERAGE_NEIGHBOURS)];
    for (let j = 0; j < m; j++) {
      const distance = distances[j]!;
      if (distance < narrow) precise[j] = 1;
      if (distance < square(ofGenerated, j, PRECISION_NEIGHBOURS)) recalled[i] = 1;
      if (distance >= wide) continue;
      covered[i] = 1;
      inBalls++;
    }
  }
  const share = (marks: Uint8Array) => marks.reduce((sum, mark) => sum + mark, 0) / marks.length;
  return {
    precision: share(precise),
    recall: share(recalled),
    density: inBalls / (k * m),
    coverage: share(covered),
  };
}
