// What every model in the list must hold; a new model gets these tests by being in it.
import { describe, expect, it } from "vitest";
import { AUGMENTATIONS } from "../../src/data/augment.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels, withValidation } from "../../src/data/splits.ts";
import { input } from "../../src/graph/tensor.ts";
import { describeOptions, MODELS, parseOptions } from "../../src/models/index.ts";
import type { DataSpec } from "../../src/models/model.ts";
import { PACKED } from "../../src/nn/optim.ts";
import { Build } from "../../src/nn/scope.ts";
import type { EpochEvent, StepEvent } from "../../src/train/events.ts";
import { fit, type Snapshot } from "../../src/train/fit.ts";
import { compileModel } from "../../src/train/steps.ts";
import { BACKENDS } from "../helpers.ts";

const SPECS: DataSpec[] = [
  [28, 28, 1, 10],
  [32, 32, 3, 2],
  [17, 40, 3, 5],
  [8, 8, 1, 3],
].map(([height, width, channels, k]) => ({
  height: height!,
  width: width!,
  channels: channels!,
  classes: Array.from({ length: k! }, (_, i) => `c${i}`),
  mirror: channels === 3,
}));

/** Options that change what is built, small enough for a test. */
const VARIANTS: Record<string, Record<string, unknown>[]> = {
  vae: [
    { width: 8, hidden: 32, latent: 8 },
    { width: 8, hidden: 32, latent: 8, training: "two-phase", norm: "batch", blocks: 1, likelihood: "gaussian" },
    { width: 8, hidden: 32, latent: 8, likelihood: "logistic" },
  ],
};

describe.each(MODELS.map((model) => [model.name, model] as const))("model %s", (name, model) => {
  it("is cited, and documents every option with a default and a range", () => {
    expect(model.cite).toMatch(/\d{4}/);
    for (const option of describeOptions(model)) {
      expect(option.default, option.name).toBeDefined();
      expect(option.doc.length, option.name).toBeGreaterThan(5);
      expect(option.type, option.name).not.toContain("undefined");
    }
    expect(() => parseOptions(model, { nonsense: 1 })).toThrowError(/has no option "nonsense"/);
  });

  it.each(VARIANTS[name]!)("builds on every kind of picture, with heads of the right shapes: %j", (options) => {
    for (const spec of SPECS) {
      const { heads, phases } = model.build(parseOptions(model, options), spec);
      const x = input("x", [3, spec.height, spec.width, spec.channels]);
      const image = [3, spec.height, spec.width, spec.channels];
      const root = () => new Build(false).root;
      if (heads.classify) expect(heads.classify(root(), x).shape).toEqual([3, spec.classes.length]);
      if (heads.encode) expect(heads.encode(root(), x).shape).toEqual([3, heads.codeSize]);
      if (heads.decode) expect(heads.decode(root(), input("z", [3, heads.codeSize!])).shape).toEqual(image);
      if (heads.reconstruct) expect(heads.reconstruct(root(), x).shape).toEqual(image);
      if (heads.logDensity) expect(heads.logDensity(root(), x).shape).toEqual([3]);
      const compiled = compileModel({ heads, phases }, spec, 4);
      for (const { phase, graph } of compiled.phases)
        for (const path of graph.updates.keys()) {
          const own = path.replace(/^(average\/|optimizer\/[^/]+\/)/, "");
          const assigned = compiled.specs.get(own)?.trainable === false;
          // Common slots of small parameters carry no parameter's path.
          if (own.startsWith(PACKED)) continue;
          expect(
            assigned || phase.updates.some((prefix) => own.startsWith(prefix)),
            `${phase.name} moves ${path}`,
          ).toBe(true);
        }
    }
  });

  it.each(VARIANTS[name]!.flatMap((options) => BACKENDS.map((backend) => [options, backend.name, backend] as const)))(
    "learns glyphs with few labels: losses fall, and validation is above chance: %j on %s",
    async (options, _name, backend) => {
      const data = withLabels(withValidation(glyphs({ train: 1200, test: 10 }), 0.25, 1), 40, 1);
      const { height, width, channels } = data.train;
      const built = model.build(parseOptions(model, options), {
        height,
        width,
        channels,
        classes: data.classes,
        mirror: false,
      });
      const steps: StepEvent[] = [];
      const epochs: EpochEvent[] = [];
      let saved: Snapshot | undefined;
      const events = fit({
        name,
        model: built,
        data,
        backend,
        seed: 1,
        batch: 32,
        augmentation: AUGMENTATIONS.none,
        epochs: 8,
        save: (_which, snapshot) => void (saved = snapshot),
      });
      for await (const event of events) {
        if (event.type === "step") steps.push(event);
        if (event.type === "epoch") epochs.push(event);
      }
      const mean = (part: StepEvent[], key: string) => part.reduce((t, step) => t + step.losses[key]!, 0) / part.length;
      const falling = Object.keys(steps[0]!.losses).filter((key) => !/kl/.test(key));
      for (const key of falling) expect(mean(steps.slice(-10), key), key).toBeLessThan(mean(steps.slice(0, 10), key));
      // Chance is 0.1; its standard error on 300 pictures is 0.017.
      expect(epochs.at(-1)!.metrics["validation/accuracy"]).toBeGreaterThan(0.3);
      expect(saved!.cursor.step).toBe(steps.at(-1)!.step);
    },
  );
});
