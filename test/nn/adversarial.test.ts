import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import { interpret } from "../../src/graph/interpret.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant, input, type Tensor } from "../../src/graph/tensor.ts";
import { ADVERSARIAL_LOSSES, type AdversarialLossName, CLASS_LOSSES } from "../../src/nn/adversarial.ts";

const SCORES = [-3, -1, -0.25, 0, 0.5, 1, 4];
const s = input("s", [SCORES.length]);
const feeds = { s: ndarray("float32", [SCORES.length], SCORES) };
const valuesOf = (x: Tensor) => [...interpret([x], feeds)[0]!.data];
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** The formulas as their papers have them; of least squares the score is half a unit lower. */
const FORMULAS: Record<AdversarialLossName, Record<"real" | "generated" | "generator", (s: number) => number>> = {
  nonSaturating: {
    real: (s) => -Math.log(sigmoid(s)),
    generated: (s) => -Math.log(1 - sigmoid(s)),
    generator: (s) => -Math.log(sigmoid(s)),
  },
  hinge: { real: (s) => Math.max(0, 1 - s), generated: (s) => Math.max(0, 1 + s), generator: (s) => -s },
  leastSquares: {
    real: (s) => (s + 0.5 - 1) ** 2 / 2,
    generated: (s) => (s + 0.5) ** 2 / 2,
    generator: (s) => (s + 0.5 - 1) ** 2 / 2,
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

it("scores above 0 say that a picture is real, where a loss has a place at which it says neither", () => {
  // There the slopes of both sides are of one size.
  for (const name of ["nonSaturating", "hinge", "leastSquares"] as const) {
    const slopes = (["real", "generated"] as const).map((side) => {
      const [slope] = grad(g.sum(ADVERSARIAL_LOSSES[name][side](s)), [s]);
      return valuesOf(slope!)[SCORES.indexOf(0)]!;
    });
    expect(slopes[0], name).toBeLessThan(0);
    expect(slopes[1], name).toBeCloseTo(-slopes[0]!, 12);
  }
});

it("the generator's loss that does not saturate has a slope near 1 where the discriminator is sure", () => {
  const [slope] = grad(g.sum(ADVERSARIAL_LOSSES.nonSaturating.generator(s)), [s]);
  expect(valuesOf(slope!)[0]).toBeCloseTo(-(1 - sigmoid(-3)), 10);
});

describe("losses on classes", () => {
  // Two pictures of two classes; what the classifier says of them, as logarithms of probabilities.
  const P = [
    [0.7, 0.1, 0.15, 0.05],
    [0.2, 0.3, 0.1, 0.4],
  ];
  const labels = constant(ndarray("int32", [2], [0, 1]));
  const logits = (columns: number) =>
    constant({
      shape: [2, columns],
      dtype: "float32",
      data: Float64Array.from(P.flatMap((row) => row.slice(0, columns).map(Math.log))),
    });
  const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 12));
  const numbers = (x: Tensor) => [...interpret([x])[0]!.data];

  it("auxiliary: cross entropy of real pictures, and of generated ones for the generator alone", () => {
    const { outputs, real, generator } = CLASS_LOSSES.auxiliary;
    expect(outputs(2)).toBe(2);
    const expected = close([-Math.log(0.7 / 0.8), -Math.log(0.3 / 0.5)]);
    expect(numbers(real(logits(2), labels))).toEqual(expected);
    expect(numbers(generator(logits(2), labels))).toEqual(expected);
    expect("generated" in CLASS_LOSSES.auxiliary).toBe(false);
  });

  it("adc: classes as real and as generated; the generator's is the logarithm of their ratio", () => {
    const { outputs, real, generated, generator } = CLASS_LOSSES.adc;
    expect(outputs(2)).toBe(4);
    expect(numbers(real(logits(4), labels))).toEqual(close([-Math.log(0.7), -Math.log(0.3)]));
    expect(numbers(generated(logits(4), labels))).toEqual(close([-Math.log(0.15), -Math.log(0.4)]));
    expect(numbers(generator(logits(4), labels))).toEqual(close([Math.log(0.15 / 0.7), Math.log(0.4 / 0.3)]));
  });
});
