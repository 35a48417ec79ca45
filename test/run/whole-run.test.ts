// A run of a model that is not in the list, from training to report, and another that begins from it.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gather } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels, withValidation } from "../../src/data/splits.ts";
import { evaluate } from "../../src/predict/evaluate.ts";
import { exportHead } from "../../src/predict/export.ts";
import { RunFolder } from "../../src/run/folder.ts";
import { load } from "../../src/run/load.ts";
import { writeReport } from "../../src/run/report.ts";
import { startRun } from "../../src/run/train.ts";
import { nativeBackend } from "../../src/runtime/native.ts";
import type { RunEvent } from "../../src/train/events.ts";
import { allOf } from "../helpers.ts";
import { twoStages } from "../train/two-stages.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-whole-run-"));
afterAll(() => rmSync(root, { recursive: true }));
const data = withLabels(withValidation(glyphs({ train: 600, test: 37 }), 0.1, 0), 10, 0);
const backend = nativeBackend();
const out = join(root, "first");

describe("a run of a model of one's own", () => {
  let events: RunEvent[];
  beforeAll(async () => {
    events = await allOf((await startRun(twoStages, { data, backend, out, epochs: 6, batch: 32 })).events);
  });

  it("goes through its stages, refreshes the table every five steps, and tells what its batches cost", () => {
    const notes = events.flatMap((event) => (event.type === "note" ? [event] : []));
    expect(notes.filter(({ text }) => text.startsWith("stage")).map(({ text }) => text)).toEqual([
      "stage 1 of 2: autoencoder",
      "stage 2 of 2: classifier",
    ]);
    // 540 pictures by 32: 17 steps an epoch. Two epochs, then four: 68 steps, refreshed before steps 1, 6, …, 66 of them.
    const refreshes = notes.filter(({ text }) => text === "soft labels of 440 pictures").map(({ step }) => step - 34);
    expect(refreshes).toEqual(Array.from({ length: 14 }, (_, i) => 5 * i + 1));
    const end = events.at(-1)!;
    if (end.type !== "end") throw new Error("no end event");
    expect(end).toMatchObject({ epoch: 6, step: 102 });
    // Six epochs of all pictures; four of 17 batches of 16 among the 100 with labels.
    expect(end.epochsPerExample.unlabelled).toBe(6);
    expect(end.epochsPerExample.labelled).toBeCloseTo(6 + (4 * 17 * 16) / 100, 9);
    expect(end.streams).toMatchObject({ all: { size: 32 }, labelled: { size: 16 } });
    expect(end.streams.all!.milliseconds).toBeGreaterThan(0);
  });

  it("takes part in a phase when its window is open, on every second step", () => {
    const soft = events.flatMap((event) =>
      event.type === "step" && "soft/loss" in event.losses ? [event.step - 34] : [],
    );
    // From a quarter of the stage's 68 steps on; its steps are numbered from 0, and told from 1.
    expect(soft).toEqual(Array.from({ length: 25 }, (_, i) => 18 + 2 * i + 1));
  });

  it("is loaded, evaluated on 37 pictures and reported", async () => {
    const model = await load(out, { model: twoStages });
    const found = await evaluate(model, data.test!, data.classes);
    expect(found.n).toBe(37);
    expect(found.metrics.accuracy).toBeGreaterThan(0.2);
    const failures: string[] = [];
    const run = RunFolder.open(out, twoStages);
    const file = await writeReport(run, model, data.train, "test", found, (line) => failures.push(line));
    expect(failures).toEqual([]);
    const report = readFileSync(file!, "utf8");
    for (const text of [
      "stage 2 of 2: classifier",
      "soft labels of 440 pictures",
      "labelled",
      "reconstructions",
      "accuracy",
    ])
      expect(report).toContain(text);
    const pixels = await gather(data.test!, [0, 1, 2]);
    const distance = await model.run("blend", { picture: pixels, second: pixels });
    expect([...distance.data]).toEqual([0, 0, 0]);
    await expect(model.run("blend", { picture: pixels })).rejects.toThrowError(
      /takes picture and second; second is missing/,
    );
    await expect(model.run("classify", { picture: pixels.slice(1) })).rejects.toThrowError(/picture has 2351 values/);
    // What was fitted is a constant of the head: the exported file gives the same distances.
    const own = await model.run("distance", { picture: pixels });
    const centre = model.fitted.get("centre")!.data;
    const codes = (await model.encode(pixels)).data;
    const expected = [0, 1, 2].map((i) =>
      Array.from(centre).reduce((sum, value, k) => sum + (codes[24 * i + k]! - value) ** 2, 0),
    );
    own.data.forEach((value, i) => {
      expect(value / expected[i]!).toBeCloseTo(1, 4);
    });
    expect(found.metrics.spread).toBeGreaterThan(0);
    // Logits of another head are not divided by the temperature of the classifier.
    const { outputs } = await exportHead(model, backend, "test", "parity");
    expect(outputs).toEqual(["logits: float32 [batch, 2]"]);
    await model.dispose();
  });

  it("is refused without the model, naming those that are known", async () => {
    await expect(load(out)).rejects.toThrowError(/unknown model "two-stages".*Known: /);
  });

  it("is refused before there is a folder, where an option does not fit the model", async () => {
    const refused = join(root, "refused");
    const call = { data, backend, out: refused, from: out };
    await expect(startRun(twoStages, { ...call, freeze: ["encodr/"] })).rejects.toThrowError(/--freeze encodr/);
    await expect(startRun(twoStages, { ...call, map: { "encodr/": "encoder/" } })).rejects.toThrowError(/--map encodr/);
    const until = { metric: "acuracy", value: 0.9 };
    await expect(startRun(twoStages, { ...call, until })).rejects.toThrowError(/no validation metric "acuracy"/);
    const unlabelled = { ...data, train: { ...data.train, labels: data.train.labels.map(() => -1) } };
    await expect(startRun(twoStages, { data: unlabelled, backend, out: refused })).rejects.toThrowError(
      /stream "labelled" has no pictures/,
    );
    expect(existsSync(refused)).toBe(false);
  });

  it("can be begun from, with renamed and frozen parts: those stay bit for bit", async () => {
    const second = join(root, "second");
    const training = await startRun(twoStages, {
      ...{ data, backend, out: second, epochs: 3, batch: 32, from: out },
      freeze: ["encoder/"],
    });
    const told = await allOf(training.events);
    const note = told.find((event) => event.type === "note");
    expect(note).toMatchObject({ text: expect.stringMatching(/^taken: \d+ of \d+ arrays$/) });
    const [before, after] = [out, second].map((path) => RunFolder.open(path, twoStages).trained().state);
    const trunk = [...after!.keys()].filter((path) => path.startsWith("encoder/"));
    expect(trunk.length).toBeGreaterThan(3);
    for (const path of trunk)
      expect(after!.get(path)!.data, path).toEqual((before!.get(`average/${path}`) ?? before!.get(path))!.data);
    expect(after!.get("classifier/weights")!.data).not.toEqual(before!.get("average/classifier/weights")!.data);
  });
});
