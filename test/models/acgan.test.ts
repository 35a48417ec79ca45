import { describe, expect, it } from "vitest";
import { acgan } from "../../src/models/acgan.ts";
import { parseOptions } from "../../src/models/index.ts";
import type { DataSpec } from "../../src/models/model.ts";
import { compileModel } from "../../src/train/steps.ts";
import { lossValues } from "./loss-values.ts";
import { modelTests } from "./model-tests.ts";

const SMALL = { width: 8, latent: 8, embedding: 8, emaDecay: 0.9 };

const trained = { ...SMALL, rate: 1e-3, discriminatorRate: 4e-3, penalty: "r1" };
modelTests(acgan, [trained, { ...trained, conditioning: "projection" }, { ...trained, conditioning: "auxiliary" }]);

describe("acgan by projection", () => {
  const spec: DataSpec = { height: 28, width: 28, channels: 1, classes: ["a", "b", "c"], mirror: false };

  it("does not classify, and tells real pictures from generated ones by class", () => {
    const built = acgan.build(parseOptions(acgan, { ...SMALL, conditioning: "projection" }), spec);
    const { heads } = built;
    expect(Object.keys(heads)).toEqual(["sample", "discriminate", "features"]);
    expect(heads.discriminate!.takes).toEqual(["picture", "label"]);
    // Compiling checks what heads give and what phases move.
    expect([...compileModel(built, spec, 4).specs.keys()]).toContain("discriminator/projection/weights");
  });
});

describe("a step of acgan", () => {
  const spec: DataSpec = { height: 8, width: 8, channels: 1, classes: ["a", "b", "c"], mirror: false };
  const step = (conditioning: string, phase: string, labels: readonly number[], labelledHalf = false) =>
    lossValues(acgan, { width: 4, latent: 4, embedding: 4, penalty: "none", diffAugment: "none", conditioning }, spec, {
      ...{ phase, labels: Int32Array.from(labels), labelledHalf },
    });

  it.each(["auxiliary", "adc"])("learns classes from pictures with a label alone (%s)", (conditioning) => {
    for (const phase of ["discriminator", "generator"]) {
      const none = step(conditioning, phase, [-1, -1, -1]);
      expect(none.class).toBe(0);
      expect(none.total).toBe(none.loss);
      expect(Math.abs(step(conditioning, phase, [0, -1, -1]).class!)).toBeGreaterThan(1e-3);
    }
    // The mean is over those: what is of the first picture does not shrink with the number of the others.
    const alone = step(conditioning, "discriminator", [0, -1, -1]).class;
    const beside = step(conditioning, "discriminator", [0, 1, -1]).class;
    expect(beside).not.toBeCloseTo(alone! / 2, 3);
  });

  it("looks at the class in the score itself by projection, and of pictures with a label alone", () => {
    const [a, b, none] = [[0], [1], [-1]].map((labels) => step("projection", "discriminator", labels));
    expect(a!.realScore).not.toBeCloseTo(b!.realScore!, 6);
    expect(a!.realScore).not.toBeCloseTo(none!.realScore!, 6);
    // The other two score a picture whatever it is of.
    const adc = [[0], [1], [-1]].map((labels) => step("adc", "discriminator", labels).realScore);
    expect(adc).toEqual([adc[0], adc[0], adc[0]]);
  });

  it("does not take the few pictures with a label for what is real, though they teach classes", () => {
    for (const conditioning of ["auxiliary", "adc", "projection"]) {
      const [alone, beside] = [false, true].map((half) => step(conditioning, "discriminator", [-1, -1, -1], half));
      const apart = Math.abs(beside!.realScore! - alone!.realScore!);
      if (conditioning !== "projection") {
        // Float64, but two means of another order.
        expect(apart).toBeLessThan(1e-12);
        expect(Math.abs(beside!.class!)).toBeGreaterThan(1e-3);
      } else expect(apart).toBeGreaterThan(1e-6);
    }
  });

  it("asks the generator for the class of the label", () => {
    // Scores of generated pictures: by adc they see no label but through the picture.
    const [a, again, b] = [[0], [0], [1]].map((labels) => step("adc", "discriminator", labels).generatedScore);
    expect(again).toBe(a);
    expect(b).not.toBeCloseTo(a!, 6);
  });
});
