import { describe, expect, it } from "vitest";
import { hybrid } from "../../src/models/hybrid.ts";
import { parseOptions } from "../../src/models/index.ts";
import { compileModel } from "../../src/train/steps.ts";
import { inNumbers, meanOf } from "./in-numbers.ts";
import { modelTests } from "./model-tests.ts";

const small = { widths: "4-8", latent: 4, hidden: 16, rate: 2 };

modelTests(hybrid, [small, { ...small, training: "staged", adversarial: "nonSaturating", optimizer: "adam" }]);

describe("hybrid", () => {
  const n = 3;
  /** Of a divergence in nats, in squared errors a pixel of variance 0.01: of 64 pixels. */
  const KL_SCALE = (2 * 0.01) / 64;

  it("learns classes and the autoencoder's bound together, by the weight between them", () => {
    const joint = inNumbers(hybrid, { ...small, reconstructionWeight: 5 }, n).phase("joint");
    expect(joint.loss).toBeCloseTo(joint.class! + 5 * (joint.error! + KL_SCALE * joint.kl!), 10);
    expect(joint.error).toBeGreaterThan(0.01);
    expect(joint.kl).toBeGreaterThan(0.01);
  });

  it("lets code, decoder and score follow what its heads say, with averaged features", () => {
    const model = inNumbers(hybrid, { ...small, diffAugment: "none" }, n);
    const error = meanOf(model.head("reconstruct").map((v, i) => (v - model.pixels[i]!) ** 2));
    const deviation = model.head("encodeDeviation");
    const terms = model.head("encode").map((m, i) => (m * m + deviation[i]! ** 2 - 1) / 2 - Math.log(deviation[i]!));
    const kl = 4 * meanOf(terms);
    const made = model.head("decode", { latent: model.tensor(new Array(4 * n).fill(0), 4) });
    const hinge = (scores: number[], sign: number) => meanOf(scores.map((s) => Math.max(0, 1 + sign * s)));
    const real = hinge(model.head("discriminate"), -1);
    const generated = hinge(model.head("discriminate", { picture: model.tensor(made, 8, 8, 1) }), 1);
    const follow = model.phase("follow");
    expect(follow.error).toBeCloseTo(error, 10);
    expect(follow.kl).toBeCloseTo(kl, 10);
    expect(follow.real).toBeCloseTo(real, 10);
    expect(follow.generated).toBeCloseTo(generated, 10);
    expect(follow.loss).toBeCloseTo(error + KL_SCALE * kl + real + generated, 10);
  });

  it.each(["joint", "staged"])("has nothing adversarial at adversarialRate=0 (%s)", (training) => {
    const data = { height: 8, width: 8, channels: 1, classes: ["a", "b"], mirror: false };
    const built = hybrid.build(parseOptions(hybrid, { ...small, training, adversarialRate: 0 }), data);
    expect(Object.keys(built.heads)).not.toContain("sample");
    expect(Object.keys(built.heads)).not.toContain("discriminate");
    const { specs, stages } = compileModel(built, data, 4);
    expect([...specs.keys()].filter((path) => path.includes("discriminator/score"))).toEqual([]);
    expect(stages.map(({ phases }) => phases.length)).toEqual([1, 2]);
    // Where the classes were learnt before, the optimizer goes on; where they were not, it is another.
    const owners = new Set([...specs.keys()].flatMap((path) => /^optimizer\/([^/:]+)/.exec(path)?.[1] ?? []));
    expect(owners.has("classifier")).toBe(training === "staged");
    expect(owners.has(training === "joint" ? "joint" : "autoencoder")).toBe(true);
  });
});
