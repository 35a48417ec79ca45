// Runs on a pretrained network: what moves and what stays, the cache of features, and a run folder that needs nothing else.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type NdArray, sizeOf, zeros } from "../../src/base/array.ts";
import { gather, range } from "../../src/data/dataset.ts";
import { inMemory } from "../../src/data/pixels.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withValidation } from "../../src/data/splits.ts";
import { softmaxRows } from "../../src/metrics/classification.ts";
import {
  fitFeatureGaussians,
  project,
  relativeDistance,
  residual,
  unitRows,
} from "../../src/metrics/feature-distance.ts";
import { noveltyTables } from "../../src/metrics/novelty.ts";
import { rarity } from "../../src/metrics/tail-table.ts";
import { ExportedClassifier, load, nativeBackend, RunFolder } from "../../src/node.ts";
import { planRun, resumeRun, startRun } from "../../src/run/train.ts";
import { allOf } from "../helpers.ts";
import { FIRST, moved, random, THIRD, writeNetwork } from "./small-network.ts";
import { workplace } from "./workplace.ts";

const root = workplace("backbone");
const backend = nativeBackend();
const data = withValidation(glyphs({ train: 200, test: 20 }), 0.2, 1);

const backbone = writeNetwork(root, "small");
const call = { data, backend, backbone, image: { height: 28, width: 28 }, batch: 40, epochs: 3, seed: 2 };

/** Long enough to learn from features of weights that were never trained. */
const LONGER = { epochs: 40, options: { dropout: 0, rate: 0.02 } };

const stateOf = (run: string) => RunFolder.checkpointOf(run).state;

describe("a run on a frozen network", () => {
  const out = join(root, "frozen");
  it("learns from its features, which stay as the file has them, without the classes of the file", async () => {
    const { events } = await startRun("cnn", { ...call, ...LONGER, out });
    const epochs = (await allOf(events)).flatMap((event) => (event.type === "epoch" ? [event.metrics] : []));
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
    await allOf(events);
    expect(readdirSync(folder)).toEqual(files);
    const [one, two] = [stateOf(out), stateOf(join(root, "again"))];
    for (const [path, value] of one) expect(two.get(path)!.data, path).toEqual(value.data);
  });

  it("computes them anew where one of the pictures was repaired under its name", async () => {
    const folder = join(root, "cache/features");
    const bytes = await gather(data.train);
    const run = async (out: string) => {
      const pixels = inMemory(28 * 28, Uint8Array.from(bytes));
      const train = { ...data.train, pixels, name: (i: number) => `${i}.png` };
      const { events } = await startRun("cnn", { ...call, data: { ...data, train }, epochs: 1, out: join(root, out) });
      await allOf(events);
      return readdirSync(folder).length;
    };
    const before = await run("damaged");
    expect(await run("same")).toBe(before);
    // A picture that is not among a hundred at equal distances.
    bytes[2 * 28 * 28] = 255 - bytes[2 * 28 * 28]!;
    expect(await run("repaired")).toBe(before + 1);
  });

  it("is whole without the file, and the exported network has the trunk and the normalisation inside", async () => {
    const copy = writeNetwork(root, "gone");
    const { events } = await startRun("cnn", { ...call, backbone: copy, out: join(root, "alone") });
    await allOf(events);
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
    await allOf((await startRun("cnn", { ...call, out: straight })).events);
    const stopped = join(root, "stopped");
    let steps = 0;
    await allOf((await startRun("cnn", { ...call, out: stopped, interrupted: () => ++steps >= 5 })).events);
    await allOf((await resumeRun(stopped, { data, backend })).events);
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
      await allOf((await startRun("cnn", { ...call, out, epochs: 1, freeze: [freeze] })).events);
      expect([moved(out, FIRST), moved(out, THIRD)]).toEqual([first, third]);
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
    for (let i = 0; i < 20; i++) {
      const own = Array.from(logits.subarray(10 * i, 10 * i + 10));
      const energy = -Math.log(own.reduce((total, value) => total + Math.exp(value), 0));
      const beside = residual(features!.projection, unit, rows, i);
      const statistics = [energy, relativeDistance(features!.gaussians, rows, i), beside];
      const score = Math.hypot(...statistics.map((value, s) => rarity(tables[s]!, value)));
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
