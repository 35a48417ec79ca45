import { expect, it } from "vitest";
import { aae } from "../../src/models/aae.ts";
import { inNumbers, meanOf, softplus } from "./in-numbers.ts";
import { modelTests } from "./model-tests.ts";

modelTests(aae, [{ width: 8, hidden: 32, latent: 4 }]);

it("aae measures the squared error of a picture and what styles are taken for", () => {
  const n = 3;
  const model = inNumbers(aae, { width: 4, hidden: 8, latent: 2, classWeight: 7 }, n);
  const made = model.head("reconstruct");
  const odds = model.head("discriminate");
  expect(model.phase("prior").style).toBeCloseTo(meanOf(odds.map((v) => softplus(-v))), 10);
  const logits = model.head("classify");
  const cross = [0, 1, 2].map((i) => {
    const own = logits.slice(3 * i, 3 * i + 3);
    return Math.log(own.reduce((sum, v) => sum + Math.exp(v), 0)) - own[i]!;
  });
  const error = made.reduce((sum, v, i) => sum + (v - model.pixels[i]!) ** 2, 0) / n;
  const { loss, error: told, class: crossTold } = model.phase("autoencoder");
  expect(told).toBeCloseTo(error, 10);
  expect(crossTold).toBeCloseTo(meanOf(cross), 10);
  expect(loss).toBeCloseTo(error + 7 * meanOf(cross), 10);
});
