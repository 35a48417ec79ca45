import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import { interpret } from "../../src/graph/interpret.ts";
import * as g from "../../src/graph/ops/index.ts";
import { input, type Tensor } from "../../src/graph/tensor.ts";
import { ADVERSARIAL_LOSSES, type AdversarialLossName } from "../../src/nn/adversarial.ts";

const SCORES = [-3, -1, -0.25, 0, 0.5, 1, 4];
const s = input("s", [SCORES.length]);
const feeds = { s: ndarray("float32", [SCORES.length], SCORES) };
const valuesOf = (x: Tensor) => [...interpret([x], feeds)[0]!.data];
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** The formulas as their papers have them. */
const FORMULAS: Record<AdversarialLossName, Record<"real" | "generated" | "generator", (s: number) => number>> = {
  nonSaturating: {
    real: (s) => -Math.log(sigmoid(s)),
    generated: (s) => -Math.log(1 - sigmoid(s)),
    generator: (s) => -Math.log(sigmoid(s)),
  },
  hinge: { real: (s) => Math.max(0, 1 - s), generated: (s) => Math.max(0, 1 + s), generator: (s) => -s },
  leastSquares: {
    real: (s) => (s - 1) ** 2 / 2,
    generated: (s) => s ** 2 / 2,
    generator: (s) => (s - 1) ** 2 / 2,
  },
  wasserstein: { real: (s) => -s, generated: (s) => s, generator: (s) => -s },
};

describe.each(Object.keys(FORMULAS) as AdversarialLossName[])("adversarial loss %s", (name) => {
  const losses = ADVERSARIAL_LOSSES[name];

  it("is its paper's formula for each score", () => {
    for (const side of ["real", "generated", "generator"] as const)
      expect(valuesOf(losses[side](s)), side).toEqual(
        SCORES.map((score) => expect.closeTo(FORMULAS[name][side](score), 10)),
      );
  });

  it("teaches a discriminator high scores for real pictures and low ones for generated, a generator high ones", () => {
    /** The change of the score that lessens the loss, at scores where no loss is yet content. */
    const wanted = (loss: (scores: Tensor) => Tensor, at: number) => {
      const [slope] = grad(g.sum(loss(s)), [s]);
      return -interpret([slope!], {
        s: ndarray(
          "float32",
          [SCORES.length],
          SCORES.map(() => at),
        ),
      })[0]!.data[0]!;
    };
    expect(wanted(losses.real, 0.25)).toBeGreaterThan(0);
    expect(wanted(losses.generated, 0.25)).toBeLessThan(0);
    expect(wanted(losses.generator, -5)).toBeGreaterThan(0);
  });
});

it("the generator's loss that does not saturate has a slope near 1 where the discriminator is sure", () => {
  const [slope] = grad(g.sum(ADVERSARIAL_LOSSES.nonSaturating.generator(s)), [s]);
  expect(valuesOf(slope!)[0]).toBeCloseTo(-(1 - sigmoid(-3)), 10);
});
