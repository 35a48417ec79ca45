import { expect, it } from "vitest";
import { aae } from "../../src/models/aae.ts";
import { inNumbers, meanOf, softplus } from "./in-numbers.ts";
import { modelTests } from "./model-tests.ts";

modelTests(aae, [{ width: 8, hidden: 32, latent: 4 }]);

it("aae measures the squared error of a picture and what styles are taken for", () => {
  const n = 3;
  const options = { width: 4, hidden: 8, latent: 2, classWeight: 7 };
  // A discriminator of styles that does not look at the class.
  const model = inNumbers(aae, options, n, { "discriminator/style/dense1/condition/weights": 0 });
  const made = model.head("reconstruct");
  const odds = model.head("priorOdds");
  expect(model.phase("prior").style).toBeCloseTo(meanOf(odds.map((v) => softplus(-v))), 10);
  // Noise is 0, and so is what the prior gives: with biases of 0 its log-odds are 0.
  expect(model.phase("discriminator").style).toBeCloseTo(Math.LN2 + meanOf(odds.map(softplus)), 10);
  const logits = model.head("classify");
  const cross = [0, 1, 2].map((i) => {
    const own = logits.slice(3 * i, 3 * i + 3);
    return Math.log(own.reduce((sum, v) => sum + Math.exp(v), 0)) - own[i]!;
  });
  const error = made.reduce((sum, v, i) => sum + (v - model.pixels[i]!) ** 2, 0) / n;
  const { loss, error: told, class: crossTold } = model.phase("autoencoder");
  expect(told).toBeCloseTo(error, 10);
  expect(crossTold).toBeCloseTo(meanOf(cross), 10);
  // As if the 64 pixels were 784.
  expect(loss).toBeCloseTo((784 / 64) * error + 7 * meanOf(cross), 10);
});

it("aae's discriminator of styles sees the class that a picture is taken for, beside what is drawn for it too", () => {
  const n = 3;
  const modelOf = (fills: Readonly<Record<string, number>>) =>
    inNumbers(aae, { width: 4, hidden: 8, latent: 2 }, n, fills);
  const [blind, seeing] = [modelOf({ "discriminator/style/dense1/condition/weights": 0 }), modelOf({})];
  // What is drawn is 0: a discriminator that does not see the class has odds of 1 for it.
  const real = (model: typeof blind) =>
    model.phase("discriminator").style! - meanOf(model.head("priorOdds").map(softplus));
  expect(real(blind)).toBeCloseTo(Math.LN2, 10);
  expect(Math.abs(real(seeing) - Math.LN2)).toBeGreaterThan(1e-3);
  expect(seeing.head("priorOdds")).not.toEqual(blind.head("priorOdds"));
});
