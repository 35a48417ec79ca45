// Alarms of the adversarial models themselves: none in a healthy run, and the right one where a fault is planted.
import { describe, expect, it } from "vitest";
import { exampleCounts } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels, withValidation } from "../../src/data/splits.ts";
import { acgan } from "../../src/models/acgan.ts";
import { gan } from "../../src/models/gan.ts";
import { parseOptions } from "../../src/models/index.ts";
import type { Model } from "../../src/models/model.ts";
import { sgan } from "../../src/models/sgan.ts";
import { trainGan } from "./small-gan.ts";

const whole = withValidation(glyphs({ train: 800, test: 10 }), 0.2, 1);

/** The names of the alarms that begin in a run of some epochs of 640 pictures. */
async function alarmsOf(model: Model, options: Record<string, unknown>, epochs: number, data = whole) {
  const { height, width, channels } = data.train;
  const spec = { height, width, channels, classes: data.classes, mirror: false, examples: exampleCounts(data.train) };
  const { alarms } = await trainGan(model.build(parseOptions(model, options), spec), data, { epochs });
  return alarms.filter(({ state }) => state === "begins").map(({ name, epoch, text }) => ({ name, epoch, text }));
}

const small = { width: 8, latent: 16 };
/**
 * Rates of which scores run away. Spectral normalisation would bear them, as what is normalised does not grow, and so would these nets
 * with the penalty on slopes: samples then get better, and nothing is to be told.
 */
const wild = { discriminatorNorm: "none", penalty: "none", rate: 0.1, discriminatorRate: 0.1 };

describe("alarms", () => {
  it.each<[Model, Record<string, unknown>]>([
    [gan, { ...small, net: "dcgan" }],
    [acgan, small],
  ])("of $name are none in a healthy run", { tags: ["long"] }, async (model, options) => {
    expect(await alarmsOf(model, options, 4)).toEqual([]);
  });

  it("of sgan are none in a healthy run with few labels", async () => {
    expect(await alarmsOf(sgan, { width: 0.2, latent: 16 }, 4, withLabels(whole, 10, 1))).toEqual([]);
  });

  it("of gan with rates of 0.1 is that numbers run away, and no other", async () => {
    expect(await alarmsOf(gan, { ...small, net: "dcgan", ...wild }, 2)).toEqual([
      { name: "runaway", epoch: expect.toSatisfy((epoch) => epoch <= 2), text: expect.any(String) },
    ]);
  });
});
