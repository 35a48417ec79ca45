import { expect, it } from "vitest";
import { bigan } from "../../src/models/bigan.ts";
import { inNumbers, softplus } from "./in-numbers.ts";
import { modelTests } from "./model-tests.ts";

modelTests(bigan, [{ width: 8, hidden: 64, latent: 32, rate: 1e-3, classifierRate: 5e-3 }]);

it("bigan's encoder and generator want the answers that its discriminator does not", () => {
  // Of one picture the losses are ln(1 + e^-s) and ln(1 + e^s) of the same score s, which is their difference.
  const model = inNumbers(bigan, { width: 4, hidden: 8, latent: 4 }, 1);
  const [discriminator, players] = [model.phase("discriminator"), model.phase("encoder and generator")];
  const [coded, generated] = [players.encoder! - discriminator.real!, discriminator.generated! - players.generator!];
  expect(players.encoder).toBeCloseTo(softplus(coded), 10);
  expect(players.generator).toBeCloseTo(softplus(-generated), 10);
  expect(Math.abs(coded - generated)).toBeGreaterThan(1e-6);
  expect(players.loss).toBeCloseTo(players.encoder! + players.generator!, 10);
  expect(discriminator.loss).toBeCloseTo(discriminator.real! + discriminator.generated!, 10);
});
