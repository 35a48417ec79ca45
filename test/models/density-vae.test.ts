import { expect, it } from "vitest";
import { densityVae } from "../../src/models/density-vae.ts";
import { logBernoulli, logPeak, logStandard, rowsOf } from "./bound-terms.ts";
import { inNumbers } from "./in-numbers.ts";
import { modelTests } from "./model-tests.ts";

modelTests(densityVae, [
  { ...{ width: 8, hidden: 32, latent: 8, flowSteps: 2, flowHidden: 16, draws: 2 }, binarise: "dynamic" },
  { ...{ width: 8, hidden: 32, latent: 8, prior: "mixture", draws: 2 }, likelihood: "logistic", importance: 3 },
  { ...{ width: 8, hidden: 32, latent: 8, prior: "standard" }, likelihood: "gaussian" },
]);

it("density-vae has a bound of its heads reconstruct, encode and encodeDeviation", () => {
  const n = 3;
  // The noise is 0, so that the draw is the posterior's mean.
  const model = inNumbers(densityVae, { width: 4, depth: 1, hidden: 8, latent: 4, prior: "standard" }, n);
  const rows = (head: string) => rowsOf(model.head(head), n);
  const [x, reconstructed] = [rowsOf(model.pixels, n), rows("reconstruct")];
  const [means, deviations] = [rows("encode"), rows("encodeDeviation")];
  model.head("elbo").forEach((bound, i) => {
    const logWeight = logBernoulli(x[i]!, reconstructed[i]!) + logStandard(means[i]!) - logPeak(deviations[i]!);
    expect(bound).toBeCloseTo(logWeight, 9);
  });
});
