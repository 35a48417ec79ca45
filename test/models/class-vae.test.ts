import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/base/array.ts";
import { classVae } from "../../src/models/class-vae.ts";
import { fixedNormal } from "../../src/nn/fixed-noise.ts";
import { normalInit } from "../../src/nn/init.ts";
import { initialState } from "../../src/nn/scope.ts";
import { logBernoulli, logPeak, logStandard, rowsOf } from "./bound-terms.ts";
import { inNumbers, meanOf } from "./in-numbers.ts";
import { modelTests } from "./model-tests.ts";

modelTests(
  classVae,
  [
    { ...{ width: 8, hidden: 32, latent: 8, flowSteps: 2, flowHidden: 16, draws: 2 } },
    {
      ...{ width: 8, hidden: 32, latent: 8, prior: "mixture", components: 2, draws: 1 },
      ...{ likelihood: "gaussian", freeBits: 2, importance: 3 },
    },
  ],
  { epochs: 8 },
);

describe("class-vae", () => {
  const n = 3;
  const small = { width: 4, depth: 1, hidden: 8, latent: 4, flowSteps: 2, flowHidden: 8 };
  const logSumExp = (values: readonly number[]) => Math.log(values.reduce((sum, v) => sum + Math.exp(v), 0));

  it("has a bound of its heads reconstruct, encode and encodeDeviation, under the mixture of its classes", () => {
    // Each class has the prior N(0, I) and a third of the pictures; noise is 0, so that the draw is the posterior's mean.
    const model = inNumbers(classVae, { ...small, prior: "standard" }, n);
    const rows = (head: string) => rowsOf(model.head(head), n);
    const [x, reconstructed] = [rowsOf(model.pixels, n), rows("reconstruct")];
    const [means, deviations] = [rows("encode"), rows("encodeDeviation")];
    model.head("elbo").forEach((bound, i) => {
      const logWeight = logBernoulli(x[i]!, reconstructed[i]!) + logStandard(means[i]!) - logPeak(deviations[i]!);
      expect(bound).toBeCloseTo(logWeight, 9);
    });
  });

  it("gives each class the mean of p(y | z) over the same draws for every picture, and has the mean of ln p(z) for its energy", () => {
    const draws = 3;
    const model = inNumbers(classVae, { ...small, prior: "mixture", components: 1, draws }, n);
    // N(centre, I) for each class, which have equal shares at first.
    const spec = { shape: [3, small.latent], init: normalInit(1), trainable: true };
    const centres = rowsOf(Array.from(initialState(new Map([["prior/mean", spec]]), 1).get("prior/mean")!.data), 3);
    const noise = rowsOf(Array.from((fixedNormal(draws, small.latent).attrs.value as NdArray).data), draws);
    const [means, deviations] = [rowsOf(model.head("encode"), n), rowsOf(model.head("encodeDeviation"), n)];
    for (const [i, logits] of rowsOf(model.head("classify"), n).entries()) {
      const joint = noise.map((row) => {
        const z = row.map((e, j) => means[i]![j]! + deviations[i]![j]! * e);
        return centres.map((centre) => logStandard(z.map((v, j) => v - centre[j]!)) - Math.log(3));
      });
      expect(logSumExp(logits)).toBeCloseTo(meanOf(joint.map(logSumExp)), 9);
      centres.forEach((_, y) => {
        const probability = meanOf(joint.map((row) => Math.exp(row[y]! - logSumExp(row))));
        expect(Math.exp(logits[y]! - logSumExp(logits))).toBeCloseTo(probability, 9);
      });
    }
  });

  it("trained on several draws has the bound of one where they are the same, each with the label of its picture", () => {
    // The noise is 0, so that all draws of a picture are one.
    const phase = (importance: number) => inNumbers(classVae, { ...small, importance }, n).phase("joint");
    const [one, several] = [phase(1), phase(3)];
    for (const [name, value] of Object.entries(one)) expect(several[name], name).toBeCloseTo(value, 9);
  });
});
