import { expect, it } from "vitest";
import { m1m2 } from "../../src/models/m1m2.ts";
import { klToStandard, logBernoulli, rowsOf } from "./bound-terms.ts";
import { inNumbers } from "./in-numbers.ts";
import { modelTests } from "./model-tests.ts";

modelTests(
  m1m2,
  [
    {
      ...{ latent: 16, units: 256, style: 8, hidden: 64, rate: 8e-3, warmup: 0.1 },
      ...{ klWarmup: 1, firstShare: 0.7, classWeight: 300 },
    },
    {
      ...{ latent: 16, units: 256, style: 8, hidden: 64, rate: 8e-3, warmup: 0.1, spread: true },
      ...{ klWarmup: 1, firstShare: 0.7, classWeight: 30 },
    },
  ],
  { epochs: 8 },
);

it("m1m2 has M1's bound of its heads reconstruct, encode and encodeDeviation", () => {
  const n = 3;
  // The noise is 0, so that the draw is the posterior's mean.
  const model = inNumbers(m1m2, { latent: 4, units: 8, style: 2, hidden: 8 }, n);
  const rows = (head: string) => rowsOf(model.head(head), n);
  const [x, reconstructed] = [rowsOf(model.pixels, n), rows("reconstruct")];
  const [means, deviations] = [rows("encode"), rows("encodeDeviation")];
  model.head("elbo").forEach((bound, i) => {
    expect(bound).toBeCloseTo(logBernoulli(x[i]!, reconstructed[i]!) - klToStandard(means[i]!, deviations[i]!), 9);
  });
});
