import { describe, expect, it } from "vitest";
import { parseOptions } from "../../src/models/index.ts";
import { vae } from "../../src/models/vae.ts";
import { modelTests } from "./model-tests.ts";

modelTests(vae, [
  { width: 8, hidden: 32, latent: 8, training: "joint" },
  { width: 8, hidden: 32, latent: 8, training: "two-phase", norm: "batch", blocks: 1, likelihood: "gaussian" },
  { width: 8, hidden: 32, latent: 8, training: "joint", likelihood: "logistic" },
  { width: 8, hidden: 32, latent: 8, training: "separate", generativeShare: 0.3, rate: 4e-3, fastWidths: "8-16" },
  { width: 8, hidden: 32, latent: 8, training: "few-labels", generativeShare: 0.3, rate: 4e-3, fastWidths: "8-16" },
]);

describe("training=auto", () => {
  const of = (channels: number, { labelled = 20000, unlabelled = 0, training = "auto", side = 32 } = {}) => {
    const { stages, streams } = vae.build(parseOptions(vae, { training }), {
      ...{ height: side, width: side, channels, classes: ["a", "b"], mirror: channels === 3 },
      examples: { labelled, unlabelled },
    });
    return {
      phases: stages.map(({ phases }) => phases.map(({ name }) => name)),
      shares: stages.map((s) => s.share),
      streams,
    };
  };

  it("is joint for grey pictures", () => {
    expect(of(1).phases).toEqual([["joint"]]);
  });

  it("trains a net of its own for colour pictures, on batches as large as cnn net=fast takes", () => {
    const { phases, shares, streams } = of(3);
    expect(phases).toEqual([["generative"], ["classifier"]]);
    expect(shares).toEqual([0.2, 0.8]);
    expect(streams!.labelled).toEqual({ from: "labelled", share: 512 / 128 });
    // Changed pictures teach the classes alone.
    expect(streams!.all).toEqual({ views: { x: "plain" } });
    // No more pixels than 512 pictures of 64x64 have.
    expect(of(3, { side: 128 }).streams!.labelled).toEqual({ from: "labelled", share: 128 / 128 });
    // 1,600 pictures are sixteen steps of a hundred, and a batch is a power of two.
    expect(of(3, { labelled: 1600 }).streams!.labelled).toEqual({ from: "labelled", share: 64 / 128 });
  });

  it("guesses labels where most pictures have none, in colour too", () => {
    const { phases, shares, streams } = of(3, { labelled: 100, unlabelled: 900 });
    expect(phases).toEqual([["generative"], ["classifier"]]);
    expect(shares).toEqual([0.1, 0.9]);
    expect(Object.keys(streams!)).toContain("bank");
    expect(of(3, { labelled: 500, unlabelled: 500 }).streams).not.toHaveProperty("bank");
  });

  it("gives way to what is asked for", () => {
    expect(of(3, { training: "joint" }).phases).toEqual([["joint"]]);
    // Too narrow for the fast net.
    expect(of(3, { side: 1 }).phases).toEqual([["joint"]]);
    expect(of(1, { training: "separate" }).phases).toEqual([["generative"], ["classifier"]]);
  });
});
