import { expect, it } from "vitest";
import { sizeOf } from "../../src/base/array.ts";
import { gan } from "../../src/models/gan.ts";
import { parseOptions } from "../../src/models/index.ts";
import type { DataSpec } from "../../src/models/model.ts";
import { adversarialDepth } from "../../src/nn/adversarial-nets.ts";
import { compileModel } from "../../src/train/steps.ts";
import { lossValues } from "./loss-values.ts";
import { modelTests } from "./model-tests.ts";

const SMALL = { width: 8, latent: 8, rate: 1e-3, discriminatorRate: 5e-4, emaDecay: 0.9 };
/** The settings of Radford et al. 2016, section 4, but for the sizes. */
const PAPER = {
  ...{ net: "dcgan", loss: "nonSaturating", generatorNorm: "batch", discriminatorNorm: "batch", penalty: "none" },
  ...{ diffAugment: "none", deviation: 0.02, beta1: 0.5, beta2: 0.999, schedule: "constant" },
};

modelTests(
  gan,
  [
    { ...SMALL, ...PAPER },
    {
      ...{
        net: "residual",
        width: 4,
        latent: 8,
        loss: "wasserstein",
        discriminatorNorm: "none",
        discriminatorSteps: 2,
      },
      ...{ penalty: "wgan-gp", penaltyWeight: 10, diffAugment: "colour+translation+cutout", emaDecay: 0.9 },
    },
  ],
  { resumes: true },
);

it("has as many parameters as the generator of DCGAN's figure 1, with the paper's settings", () => {
  const spec: DataSpec = { height: 64, width: 64, channels: 3, classes: ["a", "b"], mirror: false };
  const built = gan.build(parseOptions(gan, { ...PAPER, latent: 100, width: 128 }), spec);
  const { specs } = compileModel(built, spec, 2);
  const count = [...specs].filter(([path, { trainable }]) => trainable && path.startsWith("generator/"));
  // Figure 1: 100 -> 4x4x1024 -> 512 -> 256 -> 128 -> 3 with kernels (of 4x4 here; the figure draws 5x5) and batch norms.
  const kernels = 100 * 16 * 1024 + 16 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3);
  const others = 2 * (1024 + 512 + 256 + 128) + 3;
  expect(count.reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0)).toBe(kernels + others);
});

it("penalises the slope at a share of the pictures as if they were all that there are", () => {
  const spec: DataSpec = { height: 8, width: 8, channels: 1, classes: ["a", "b"], mirror: false };
  const penalty = (pictures: number, penaltyShare: number) =>
    lossValues(gan, { width: 4, latent: 4, penalty: "r1", penaltyShare, diffAugment: "none" }, spec, {
      phase: "discriminator",
      labels: new Int32Array(pictures),
    }).penalty!;
  const first = penalty(3, 1);
  expect(first).toBeGreaterThan(0);
  // Float64, but another number of pictures is another order of sums.
  expect(penalty(6, 0.5)).toBeCloseTo(first, 9);
  expect(Math.abs(penalty(6, 1) - first)).toBeGreaterThan(1e-6);
});

it("refuses a slope of a score that depends on other pictures, and a Wasserstein score of any slope", () => {
  const spec: DataSpec = { height: 8, width: 8, channels: 1, classes: ["a", "b"], mirror: false };
  const build = (options: Record<string, unknown>) => () => gan.build(parseOptions(gan, options), spec);
  expect(build({ discriminatorNorm: "batch", penalty: "r1" })).toThrowError(/discriminatorNorm=batch a score depends/);
  expect(build({ discriminatorNorm: "batch", penalty: "r1", penaltyWeight: 0 })).not.toThrow();
  for (const discriminatorNorm of ["none", "batch"])
    expect(build({ loss: "wasserstein", penalty: "none", discriminatorNorm })).toThrowError(
      /limits nothing; set discriminatorNorm=/,
    );
  expect(build({ loss: "wasserstein" })).not.toThrow();
});

it("changes what the discriminator sees of few pictures, and shows many as they are", () => {
  const spec: DataSpec = { height: 8, width: 8, channels: 1, classes: ["a", "b"], mirror: false };
  const loss = (diffAugment: string, examples?: DataSpec["examples"]) =>
    lossValues(
      gan,
      { width: 4, latent: 4, diffAugment },
      { ...spec, examples },
      {
        phase: "discriminator",
        labels: new Int32Array(4),
      },
    ).total;
  const [changed, plain] = [loss("translation+cutout"), loss("none")];
  expect(changed).not.toBe(plain);
  expect(loss("auto", { labelled: 10, unlabelled: 9989 })).toBe(changed);
  expect(loss("auto", { labelled: 10, unlabelled: 9990 })).toBe(plain);
  expect(loss("auto")).toBe(changed);
});

it("goes down to maps below 8 a side, which for large pictures are of 8 times the first channels", () => {
  const sides = [28, 32, 64, 128, 224, 512];
  expect(sides.map((side) => adversarialDepth(side, side))).toEqual([2, 3, 4, 5, 5, 6]);
  const spec: DataSpec = { height: 224, width: 224, channels: 3, classes: ["a", "b"], mirror: true };
  const { specs } = compileModel(gan.build(parseOptions(gan, {}), spec), spec, 2);
  expect(specs.get("discriminator/conv5/weights")!.shape).toEqual([4, 4, 8 * 48, 8 * 48]);
  // The layer that sees all of the last maps, of 7x7.
  expect(specs.get("discriminator/dense/weights")!.shape).toEqual([7 * 7 * 8 * 48, 2 * 8 * 48]);
});
