import { describe, expect, it } from "vitest";
import { scattered } from "../../src/base/scattered.ts";
import { gather, range } from "../../src/data/dataset.ts";
import { toBytes } from "../../src/data/picture.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withValidation } from "../../src/data/splits.ts";
import { parseOptions } from "../../src/models/index.ts";
import { stargan } from "../../src/models/stargan.ts";
import { initialState } from "../../src/nn/scope.ts";
import { TrainedModel } from "../../src/predict/trained.ts";
import { fit } from "../../src/train/fit.ts";
import type { Snapshot } from "../../src/train/fit-options.ts";
import { compileModel } from "../../src/train/steps.ts";
import { expectClose, NATIVE } from "../helpers.ts";
import { trainGan } from "../train/small-gan.ts";
import { modelTests } from "./model-tests.ts";

const small = { width: 4, blocks: 1, discriminatorWidth: 4, rate: 2e-3, emaDecay: 0.9 };

modelTests(stargan, [small, { ...small, loss: "wasserstein" }]);

describe("stargan", () => {
  const { test, classes } = glyphs({ train: 10, test: 6 });
  const data = { height: 28, width: 28, channels: 1, classes, mirror: false };
  const untrained = () => {
    const options = parseOptions(stargan, small);
    const { specs } = compileModel(stargan.build(options, data), data, 4);
    const weights = { state: initialState(specs, 3), fitted: new Map() };
    // What is evaluated are averages, which are the weights at first.
    for (const path of specs.keys())
      if (specs.has(`average/${path}`)) weights.state.set(`average/${path}`, weights.state.get(path)!);
    return new TrainedModel({ model: "stargan", options, data }, weights, NATIVE, stargan);
  };

  it("makes another picture for another class, of the first weights on", async () => {
    const model = untrained();
    const picture = await gather(test!, range(0, 2));
    const as = async (label: number) => (await model.translate(picture, new Int32Array(2).fill(label))).data;
    const [three, four] = [await as(3), await as(4)];
    let most = 0;
    three.forEach((value, i) => {
      most = Math.max(most, Math.abs(value - four[i]!));
    });
    expect(most).toBeGreaterThan(1e-3);
    expect(await as(3)).toEqual(three);
    await model.dispose();
  });

  it("measures there and back: as the class after its own, and again as its own", async () => {
    const model = untrained();
    const picture = await gather(test!, range(0, 6));
    // The last class is followed by the first.
    const own = Int32Array.of(0, 4, 8, 9, 9, 2);
    const { data: error } = await model.run("cycleError", { picture, label: own });
    const there = (
      await model.translate(
        picture,
        own.map((label) => (label + 1) % 10),
      )
    ).data;
    // A picture is given as bytes, so the way back starts from rounded values: 1/510 each, which a net may enlarge a little.
    const back = (
      await model.translate(
        Uint8Array.from(there, (value) => Math.round(255 * value)),
        own,
      )
    ).data;
    for (let i = 0; i < 6; i++) {
      let total = 0;
      for (let j = 784 * i; j < 784 * (i + 1); j++) total += (back[j]! - picture[j]! / 255) ** 2 / 784;
      expect(Math.abs(total - error[i]!)).toBeLessThan(0.02 * error[i]!);
    }
    await model.dispose();
  });

  it("is watched: losses of both networks on validation pictures, norms, and what runs away", async () => {
    const own = glyphs({ train: 60, test: 1 });
    const whole = withValidation(own, 0.4, 0);
    const built = (rate: number) => stargan.build(parseOptions(stargan, { ...small, rate }), data);
    const { epochs, alarms } = await trainGan(built(2e-3), whole, { epochs: 2 });
    const told = Object.keys(epochs.at(-1)!.metrics);
    for (const name of [
      ...["validation/discriminator/real", "validation/discriminator/class", "validation/generator/cycle"],
      ...["train/discriminator/gradientNorm", "watch/generator/parameterNorm"],
    ])
      expect(told).toContain(name);
    expect(alarms).toEqual([]);
    // A rate 500 times as high.
    const wild = await trainGan(built(1), whole, { epochs: 4 });
    expect(wild.alarms.map(({ name }) => name)).toEqual(["runaway"]);
  });

  it("tells after each epoch what it makes of the same validation pictures, as all classes in turn", async () => {
    const whole = withValidation(glyphs({ train: 120, test: 1 }), 0.4, 0);
    const frames: Uint8Array[] = [];
    let saved: Snapshot | undefined;
    const running = fit({
      ...{ name: "stargan", model: stargan.build(parseOptions(stargan, small), data), data: whole, backend: NATIVE },
      ...{ seed: 1, batch: 16, augmentation: {}, epochs: 2, save: (_, snapshot) => void (saved = snapshot) },
    });
    for await (const event of running) if (event.type === "samples") frames.push(event.pixels);
    expect(frames.map(({ length }) => length)).toEqual([40 * 784, 40 * 784]);
    const model = new TrainedModel(
      { model: "stargan", options: parseOptions(stargan, small), data },
      { state: saved!.state, fitted: new Map() },
      NATIVE,
      stargan,
    );
    const pictures = await gather(whole.validation!, Array.from(scattered(whole.validation!.labels.length, 40)));
    const { data: made } = await model.translate(
      pictures,
      Int32Array.from({ length: 40 }, (_, i) => i % 10),
    );
    // The same graph in batches of another size: a grey level of rounding.
    expectClose(frames[1]!, toBytes(made), 1, "the last frame");
    await model.dispose();
  });

  it("has the penalty of its loss: R1 draws nothing, WGAN-GP a place between real and translated", () => {
    const noisesOf = (loss: string) => {
      const model = stargan.build(parseOptions(stargan, { ...small, loss }), data);
      const [discriminator] = compileModel(model, data, 4).stages[0]!.phases;
      return [...discriminator!.noises.keys()];
    };
    expect(noisesOf("hinge")).toEqual(["asked"]);
    expect(noisesOf("wasserstein")).toEqual(["asked", "between"]);
  });
});
