import { expect, it } from "vitest";
import { pix2pix } from "../../src/models/pix2pix.ts";
import { inNumbers } from "./in-numbers.ts";
import { modelTests, pairsOf } from "./model-tests.ts";

const small = { width: 4, depth: 2 };

modelTests(pix2pix, [small, { ...small, loss: "adversarial", discriminatorWidth: 4, dropout: 0.5, rate: 1e-3 }], {
  given: pairsOf({ change: "denoise", amount: 0.3 }),
});

it("pix2pix: whoever takes all for real is right about real pairs, wrong about made ones, and cannot be fooled more", () => {
  const options = { ...small, loss: "adversarial", discriminatorWidth: 4, errorWeight: 10 };
  const model = inNumbers(pix2pix, options, 3, { "discriminator/out/bias": 6 });
  const [discriminator, generator] = [model.phase("discriminator"), model.phase("generator")];
  // Log-odds of 6, and what weights of N(0, 0.02²) add.
  expect(discriminator.real).toBeLessThan(0.02);
  expect(discriminator.made).toBeGreaterThan(5);
  expect(discriminator.loss).toBeCloseTo((discriminator.real! + discriminator.made!) / 2, 10);
  expect(generator.adversarial).toBeLessThan(0.02);
  expect(generator.loss).toBeCloseTo(generator.adversarial! + 10 * generator.error!, 10);
});
