import { expect, it } from "vitest";
import { vaegan } from "../../src/models/vaegan.ts";
import { inNumbers, meanOf, softplus } from "./in-numbers.ts";
import { modelTests } from "./model-tests.ts";

modelTests(vaegan, [{ width: 8, hidden: 32, latent: 8, rate: 1e-3 }], { epochs: 8 });

it("vaegan judges pictures, their reconstructions and what is made of noise, each with its weight", () => {
  const [n, latent] = [3, 4];
  const model = inNumbers(vaegan, { width: 4, hidden: 8, latent, penalty: 3 }, n);
  const judged = (picture: number[]) => model.head("discriminate", { picture: model.tensor(picture, 8, 8, 1) });
  const real = model.head("discriminate");
  const reconstructed = judged(model.head("reconstruct"));
  const made = judged(model.head("decode", { latent: model.tensor(new Array(n * latent).fill(0), latent) }));
  const half = (of: (v: number) => number) => (meanOf(reconstructed.map(of)) + meanOf(made.map(of))) / 2;

  const discriminator = model.phase("discriminator");
  expect(discriminator.real).toBeCloseTo(meanOf(real.map((v) => softplus(-v))), 10);
  expect(discriminator.generated).toBeCloseTo(half(softplus), 10);
  expect(discriminator.penalty).toBeGreaterThan(0);
  expect(discriminator.loss).toBeCloseTo(
    discriminator.real! + discriminator.generated! + 3 * discriminator.penalty!,
    10,
  );
  expect(model.phase("decoder").fooled).toBeCloseTo(
    half((v) => softplus(-v)),
    10,
  );

  const deviation = model.head("encodeDeviation");
  const kl = model.head("encode").map((m, i) => (m * m + deviation[i]! ** 2 - 1) / 2 - Math.log(deviation[i]!));
  const encoder = model.phase("encoder");
  expect(encoder.kl).toBeCloseTo(meanOf(kl) * latent, 10);
  expect(encoder.error).toBeGreaterThan(0);
  expect(encoder.loss).toBeCloseTo(encoder.kl! + encoder.error!, 10);

  // γ counts as if there were 3136 feature values; there are 4x4x4, of one level.
  const decoder = model.phase("decoder");
  expect(decoder.loss).toBeCloseTo(decoder.fooled! + (0.01 * 3136 * encoder.error!) / 64, 10);
});
