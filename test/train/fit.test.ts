import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { AUGMENTATIONS } from "../../src/data/augment.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withValidation } from "../../src/data/splits.ts";
import { findModel, parseOptions } from "../../src/models/index.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { engineFor } from "../../src/runtime/onednn/engine.ts";
import { fit } from "../../src/train/fit.ts";
import type { FitOptions } from "../../src/train/fit-options.ts";
import { allOf, BACKENDS } from "../helpers.ts";

const data = withValidation(glyphs({ train: 400, test: 10 }), 0.2, 1);
const { height, width, channels } = data.train;
const vae = findModel("vae");
const model = vae.build(parseOptions(vae, { width: 8, hidden: 32, latent: 8 }), {
  ...{ height, width, channels },
  classes: data.classes,
  mirror: false,
});

const run = (backend: Backend, more: Partial<FitOptions> = {}) =>
  fit({
    ...{ name: "vae", model, data, backend, seed: 1, batch: 32, augmentation: AUGMENTATIONS.strong!, epochs: 2 },
    ...more,
  });

describe.each(BACKENDS)("the training loop on $name", (backend) => {
  it("tells of every step in order, each with the losses of that step alone", async () => {
    const steps = (await allOf(run(backend))).flatMap((event) => (event.type === "step" ? [event] : []));
    // 320 pictures by 32, twice.
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(new Set(steps.map(({ losses }) => losses["joint/loss"])).size).toBe(20);
    const again = (await allOf(run(backend))).flatMap((event) => (event.type === "step" ? [event] : []));
    expect(again.map(({ losses }) => losses)).toEqual(steps.map(({ losses }) => losses));
  });

  it("can be left while the next step is in flight: its memory is freed, and another run goes on", async () => {
    await allOf(run(backend));
    const used = () => (backend.name === "onednn" ? engineFor(availableParallelism()).heap.used : 0);
    const before = used();
    for await (const event of run(backend)) if (event.type === "step" && event.step === 3) break;
    expect(used()).toBe(before);
    expect((await allOf(run(backend))).at(-1)).toMatchObject({ type: "end", reason: "planned", step: 20 });
  });

  it("stops with a checkpoint when it is interrupted, after the steps that are in flight by then", async () => {
    let asked = 0;
    let saved = -1;
    const events = await allOf(
      run(backend, {
        interrupted: () => ++asked === 4,
        save: (_which, { progress }) => {
          saved = progress.step;
        },
      }),
    );
    // Asked after the fourth, when the fifth was queued; not asked again.
    expect(events.filter(({ type }) => type === "step").length).toBe(5);
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "interrupted", step: 5 });
    expect([asked, saved]).toEqual([4, 5]);
  });
});
