// Models on a pretrained network: which are of its features, which move it, and what of it they see.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type NdArray, zeros } from "../../src/base/array.ts";
import { gather, range } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels, withValidation } from "../../src/data/splits.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { NOISE_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import { constant } from "../../src/graph/tensor.ts";
import { softmaxRows } from "../../src/metrics/classification.ts";
import { classVae } from "../../src/models/class-vae.ts";
import { latentDensity } from "../../src/models/latent-density.ts";
import { Build, initialState } from "../../src/nn/scope.ts";
import { load, nativeBackend } from "../../src/node.ts";
import { planRun, startRun } from "../../src/run/train.ts";
import { allOf, randomArray } from "../helpers.ts";
import { FIRST, moved, writeNetwork } from "./small-network.ts";
import { workplace } from "./workplace.ts";

const root = workplace("backbone-models");
const backend = nativeBackend();
const data = withValidation(glyphs({ train: 200, test: 20 }), 0.2, 1);
const backbone = writeNetwork(root, "small");
const call = { data, backend, backbone, image: { height: 28, width: 28 }, batch: 40, epochs: 3, seed: 2 };

describe.each([
  ["vae", { latent: 8, hidden: 32 }, []],
  ["hybrid", { latent: 8, hidden: 32, rate: 1 }, ["long"]],
  ["class-vae", { latent: 8, hidden: 32, flowSteps: 2, flowHidden: 16, draws: 2 }, ["long"]],
] as const)("%s on a frozen network", (name, small, tags) => {
  it("is of its features: learns in epochs without the network, tells novelty by them, and is exported with it", {
    tags: [...tags],
    timeout: 60_000,
  }, async () => {
    const out = join(root, name);
    const run = await startRun(name, { ...call, out, epochs: 30, options: { rate: 0.01, ...small } });
    const events = await allOf(run.events);
    const accuracies = events.flatMap((event) =>
      event.type === "epoch" ? [event.metrics["validation/accuracy"]!] : [],
    );
    // Chance is 0.1; its standard error on 40 pictures is 0.05.
    expect(Math.max(...accuracies)).toBeGreaterThan(0.3);
    const model = await load(out, { backend });
    // A model of features gives no pictures.
    expect(Object.values(model.heads).some(({ gives }) => gives === "picture")).toBe(false);
    expect(Object.keys(model.heads)).toEqual(expect.arrayContaining(["encode", "featureError", "novelty"]));
    const picture = await gather(data.test!, range(0, 5));
    const pixels: NdArray = { shape: [5, 28, 28, 1], dtype: "uint8", data: picture };
    const executable = await backend.load(readFileSync(join(out, "model.onnx")));
    const [probabilities, label] = [zeros([5, 10]), zeros([5], "int32")];
    await executable.run({ pixels }, { probabilities, label });
    const expected = softmaxRows((await model.logits(picture)).data, 10, model.temperature);
    for (let i = 0; i < 50; i++) expect(probabilities.data[i]).toBeCloseTo(expected[i]!, 5);
    const errors = (await model.run("featureError", { picture })).data;
    for (const error of errors) expect(error).toBeGreaterThan(0);
    const constants = new Uint8Array(picture.length).fill(255);
    const novelty = async (pictures: Uint8Array) =>
      Math.max(...(await model.run("novelty", { picture: pictures })).data);
    expect(await novelty(constants)).toBeGreaterThan(await novelty(picture));
  });
});

it("a decoder of pictures above a frozen network learns from each picture with its own features", async () => {
  const out = join(root, "pictures");
  const options = { latent: 8, hidden: 32, width: 8, depth: 2, decodes: "pictures" };
  await allOf((await startRun("vae", { ...call, out, epochs: 1, options })).events);
  const model = await load(out, { backend });
  expect(Object.keys(model.heads)).toEqual(expect.arrayContaining(["reconstruct", "sample", "elbo"]));
});

it("multiscale sees the maps of each size of the network", async () => {
  const plan = planRun("multiscale", { backbone, image: { height: 28, width: 28 } });
  // 8 channels at half the size, after the convolution of each channel; 32 at a quarter.
  expect(plan.backbone!.backbone.scales).toEqual([
    { name: "second relu", width: 8 },
    { name: "map", width: 32 },
  ]);
  const out = join(root, "multiscale");
  const events = await allOf((await startRun("multiscale", { ...call, out, epochs: 30 })).events);
  const accuracies = events.flatMap((event) => (event.type === "epoch" ? [event.metrics["validation/accuracy"]!] : []));
  // Chance is 0.1; its standard error on 40 pictures is 0.05.
  expect(Math.max(...accuracies)).toBeGreaterThan(0.3);
});

it.each(["cnn", "vae"])("few labels of %s are spread over a graph of features", async (name) => {
  const few = withLabels(data, 4, 1);
  const out = join(root, `few-${name}`);
  const events = await allOf((await startRun(name, { ...call, data: few, out, epochs: 2 })).events);
  const notes = events.flatMap((event) => (event.type === "note" ? [event.text] : []));
  expect(notes.join()).toMatch(/over a graph of pictures: \d+\.\d % of hidden labels come back/);
});

describe("other models on a network that is trained on", () => {
  const small = { latent: 8, hidden: 32, width: 8, depth: 2 };
  it.each([
    ["vae", small],
    ["class-vae", { ...small, flowSteps: 2, flowHidden: 16, draws: 1 }],
    ["multiscale", {}],
  ])(
    "%s moves it",
    async (name, options) => {
      const out = join(root, `${name}-moves`);
      const freeze = ["none"];
      await allOf((await startRun(name, { ...call, out, epochs: 1, freeze, options })).events);
      expect(moved(out, FIRST)).toBe(true);
    },
    60_000,
  );

  it("hybrid and --set decodes=features refuse one", async () => {
    const wish = { ...call, out: join(root, "refused"), freeze: ["none"] };
    await expect(startRun("hybrid", wish)).rejects.toThrowError(/ask for --freeze all/);
    const features = { ...wish, options: { decodes: "features" } };
    await expect(startRun("vae", features)).rejects.toThrowError(/decodes=features needs .*; ask for --freeze all/);
    expect(existsSync(wish.out)).toBe(false);
  });
});

it("a decoder of binary pictures above a network learns binary ones, and the network sees the grey ones", () => {
  const call = { backbone, image: { height: 28, width: 28 } };
  const options = classVae.options.parse({ decodes: "pictures", binarise: "dynamic" });
  const spec = { height: 28, width: 28, channels: 1, mirror: false, classes: data.classes };
  const network = planRun("class-vae", { ...call, options }).backbone!.backbone;
  const density = latentDensity(options, { ...spec, backbone: network }, "pictures");
  expect(density.spec.of).toBe("binary");
  const build = new Build(false);
  const grey = randomArray([2, 28, 28, 1], 1, [0.2, 0.8]);
  const { x, seen } = density.observe(build.root, constant(grey));
  const feeds = Object.fromEntries([
    ...[...initialState(build.state, 1)].map(([path, value]) => [STATE_PREFIX + path, value]),
    ...[...build.noises].map(([path, { shape }]) => [NOISE_PREFIX + path, randomArray(shape, 2, [0, 1])]),
  ]);
  const [drawn, features, expected] = interpret([x, seen, density.observe(build.root, constant(grey)).seen], feeds);
  expect(new Set(drawn!.data)).toEqual(new Set([0, 1]));
  expect(features!.data).toEqual(expected!.data);
});

it("what --until asks for is known of the model on its network", () => {
  const asks = (metric: string, decodes: string) => () =>
    planRun("vae", { backbone, until: { metric, value: 0.9 }, options: { decodes } });
  expect(asks("accuracy", "features")).not.toThrow();
  expect(asks("elbo", "features")).toThrowError(/elbo/);
  expect(asks("elbo", "pictures")).not.toThrow();
});
