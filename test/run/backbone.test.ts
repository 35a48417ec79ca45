// Runs on a pretrained network: what moves and what stays, the cache of features, and a run folder that needs nothing else.
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type NdArray, sizeOf, zeros } from "../../src/base/array.ts";
import { halfToNumber, numberToHalf } from "../../src/base/half.ts";
import { gather, range } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels, withValidation } from "../../src/data/splits.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { NOISE_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import { constant } from "../../src/graph/tensor.ts";
import { softmaxRows } from "../../src/metrics/classification.ts";
import {
  fitFeatureGaussians,
  project,
  relativeDistance,
  residuals,
  unitRows,
} from "../../src/metrics/feature-distance.ts";
import { noveltyTables } from "../../src/metrics/novelty.ts";
import { rarity } from "../../src/metrics/tail-table.ts";
import type { Backbone } from "../../src/models/backbone.ts";
import { classVae } from "../../src/models/class-vae.ts";
import { latentDensity } from "../../src/models/latent-density.ts";
import { testViews } from "../../src/models/test-views.ts";
import { Build, initialState } from "../../src/nn/scope.ts";
import { ExportedClassifier, load, nativeBackend, RunFolder } from "../../src/node.ts";
import { encodeModel, type OnnxConstant } from "../../src/onnx/schema.ts";
import { planRun, resumeRun, startRun } from "../../src/run/train.ts";
import type { RunEvent } from "../../src/train/events.ts";
import { randomArray } from "../helpers.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-backbone-"));
const before = process.env.GENCLASS_CACHE;
process.env.GENCLASS_CACHE = join(root, "cache");
afterAll(() => {
  process.env.GENCLASS_CACHE = before;
  rmSync(root, { recursive: true });
});

const backend = nativeBackend();
const data = withValidation(glyphs({ train: 200, test: 20 }), 0.2, 1);

/** Weights that depend on their shape alone, uniform within `scale` of 0. */
const random = (dims: readonly number[], scale: number) => ({
  data: Float32Array.from(randomArray(dims, sizeOf(dims), [-scale, scale]).data),
});

/** Three convolutions, the second of each channel, over colour pictures of any size, and a classifier of 7 classes. */
function network(name: string): string {
  const constants: OnnxConstant[] = [];
  const weights = (id: string, dims: number[], scale: number) => {
    const { data: values } = random(dims, scale);
    constants.push({ name: id, type: "float32", dims, data: new Uint8Array(values.buffer) });
    return id;
  };
  const conv = (input: string, output: string, dims: number[], stride: number, group = 1) => ({
    op: "Conv",
    inputs: [
      input,
      weights(`${output}.weight`, dims, Math.sqrt(6 / sizeOf(dims.slice(1)))),
      weights(`${output}.bias`, [dims[0]!], 0.2),
    ],
    outputs: [output],
    attributes: { strides: [stride, stride], pads: [1, 1, 1, 1], group },
  });
  const plain = (op: string, input: string, output: string) => ({
    op,
    inputs: [input],
    outputs: [output],
    attributes: {},
  });
  const bytes = encodeModel({
    name,
    nodes: [
      conv("picture", "first", [8, 3, 3, 3], 2),
      plain("Relu", "first", "first relu"),
      conv("first relu", "second", [8, 1, 3, 3], 1, 8),
      plain("Relu", "second", "second relu"),
      conv("second relu", "third", [32, 8, 3, 3], 2),
      plain("Relu", "third", "map"),
      plain("GlobalAveragePool", "map", "pooled"),
      plain("Flatten", "pooled", "features"),
      {
        op: "Gemm",
        inputs: ["features", weights("classes.weight", [32, 7], 1)],
        outputs: ["logits"],
        attributes: {},
      },
    ],
    constants,
    inputs: [{ name: "picture", type: "float32", dims: ["n", 3, "h", "w"] }],
    outputs: [{ name: "logits", type: "float32", dims: ["n", 7] }],
  });
  const path = join(root, `${name}.onnx`);
  writeFileSync(path, bytes);
  return path;
}
const backbone = network("small");
const call = { data, backend, backbone, image: { height: 28, width: 28 }, batch: 40, epochs: 3, seed: 2 };

/** Long enough to learn from features of weights that were never trained. */
const LONGER = { epochs: 40, options: { dropout: 0, rate: 0.02 } };

async function all(events: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const list: RunEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}
const stateOf = (run: string) => RunFolder.checkpointOf(run).state;
const moved = (state: ReadonlyMap<string, NdArray>, path: string) => {
  const first = stateOf(join(root, "frozen")).get(path)!;
  return Buffer.compare(Buffer.from(first.data.buffer), Buffer.from(state.get(path)!.data.buffer)) !== 0;
};

const FIRST = "backbone/stage1/first.weight";
const THIRD = "backbone/stage2/third.weight";

describe("a run on a frozen network", () => {
  const out = join(root, "frozen");
  it("learns from its features, which stay as the file has them, without the classes of the file", async () => {
    const { events } = await startRun("cnn", { ...call, ...LONGER, out });
    const epochs = (await all(events)).flatMap((event) => (event.type === "epoch" ? [event.metrics] : []));
    // Chance is 0.1; its standard error on 40 pictures is 0.05.
    expect(epochs.at(-1)!["validation/accuracy"]).toBeGreaterThan(0.3);
    const state = stateOf(out);
    const file = random([8, 3, 3, 3], Math.sqrt(6 / 27));
    const first = state.get(FIRST)!;
    expect(first.shape).toEqual([3, 3, 3, 8]);
    // [kh, kw, in, out] of [out, in, kh, kw]
    expect(first.data[5 * 24 + 2 * 8 + 4]).toBe(file.data[4 * 27 + 2 * 9 + 5]);
    expect(
      [...state.keys()].some((path) => path.includes("classes.weight") || path.startsWith("average/backbone")),
    ).toBe(false);
  });

  it("takes them from the cache when another run asks for the same", async () => {
    const folder = join(root, "cache/features");
    const files = readdirSync(folder);
    // Of the training part and of the validation part.
    expect(files).toHaveLength(2);
    const { events } = await startRun("cnn", { ...call, ...LONGER, out: join(root, "again") });
    await all(events);
    expect(readdirSync(folder)).toEqual(files);
    const [one, two] = [stateOf(out), stateOf(join(root, "again"))];
    for (const [path, value] of one) expect(two.get(path)!.data, path).toEqual(value.data);
  });

  it("is whole without the file, and the exported network has the trunk and the normalisation inside", async () => {
    const copy = network("gone");
    const { events } = await startRun("cnn", { ...call, backbone: copy, out: join(root, "alone") });
    await all(events);
    rmSync(copy);
    const model = await load(join(root, "alone"), { backend });
    const picture = await gather(data.test!, range(0, 5));
    const logits = await model.logits(picture);
    const executable = await backend.load(readFileSync(join(root, "alone/model.onnx")));
    const probabilities = zeros([5, 10]);
    const label = zeros([5], "int32");
    const pixels: NdArray = { shape: [5, 28, 28, 1], dtype: "uint8", data: picture };
    await executable.run({ pixels }, { probabilities, label });
    const expected = softmaxRows(logits.data, 10, model.temperature);
    for (let i = 0; i < sizeOf([5, 10]); i++) expect(probabilities.data[i]).toBeCloseTo(expected[i]!, 5);
    const kept = readFileSync(join(root, "alone/backbone.onnx"));
    expect(RunFolder.open(join(root, "alone")).config.backboneSha256).toBe(
      createHash("sha256").update(kept).digest("hex"),
    );
  });

  it("stopped and resumed ends with the same bits", async () => {
    const straight = join(root, "straight");
    await all((await startRun("cnn", { ...call, out: straight })).events);
    const stopped = join(root, "stopped");
    let steps = 0;
    await all((await startRun("cnn", { ...call, out: stopped, interrupted: () => ++steps >= 5 })).events);
    await all((await resumeRun(stopped, { data, backend })).events);
    const [one, two] = [stateOf(straight), stateOf(stopped)];
    for (const [path, value] of one) expect(two.get(path)!.data, path).toEqual(value.data);
  });
});

describe("a network that is trained on", () => {
  it.each([
    ["none", true, true],
    ["1", false, true],
    ["2", false, false],
  ])(
    "with --freeze %s",
    async (freeze, first, third) => {
      const out = join(root, `freeze-${freeze}`);
      await all((await startRun("cnn", { ...call, out, epochs: 1, freeze: [freeze] })).events);
      const state = stateOf(out);
      expect([moved(state, FIRST), moved(state, THIRD)]).toEqual([first, third]);
    },
    60_000,
  );
});

it.each([
  ["none", undefined, 32],
  ["none", 40, 40],
  ["all", undefined, 128],
])("with --freeze %s and --batch %s a step has %i pictures", async (freeze, batch, expected) => {
  const out = join(root, `batch-${freeze}-${batch}`);
  const { run } = await startRun("cnn", { ...call, batch, out, freeze: [freeze] });
  expect(run.config.batch).toBe(expected);
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
      await all((await startRun(name, { ...call, out, epochs: 1, freeze, options })).events);
      expect(moved(stateOf(out), FIRST)).toBe(true);
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

describe("novelty on a network", () => {
  it("is told by where the classes of training pictures lie in its features, in the exported file too", async () => {
    const out = join(root, "frozen");
    const model = await load(out, { backend });
    const { tables, features, median, threshold } = noveltyTables(model.fitted)!;
    expect([tables.length, features!.of]).toEqual([3, "pretrained"]);
    const n = data.train.labels.length;
    const all = Array.from({ length: n }, (_, i) => i);
    const rowsOf = async (pictures: Uint8Array) => (await model.run("pretrained", { picture: pictures })).data;
    const known = unitRows((await rowsOf(await gather(data.train, range(0, n)))) as Float32Array, n);
    const projected = project(features!.projection, known);
    const expected = fitFeatureGaussians(projected, data.train.labels, 10, all);
    // Features are kept as half floats while a run trains: a relative 5e-4, here of class means of about 1 after whitening.
    for (const [at, value] of expected.means.entries())
      expect(Math.abs(features!.gaussians.means[at]! - value)).toBeLessThan(0.02 * Math.max(1, Math.abs(value)));

    const picture = await gather(data.test!, range(0, 20));
    const novelty = (await model.run("novelty", { picture })).data;
    const logits = (await model.logits(picture)).data;
    const unit = unitRows((await rowsOf(picture)) as Float32Array, 20);
    const rows = project(features!.projection, unit);
    const beside = residuals(features!.projection, unit, rows);
    for (let i = 0; i < 20; i++) {
      const own = Array.from(logits.subarray(10 * i, 10 * i + 10));
      const energy = -Math.log(own.reduce((total, value) => total + Math.exp(value), 0));
      const statistics = [energy, relativeDistance(features!.gaussians, rows, i), beside[i]!];
      const score = statistics.reduce((total, value, s) => total + rarity(tables[s]!, value), 0);
      // float32 statistics, and tables of rarity up to some tens a unit.
      expect(novelty[i]!).toBeCloseTo((score - median) / (threshold - median), 3);
    }
    const exported = await ExportedClassifier.load(readFileSync(join(out, "model.onnx")), backend);
    for (const [i, answer] of (await exported.classify(picture)).entries())
      expect(Math.abs(answer.novelty! - novelty[i]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(novelty[i]!)));
    await exported.dispose();
    await model.dispose();
  });
});

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
    const events = await all(run.events);
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
    // The exported class-vae takes the noise of its draws beside the picture.
    if (name !== "class-vae") {
      const pixels: NdArray = { shape: [5, 28, 28, 1], dtype: "uint8", data: picture };
      const executable = await backend.load(readFileSync(join(out, "model.onnx")));
      const [probabilities, label] = [zeros([5, 10]), zeros([5], "int32")];
      await executable.run({ pixels }, { probabilities, label });
      const expected = softmaxRows((await model.logits(picture)).data, 10, model.temperature);
      for (let i = 0; i < 50; i++) expect(probabilities.data[i]).toBeCloseTo(expected[i]!, 5);
    }
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
  await all((await startRun("vae", { ...call, out, epochs: 1, options })).events);
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
  const events = await all((await startRun("multiscale", { ...call, out, epochs: 30 })).events);
  const accuracies = events.flatMap((event) => (event.type === "epoch" ? [event.metrics["validation/accuracy"]!] : []));
  // Chance is 0.1; its standard error on 40 pictures is 0.05.
  expect(Math.max(...accuracies)).toBeGreaterThan(0.3);
});

it("few labels are spread over a graph of features", async () => {
  const few = withLabels(data, 4, 1);
  const events = await all((await startRun("cnn", { ...call, data: few, out: join(root, "few"), epochs: 2 })).events);
  const notes = events.flatMap((event) => (event.type === "note" ? [event.text] : []));
  expect(notes.join()).toMatch(/over a graph of codes: \d+\.\d % of hidden labels come back/);
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

it("multiscale and hybrid classify by the views that are asked for, and by one where nothing is said", () => {
  const network = { frozen: "all" } as Backbone;
  const spec = { height: 8, width: 8, channels: 1, mirror: true, classes: ["a", "b"] };
  const chosen = (views: Parameters<typeof testViews>[0]) => [
    testViews(views, spec),
    testViews(views, { ...spec, backbone: network }),
  ];
  expect(chosen("auto")).toEqual(["mirror", "one"]);
  expect(chosen("six")).toEqual(["six", "six"]);
});

describe("a wrong call is refused before there is a run", () => {
  it.each([
    ["gan", { backbone }, /gan is not built on a --backbone; these are: vae, class-vae, cnn, hybrid, multiscale/],
    ["cnn", { backbone: "no-such-network" }, /--backbone no-such-network: no such file/],
    ["cnn", { backbone, augment: "light,mixup" }, /--augment light,mixup mixes pictures, .*--freeze none/],
    ["cnn", { backbone: `${backbone}@thrid` }, /unknown node "thrid"; did you mean "third"/],
    ["cnn", { backbone: join(import.meta.dirname, "backbone.test.ts") }, /not a whole ONNX file/],
  ])("%s %j", (model, options, message) => {
    expect(() => planRun(model, options)).toThrowError(message);
  });

  it("reads pictures at the network's size, whose longer sides are cut", () => {
    expect(planRun("cnn", { backbone }).options).toMatchObject({ image: { height: 224, width: 224 }, resize: "fill" });
    expect(planRun("cnn", { backbone }).backbone!.backbone).toMatchObject({
      cut: "map",
      frozen: "all",
      normalisation: { mean: [0.485, 0.456, 0.406] },
    });
  });
});

describe("half floats", () => {
  it("are the nearest to a value, and back", () => {
    const all = Array.from({ length: 0x10000 }, (_, bits) => bits);
    const changed = all.filter((bits) => {
      const value = halfToNumber(bits);
      return !Number.isNaN(value) && numberToHalf(value) !== bits;
    });
    expect(changed).toEqual([]);
    expect(numberToHalf(1 + 2 ** -11)).toBe(numberToHalf(1));
    expect(numberToHalf(1 + 3 * 2 ** -11)).toBe(numberToHalf(1 + 2 ** -9));
    expect(halfToNumber(numberToHalf(Math.PI))).toBeCloseTo(Math.PI, 2);
    expect(numberToHalf(1e6)).toBe(0x7c00);
    expect(halfToNumber(numberToHalf(Number.NaN))).toBeNaN();
  });
});
