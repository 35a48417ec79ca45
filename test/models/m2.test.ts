import { expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { constant } from "../../src/graph/tensor.ts";
import { m2 } from "../../src/models/m2.ts";
import { klToStandard, logBernoulli, rowsOf, sumOf } from "./bound-terms.ts";
import { inNumbers } from "./in-numbers.ts";
import { modelTests } from "./model-tests.ts";

modelTests(m2, [{ width: 8, decoderWidth: 4, hidden: 32, latent: 8 }]);

it("m2 has a bound of its heads for each class, by the probabilities of the classes, and their entropy", () => {
  const n = 3;
  // The noise is 0, so that the draw is the posterior's mean.
  const model = inNumbers(m2, { width: 4, decoderWidth: 4, hidden: 8, latent: 4 }, n);
  const picture = model.tensor(model.pixels, 8, 8, 1);
  const x = rowsOf(model.pixels, n);
  const ofClasses = [0, 1, 2].map((y) => {
    const label = constant(ndarray("int32", [n], new Array(n).fill(y)));
    const rows = (head: string) => rowsOf(model.head(head, { picture, label }), n);
    const [reconstructed, means, deviations] = [rows("reconstruct"), rows("encode"), rows("encodeDeviation")];
    return x.map((own, i) => logBernoulli(own, reconstructed[i]!) - klToStandard(means[i]!, deviations[i]!));
  });
  const logits = rowsOf(model.head("classify"), n);
  model.head("elbo").forEach((bound, i) => {
    const total = sumOf(logits[i]!.map(Math.exp));
    const p = logits[i]!.map((logit) => Math.exp(logit) / total);
    expect(bound).toBeCloseTo(sumOf(p.map((q, y) => q * (ofClasses[y]![i]! - Math.log(3) - Math.log(q)))), 9);
  });
});
